namespace Fairlead.KernelTests.Cni.Reference;

/// <summary>Configurations that the tables vary. <c>VERSION</c> stands for the version where a table goes through all.</summary>
internal static class Networks
{
    private const string OneSubnet = "\"subnet\":\"10.1.0.0/24\"";

    public static string Ranges(params string[] subnets) => $"\"ranges\":[{string.Join(',', subnets.Select(s => $"[{{\"subnet\":\"{s}\"}}]"))}]";

    /// <param name="more">Further keys of the plugin.</param>
    /// <param name="ipam">The keys of <c>ipam</c> but type and folder.</param>
    public static ReferenceCase Bridge(string more = "", string ipam = OneSubnet, string version = "VERSION")
        => new("", "bridge", Config("bridge", "\"bridge\":\"br0\"", more, ipam, version));

    public static ReferenceCase PointToPoint(string more = "", string ipam = OneSubnet, string version = "VERSION")
        => new("", "ptp", Config("ptp", "\"mtu\":1400", more, ipam, version));

    public static ReferenceCase Macvlan(string more = "", string ipam = OneSubnet, string version = "VERSION")
        => new("", "macvlan", Config("macvlan", "\"master\":\"m0\"", more, ipam, version)) { Setup = "link add m0 type veth peer name m1\nlink set m0 up\nlink set m1 up" };

    public static ReferenceCase HostDevice(string more = "\"device\":\"hd0\"", string ipam = OneSubnet, string version = "VERSION")
        => new("", "host-device", Config("host-device", "", more, ipam, version)) { Setup = "link add hd0 address 02:00:00:00:00:05 type veth peer name hd1\nlink set hd1 up" };

    public static ReferenceCase HostLocal(string ipam, string version = "VERSION", string more = "")
        => new("", "host-local", Config("host-local", "", more, ipam, version)) { Verbs = "ADD CHECK ADD2 STATE DEL DEL2" };

    public static ReferenceCase Static(string ipam, string version = "VERSION", string more = "")
        => new("", "static", Config("host-local", "", more, ipam, version).Replace("host-local", "static", StringComparison.Ordinal)) { Verbs = "ADD CHECK DEL" };

    /// <summary>A plugin that comes after another: the container has an eth0 with 10.1.0.2, whose other end is host0.</summary>
    public static ReferenceCase Chained(string plugin, string more, string version = "1.0.0")
        => new("", plugin, $$"""
            {"cniVersion":"{{version}}","name":"net","type":"{{plugin}}"{{Key(more)}},
             "prevResult":{"cniVersion":"{{version}}","interfaces":[{"name":"host0","mac":"02:00:00:00:00:01"},{"name":"eth0","mac":"02:00:00:00:00:02","sandbox":"$NETNS"}],
              "ips":[ { {{(version[0] == '0' ? "\"version\":\"4\"," : "")}} "address":"10.1.0.2/24","gateway":"10.1.0.1","interface":1}],"routes":[{"dst":"0.0.0.0/0","gw":"10.1.0.1"}],"dns":{} } }
            """)
        {
            Setup = "link add host0 address 02:00:00:00:00:01 type veth peer name eth0 address 02:00:00:00:00:02 netns $POD\nlink set host0 up\naddress add 10.1.0.1/24 dev host0",
            PodSetup = "link set lo up\nlink set eth0 up\naddress add 10.1.0.2/24 dev eth0\nroute add default via 10.1.0.1",
        };

    private static string Config(string type, string own, string more, string ipam, string version)
    {
        var addresses = ipam.Length == 0 ? "" : $",\"ipam\":{{\"type\":\"host-local\",\"dataDir\":\"$DATA\",{ipam}}}";
        return $"{{\"cniVersion\":\"{version}\",\"name\":\"net\",\"type\":\"{type}\"{Key(own)}{Key(more)}{addresses}}}";
    }

    private static string Key(string keys) => keys.Trim().Length == 0 ? "" : $",{keys.Trim()}";
}
