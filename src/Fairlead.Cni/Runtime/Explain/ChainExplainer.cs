using Fairlead.Cni.Protocol;

namespace Fairlead.Cni.Runtime.Explain;

/// <summary>Says what a plugin's ADD would do, in the words in which one does it by hand: namespace, veth, bridge, attach, address, up, masquerade.</summary>
/// <remarks>Pure: it reads the configuration and nothing of the host. Options whose value makes no sense are the same faults as in the plugins.</remarks>
internal static class ChainExplainer
{
    public static CniNetworkPlugin Explain(PluginEntry plugin, string? executable)
    {
        var config = new ConfigNode(plugin.Config, "");
        var steps = new List<CniStep>();
        switch (plugin.Type)
        {
            case "bridge" or "net-script" or "fairlead":
                CableExplainer.Bridge(config, steps);
                break;
            case "ptp":
                CableExplainer.PointToPoint(config, steps);
                break;
            case "macvlan" or "ipvlan" or "vlan" or "dummy" or "tap" or "host-device" or "vrf":
                LinkExplainer.Explain(plugin.Type, config, steps);
                break;
            case "loopback":
                steps.Add(new("up", "the container's lo"));
                break;
            case "host-local" or "static" or "dhcp":
                AddressExplainer.Addresses(config, plugin.Type, steps);
                break;
            case "portmap" or "bandwidth" or "firewall" or "tuning" or "sbr":
                ChainedExplainer.Explain(plugin.Type, config, steps);
                break;
            default:
                steps.Add(new("unknown", $"'{plugin.Type}' is not a plugin that Fairlead knows; it is run with its configuration and the result so far"));
                break;
        }

        if (!plugin.Capabilities.IsEmpty)
        {
            steps.Add(new("setting", $"takes from the runtime, where it gives them: {string.Join(", ", plugin.Capabilities.Order(StringComparer.Ordinal))}"));
        }

        return new CniNetworkPlugin(plugin.Type, executable, [.. steps]);
    }
}
