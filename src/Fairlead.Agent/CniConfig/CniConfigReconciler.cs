using Fairlead.Agent.Overlay;
using Fairlead.Agent.Problems;
using Fairlead.Core.Nodes;
using Fairlead.Core.State;
using Fairlead.Kube.State;
using Microsoft.Extensions.Logging;

namespace Fairlead.Agent.CniConfig;

/// <summary>Writes the CNI configuration once the node can carry pods: runtimes take the file's presence for that.</summary>
/// <remarks>
/// It is given only topologies whose overlay is in force. The file is complete before it has its name. Other networks' files in
/// the folder are named in the log and left alone.
/// </remarks>
internal sealed partial class CniConfigReconciler(
    string folder, string pluginFolder, CniPaths paths, Snapshot<OverlayInForce> overlay, ProblemBoard board, ILogger<CniConfigReconciler> logger)
    : IReconciler<NodeTopology>
{
    public string Name => "cni-config";

    private string File => Path.Combine(folder, CniConflist.FileName);

    /// <summary>Not a name that a runtime would read.</summary>
    private string Draft => Path.Combine(folder, $".{CniConflist.FileName}.new");

    public async Task ReconcileAsync(NodeTopology desired, CancellationToken ct)
    {
        if (desired.Self is not { } self || overlay.Current is not { Mtu: > 0 and var mtu })
        {
            return;
        }

        var wanted = CniConflist.Render(self.PodRanges, mtu, paths);
        Directory.CreateDirectory(folder);
        board.Set(Name, [.. Others(), .. Missing()]);
        if (System.IO.File.Exists(File) && (await System.IO.File.ReadAllBytesAsync(File, ct)).AsSpan().SequenceEqual(wanted))
        {
            return;
        }

        await System.IO.File.WriteAllBytesAsync(Draft, wanted, ct);
        System.IO.File.Move(Draft, File, overwrite: true);
        LogWritten(File, string.Join(", ", self.PodRanges));
    }

    public Task CleanAsync(CancellationToken ct)
    {
        if (Directory.Exists(folder))
        {
            System.IO.File.Delete(File);
            System.IO.File.Delete(Draft);
        }

        return Task.CompletedTask;
    }

    /// <summary>Which other networks there are, and whether a runtime would take one of them before ours.</summary>
    private IEnumerable<Problem> Others()
    {
        var others = Directory.EnumerateFiles(folder)
            .Select(path => Path.GetFileName(path)!)
            .Where(name => name != CniConflist.FileName && Path.GetExtension(name) is ".conf" or ".conflist" or ".json")
            .Order(StringComparer.Ordinal)
            .ToList();
        if (others.Count > 0)
        {
            var text = string.Join(", ", others);
            yield return string.CompareOrdinal(others[0], CniConflist.FileName) < 0
                ? new("OtherCniNetworkFirst", $"{folder} also holds {text}: left alone, but the container runtime takes {others[0]} before {CniConflist.FileName}; remove it to use Fairlead")
                : new("OtherCniNetwork", $"{folder} also holds {text}: left alone; the container runtime takes {CniConflist.FileName} before; remove what is not used any more");
        }
    }

    /// <summary>Which plugins the runtime will not find: the pods' error would come later and say less.</summary>
    private IEnumerable<Problem> Missing()
    {
        var missing = CniConflist.Plugins.Where(plugin => !System.IO.File.Exists(Path.Combine(pluginFolder, plugin))).ToList();
        if (missing.Count > 0)
        {
            yield return new("CniPluginsMissing", $"{pluginFolder} lacks the CNI plugins {string.Join(", ", missing)}: pods will not start; fairlead cni install {pluginFolder} puts them there");
        }
    }

    [LoggerMessage(LogLevel.Information, "Wrote {File} for pod range {PodRange}")]
    private partial void LogWritten(string file, string podRange);
}
