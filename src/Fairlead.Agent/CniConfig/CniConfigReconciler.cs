using Fairlead.Agent.Overlay;
using Fairlead.Core.Nodes;
using Fairlead.Core.State;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;
using Microsoft.Extensions.Logging;

namespace Fairlead.Agent.CniConfig;

/// <summary>Writes the CNI configuration once the node can carry pods: runtimes take the file's presence for that.</summary>
/// <remarks>
/// It is given only topologies whose overlay is in force. The file is complete before it has its name. Other networks' files in
/// the folder are named in the log and left alone.
/// </remarks>
public sealed partial class CniConfigReconciler(
    string folder, string pluginFolder, string stateFolder, NetworkNamespace? network, ILogger<CniConfigReconciler> logger)
    : IReconciler<NodeTopology>
{
    private string? _named;
    private string? _missed;

    public string Name => "cni-config";

    private string File => Path.Combine(folder, CniConflist.FileName);

    /// <summary>Not a name that a runtime would read.</summary>
    private string Draft => Path.Combine(folder, $".{CniConflist.FileName}.new");

    public async Task ReconcileAsync(NodeTopology desired, CancellationToken ct)
    {
        if (desired.Self is not { } self)
        {
            return;
        }

        using var routes = RouteSocket.Open(network);
        var mtu = routes.GetLink(VxlanPlanner.LinkName).Mtu;
        var wanted = CniConflist.Render(self.PodRanges, mtu, Path.Combine(stateFolder, "cni", "networks"));
        Directory.CreateDirectory(folder);
        NameOthers();
        NameMissing();
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

    /// <summary>Says once which other networks there are, and whether a runtime would take one of them before ours.</summary>
    private void NameOthers()
    {
        var others = Directory.EnumerateFiles(folder)
            .Select(path => Path.GetFileName(path)!)
            .Where(name => name != CniConflist.FileName && Path.GetExtension(name) is ".conf" or ".conflist" or ".json")
            .Order(StringComparer.Ordinal)
            .ToList();
        var text = string.Join(", ", others);
        if (text.Length > 0 && text != _named)
        {
            if (string.CompareOrdinal(others[0], CniConflist.FileName) < 0)
            {
                LogShadowed(folder, text, others[0], CniConflist.FileName);
            }
            else
            {
                LogOthers(folder, text);
            }
        }

        _named = text;
    }

    /// <summary>Says once which plugins the runtime will not find: the pods' error would come later and say less.</summary>
    private void NameMissing()
    {
        var missing = string.Join(", ", CniConflist.Plugins.Where(plugin => !System.IO.File.Exists(Path.Combine(pluginFolder, plugin))));
        if (missing.Length > 0 && missing != _missed)
        {
            LogMissing(pluginFolder, missing);
        }

        _missed = missing;
    }

    [LoggerMessage(LogLevel.Warning, "{Folder} lacks the CNI plugins {Missing}: pods will not start; fairlead cni install {Folder} puts them there")]
    private partial void LogMissing(string folder, string missing);

    [LoggerMessage(LogLevel.Information, "Wrote {File} for pod range {PodRange}")]
    private partial void LogWritten(string file, string podRange);

    [LoggerMessage(LogLevel.Information, "{Folder} also holds {Others}: left alone")]
    private partial void LogOthers(string folder, string others);

    [LoggerMessage(LogLevel.Warning, "{Folder} also holds {Others}: left alone, but the container runtime takes {First} before {Ours}; remove it to use Fairlead")]
    private partial void LogShadowed(string folder, string others, string first, string ours);
}
