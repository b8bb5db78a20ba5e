using System.Globalization;
using Fairlead.Cni.Protocol;

namespace Fairlead.Cni.Runtime.Explain;

/// <summary>The plugins that give a container a link of another kind than a cable.</summary>
internal static class LinkExplainer
{
    private static readonly string[] s_deviceKeys = ["device", "hwaddr", "kernelpath", "pciBusID"];

    public static void Explain(string type, ConfigNode config, List<CniStep> steps)
    {
        if (type == "vrf")
        {
            steps.Add(new("attach", $"the container's interface to the VRF {config["vrfname"].Text()}, made if it is missing"));
            return;
        }

        var master = config["master"].Text() is { Length: > 0 } named ? named : "the interface of the default route";
        steps.Add(new("namespace", "the runtime made the container's network namespace; CNI_NETNS says where"));
        steps.Add(type == "host-device"
            ? new("attach", $"the host's device {Device(config)} to the container's namespace, as CNI_IFNAME says (eth0)")
            : new("attach", $"{Link(type, config, master)}, in the container's namespace, as CNI_IFNAME says (eth0)"));
        AddressExplainer.Addresses(config["ipam"], config["ipam"]["type"].Text(), steps);
        steps.Add(new("up", "the container's interface"));
    }

    private static string Link(string type, ConfigNode config, string master) => type switch
    {
        "macvlan" => $"a macvlan of {master}, mode {Mode(config, "bridge")}",
        "ipvlan" => $"an ipvlan of {master}, mode {Mode(config, "l2")}",
        "vlan" => string.Create(CultureInfo.InvariantCulture, $"VLAN {config["vlanId"].Number(0, 0, 4094)} of {master}"),
        "tap" => $"a TAP interface{(config["bridge"].Text() is { Length: > 0 } bridge ? $", a port of {bridge}" : "")}",
        _ => "a dummy interface",
    };

    private static string Mode(ConfigNode config, string usual) => config["mode"].Text() is { Length: > 0 } mode ? mode : usual;

    private static string Device(ConfigNode config)
        => s_deviceKeys.Select(key => config[key].Text()).FirstOrDefault(text => text.Length > 0) ?? "that the runtime names";
}
