using System.Globalization;
using Fairlead.Cni.Protocol;

namespace Fairlead.Cni.Runtime.Explain;

/// <summary>The plugins that join a container by a virtual cable: bridge and ptp.</summary>
internal static class CableExplainer
{
    private const string GivenNamespace = "the runtime made the container's network namespace; CNI_NETNS says where";

    public static void Bridge(ConfigNode config, List<CniStep> steps)
    {
        var bridge = config["bridge"].Text() is { Length: > 0 } name ? name : "cni0";
        var isDefaultGateway = config["isDefaultGateway"].Flag();
        var isGateway = isDefaultGateway || config["isGateway"].Flag();
        var mtu = config["mtu"].Number(0, 0, int.MaxValue);
        steps.Add(new("namespace", GivenNamespace));
        steps.Add(new("bridge", $"{bridge}, made if it is missing{Extra(config, "promiscMode", ", promiscuous")}{Extra(config, "vlan", value => $", VLAN {value}")}"));
        steps.Add(new("veth", $"a pair: one end for the container, one for the bridge{(mtu > 0 ? string.Create(CultureInfo.InvariantCulture, $", MTU {mtu}") : "")}"));
        steps.Add(new("attach", "one end to the container's namespace, as CNI_IFNAME says (eth0)"));
        steps.Add(new("attach", $"the other end to {bridge}{Extra(config, "hairpinMode", ", in hairpin mode")}{Extra(config, "portIsolation", ", isolated from other ports")}"));
        var subnets = AddressExplainer.Addresses(config["ipam"], config["ipam"]["type"].Text(), steps);
        if (isGateway && config["ipam"].Exists)
        {
            steps.Add(new("address", $"the gateway's to {bridge}, and the host forwards packets"));
        }

        steps.Add(new("up", config["disableContainerInterface"].Flag() ? $"{bridge} and its end of the pair; the container's stays down" : $"{bridge} and both ends"));
        if (isDefaultGateway)
        {
            steps.Add(new("route", $"the container's default by {bridge}"));
        }

        Masquerade(config, subnets, steps);
        if (config["macspoofchk"].Flag())
        {
            steps.Add(new("rule", "frames of the container with another hardware address are dropped"));
        }
    }

    public static void PointToPoint(ConfigNode config, List<CniStep> steps)
    {
        steps.Add(new("namespace", GivenNamespace));
        steps.Add(new("veth", "a pair: one end for the container, one that stays with the host"));
        steps.Add(new("attach", "one end to the container's namespace, as CNI_IFNAME says (eth0)"));
        var subnets = AddressExplainer.Addresses(config["ipam"], config["ipam"]["type"].Text(), steps);
        steps.Add(new("address", "the gateway's to the host's end, for this container alone"));
        steps.Add(new("up", "both ends"));
        steps.Add(new("route", "on the host: the container's address by its cable; in the container: the network by the gateway"));
        Masquerade(config, subnets, steps);
    }

    private static void Masquerade(ConfigNode config, string subnets, List<CniStep> steps)
    {
        if (config["ipMasq"].Flag())
        {
            steps.Add(new("masquerade", $"packets of the container that leave {(subnets.Length == 0 ? "its network" : subnets)} get the host's address"));
        }
    }

    private static string Extra(ConfigNode config, string key, string text) => config[key].Flag() ? text : "";

    private static string Extra(ConfigNode config, string key, Func<string, string> text)
        => config[key].Number(0, 0, int.MaxValue) is > 0 and var number ? text(number.ToString(CultureInfo.InvariantCulture)) : "";
}
