using System.Collections.Immutable;
using Fairlead.Cni.Ipam;

namespace Fairlead.Cni.Plugins;

/// <summary>The plugins by the names they are called. The one place where those are written.</summary>
public static class PluginCatalog
{
    private static readonly ImmutableArray<(string Name, Func<IPlugin> Create)> s_plugins =
    [
        ("bridge", () => new BridgePlugin()),
        ("host-local", () => new HostLocalPlugin()),
        ("loopback", () => new LoopbackPlugin()),
        ("portmap", () => new PortmapPlugin()),
    ];

    /// <summary>Every name, sorted.</summary>
    public static ImmutableArray<string> Names { get; } = [.. s_plugins.Select(p => p.Name).Order(StringComparer.Ordinal)];

    internal static IPlugin? Find(string name)
    {
        foreach (var (known, create) in s_plugins)
        {
            if (string.Equals(known, name, StringComparison.Ordinal))
            {
                return create();
            }
        }

        return null;
    }
}
