using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Text.Json;
using Fairlead.Cni.Protocol;

namespace Fairlead.Cni.Runtime;

/// <summary>Chooses the version in which a network's plugins are spoken to.</summary>
/// <remarks>
/// A network that offers several (<c>cniVersions</c>) gets the highest that its plugins speak too, which the specification leaves to
/// the runtime: so one file serves plugins of 1.1.0 and older ones. They are asked by VERSION, and not again while they are the same
/// files. Where they have none in common the highest is taken, and the plugin that does not speak it says so.
/// </remarks>
internal sealed class PluginVersions(IPluginExecutor executor, Func<string, string?> find)
{
    private readonly ConcurrentDictionary<(string Executable, DateTime Written), ImmutableArray<CniVersion>?> _known = [];

    public async Task<NetworkList> NegotiateAsync(NetworkList network, CancellationToken ct)
    {
        if (network.Offered.Length < 2)
        {
            return network;
        }

        IEnumerable<CniVersion> common = network.Offered;
        foreach (var executable in network.Plugins.SelectMany(p => p.Programs).Distinct(StringComparer.Ordinal).Select(find).OfType<string>())
        {
            var key = (executable, File.GetLastWriteTimeUtc(executable));
            if (!_known.TryGetValue(key, out var spoken))
            {
                spoken = _known[key] = await AskAsync(executable, ct);
            }

            common = spoken is { } some ? common.Intersect(some).ToList() : common;
        }

        return common.Any() ? network with { Version = common.Max() } : network;
    }

    /// <returns>Null where the plugin does not say.</returns>
    private async Task<ImmutableArray<CniVersion>?> AskAsync(string executable, CancellationToken ct)
    {
        // Plugins of before 0.3.0 want the other variables too, whatever they hold.
        var variables = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["CNI_COMMAND"] = "VERSION", ["CNI_CONTAINERID"] = "dummy", ["CNI_NETNS"] = "dummy", ["CNI_IFNAME"] = "dummy", ["CNI_PATH"] = "dummy",
        };
        try
        {
            var outcome = await executor.RunAsync(new PluginStart(executable, variables, """{"cniVersion":"1.0.0"}"""u8.ToArray()), ct);
            var reader = new Utf8JsonReader(outcome.Output.Span);
            var versions = new ConfigNode(JsonElement.ParseValue(ref reader), executable)["supportedVersions"];
            return versions.Exists ? [.. CniVersion.Supported.Intersect(versions.Items().Select(v => CniVersion.TryParse(v.Text(), out var version) ? version : default))] : null;
        }
        catch (Exception e) when (e is TimeoutException or JsonException or CniException or IOException)
        {
            return null;
        }
    }
}
