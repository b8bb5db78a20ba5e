using System.Collections.Immutable;
using Fairlead.Cni.Ipam;
using Fairlead.Cni.Plugins.Chained;
using Fairlead.Cni.Plugins.Links;

namespace Fairlead.Cni.Plugins;

/// <summary>The plugins by the names they are called. The one place where those are written.</summary>
public static class PluginCatalog
{
    private static readonly ImmutableArray<(string Name, Func<IPlugin> Create)> s_plugins =
    [
        ("bandwidth", () => new BandwidthPlugin()),
        ("bridge", () => new BridgePlugin()),
        ("dummy", () => new ContainerLinkPlugin(new DummyLink())),
        ("fairlead", () => new CombinedPlugin()),
        ("firewall", () => new FirewallPlugin()),
        ("host-device", () => new HostDevicePlugin()),
        ("host-local", () => new HostLocalPlugin()),
        ("ipvlan", () => new ContainerLinkPlugin(new IpvlanLink())),
        ("loopback", () => new LoopbackPlugin()),
        ("macvlan", () => new ContainerLinkPlugin(new MacvlanLink())),
        ("net-script", () => new BridgePlugin()), // the name that a script had which did by hand what bridge does
        ("portmap", () => new PortmapPlugin()),
        ("ptp", () => new PtpPlugin()),
        ("sbr", () => new SbrPlugin()),
        ("static", () => new StaticPlugin()),
        ("tap", () => new ContainerLinkPlugin(new TapLink())),
        ("tuning", () => new TuningPlugin()),
        ("vlan", () => new ContainerLinkPlugin(new VlanLink())),
        ("vrf", () => new VrfPlugin()),
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
