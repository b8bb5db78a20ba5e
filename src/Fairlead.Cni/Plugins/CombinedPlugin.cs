using System.Collections.Immutable;
using Fairlead.Cni.Plugins.Chained;
using Fairlead.Cni.Protocol;

namespace Fairlead.Cni.Plugins;

/// <summary>What a chain of bridge, tuning, firewall, portmap and bandwidth does in five processes, in one: <c>fairlead</c>.</summary>
/// <remarks>
/// Its options are those of the parts. A part takes part where there is something for it to do; DEL and GC go through all of them,
/// because the configuration may have been another one at ADD. Those that make links come first, so that DEL removes rules before links.
/// </remarks>
internal sealed class CombinedPlugin : IPlugin
{
    private static readonly string[] s_tuningFields = ["sysctl", "promisc", "allmulti", "txQLen"];

    private static readonly ImmutableArray<Part> s_parts =
    [
        new(new BridgePlugin(), _ => true, call => _ = BridgeConfig.Read(call)),
        new(new TuningPlugin(), config => s_tuningFields.Any(field => config.Root[field].Exists || config.CniArgs[field].Exists), TuningPlugin.Verify),
        new(new BandwidthPlugin(), config => !BandwidthRates.Read(config).IsEmpty, _ => { }),
        new(new FirewallPlugin(), config => config.Root["firewall"].Flag(absent: true), FirewallPlugin.Verify),
        new(new PortmapPlugin(), config => config.Runtime["portMappings"].Items().Any(), PortmapPlugin.Verify),
    ];

    public CniResult Add(PluginCall call)
    {
        using var rollback = new Rollback(call.Host);
        var result = new CniResult();
        var wanted = Wanted(call.Config);
        foreach (var part in wanted)
        {
            part.Verify(call); // before anything is done: what the last part refuses, the first has not made
        }

        foreach (var (plugin, _, _) in wanted)
        {
            // Each part undoes what it did when it fails; those before it are undone here, with what they have reported.
            var next = call with { Config = call.Config.With(result) };
            result = plugin.Add(next);
            var made = call with { Config = call.Config.With(result) };
            rollback.Push(plugin.GetType().Name, () => plugin.Delete(made));
        }

        rollback.Disarm();
        return result;
    }

    public void Delete(PluginCall call) => OfEach(s_parts.Reverse(), plugin => plugin.Delete(call));

    public void Check(PluginCall call)
    {
        foreach (var (plugin, _, _) in Wanted(call.Config))
        {
            plugin.Check(call);
        }
    }

    public void Status(PluginCall call)
    {
        foreach (var (plugin, _, _) in Wanted(call.Config))
        {
            plugin.Status(call);
        }
    }

    public void CollectGarbage(PluginCall call, ImmutableArray<CniAttachmentKey> valid) => OfEach(s_parts, plugin => plugin.CollectGarbage(call, valid));

    private static List<Part> Wanted(NetworkConfig config) => [.. s_parts.Where(part => part.IsWanted(config))];

    /// <summary>One part's failure does not keep the others' things in the kernel.</summary>
    private static void OfEach(IEnumerable<Part> parts, Action<IPlugin> act)
    {
        Exception? first = null;
        foreach (var (plugin, _, _) in parts)
        {
            try
            {
                act(plugin);
            }
            catch (Exception e)
            {
                first ??= e;
            }
        }

        if (first is not null)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(first);
        }
    }

    /// <summary>One of the plugins.</summary>
    /// <param name="IsWanted">Whether the configuration has something for it to do.</param>
    /// <param name="Verify">Refuses options that make no sense.</param>
    private sealed record Part(IPlugin Plugin, Func<NetworkConfig, bool> IsWanted, Action<PluginCall> Verify);
}
