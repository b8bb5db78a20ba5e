using Fairlead.KernelTests.Cni.Reference;

namespace Fairlead.GuestTests.Cni;

/// <summary>The reference plugins and ours, with the same inputs, for the kinds of interfaces that this machine's own kernel lacks.</summary>
public sealed class ReferenceLinkKindTests : ReferenceComparison
{
    private const string Parent = "link add m0 mtu 1400 type veth peer name m1 mtu 1400\nlink set m0 up\nlink set m1 up";
    private const string Subnet = "\"subnet\":\"10.1.0.0/24\"";
    private const string BothFamilies = "\"ranges\":[[{\"subnet\":\"10.1.0.0/24\"}],[{\"subnet\":\"fd00:1::/64\"}]]";

    /// <summary>Newer reference plugins do as ours.</summary>
    private static readonly Difference s_cableAlone = new(
        "an interface without addresses is a cable, which a program in the container may want",
        """
        ADD: refused, code 999
        pod link eth0 vlan mtu 1400 down MAC
        DEL: refused, code 999
        pod link eth0 vlan mtu 1400 down MAC
        """,
        """
        ADD: {"cniVersion":"1.0.0","dns":{},"interfaces":[{"mac":"MAC","name":"eth0","sandbox":"$NETNS"}]}
        pod link eth0 vlan mtu 1400 up MAC
        CHECK: done
        DEL: done
        """);

    private static readonly Difference s_mtuOfMaster = new(
        "what is longer than the master's packets never leaves it: refused, as the reference does for vlan and macvlan",
        """
        ADD: {"cniVersion":"1.0.0","dns":{},"interfaces":[{"mac":"MAC","name":"eth0","sandbox":"$NETNS"}],"ips":[{"address":"10.1.0.2/24","gateway":"10.1.0.1","interface":0}]}
        pod address eth0 10.1.0.2/24 global brd 10.1.0.255
        pod link eth0 ipvlan mtu 1500 up MAC mode l2
        pod route 10.1.0.0/24 dev eth0 table main scope link src 10.1.0.2
        file net/10.1.0.2: c1\r\neth0
        file net/last_reserved_ip.0: 10.1.0.2
        CHECK: done
        file net/last_reserved_ip.0: 10.1.0.2
        """,
        "ADD: refused, code 7");

    private static readonly Difference s_nothingLeft = new("a refused ADD leaves nothing behind", "pod link eth0 ipvlan mtu 1400 down MAC mode l2", "");

    private static readonly Difference s_ownTable = new(
        "two VRFs that lead to one table are not apart from each other: refused",
        """
        ADD: {"cniVersion":"1.0.0","dns":{},"interfaces":[{"mac":"02:00:00:00:00:02","name":"eth0","sandbox":"$NETNS"}],"ips":[{"address":"10.1.0.2/24","gateway":"10.1.0.1","interface":0}]}
        pod link eth0 veth mtu 1500 up master red:  02:00:00:00:00:02
        pod link red vrf mtu 65575 up MAC
        pod route 10.1.0.0/24 dev eth0 table 77 scope link src 10.1.0.2
        pod route fd00:1::/64 dev eth0 table 77 scope global
        CHECK: done
        """,
        """
        ADD: refused, code 7
        pod route fd00:1::/64 dev eth0 table main scope global
        pod address eth0 fd00:1::2/64 global
        pod link eth0 veth mtu 1500 up 02:00:00:00:00:02
        pod route 10.1.0.0/24 dev eth0 table main scope link src 10.1.0.2
        pod route fd00:1::/64 dev eth0 table main scope global
        """);

    private static readonly ReferenceCase[] s_table =
    [
        Vlan("plain"),
        Vlan("both families", ipam: BothFamilies),
        Vlan("a default route", ipam: $"{Subnet},\"routes\":[{{\"dst\":\"0.0.0.0/0\"}}]"),
        Vlan("mtu", "\"vlanId\":7,\"mtu\":1300"),
        Vlan("an mtu above the master's", "\"vlanId\":7,\"mtu\":1500") with { Code = 7, Difference = ReferenceDifferences.DeletesAnyway },
        Vlan("no tag", ""),
        Vlan("the largest tag", "\"vlanId\":4094"),
        Vlan("a tag too large", "\"vlanId\":4095") with { Code = 7, Difference = ReferenceDifferences.DeletesAnyway },
        Vlan("a tag below nothing", "\"vlanId\":-1") with { Code = 7, Difference = ReferenceDifferences.DeletesAnyway },
        Vlan("without addresses", ipam: "") with { Difference = s_cableAlone },
        Vlan("a master that is not there") with { Code = 7, Difference = ReferenceDifferences.DeletesAnyway, Setup = "" },
        Vlan("a container's interface of the master's name") with { Variables = new Dictionary<string, string> { ["CNI_IFNAME"] = "m0" } },
        Vlan("two containers") with { Code = 7, Verbs = "ADD ADD2 STATE DEL" },
        Vlan("DEL twice") with { Verbs = "ADD DEL DEL" },
        Vlan("DEL of what was never added") with { Verbs = "DEL" },
        Vlan("dns of the configuration", "\"vlanId\":7,\"dns\":{\"nameservers\":[\"10.0.0.10\"]}"),
        Ipvlan("plain", ""),
        Ipvlan("mode l2", "\"mode\":\"l2\""),
        Ipvlan("mode l3", "\"mode\":\"l3\""),
        Ipvlan("mode l3s", "\"mode\":\"l3s\""),
        Ipvlan("a mode that is none", "\"mode\":\"l4\"") with { Code = 7 },
        Ipvlan("both families", "", BothFamilies),
        Ipvlan("a default route", "", $"{Subnet},\"routes\":[{{\"dst\":\"0.0.0.0/0\"}}]"),
        Ipvlan("mtu", "\"mtu\":1300"),
        Ipvlan("an mtu above the master's", "\"mtu\":1500") with { Code = 7, Difference = s_mtuOfMaster },
        Ipvlan("without addresses", "", "") with { Code = 7, Difference = s_nothingLeft },
        Ipvlan("a master that is not there", "") with { Code = 7, Setup = "" },
        Ipvlan("two containers", "") with { Verbs = "ADD ADD2 STATE CHECK CHECK2 DEL STATE DEL2" },
        Ipvlan("DEL twice", "") with { Verbs = "ADD DEL DEL" },
        Vrf("plain", "\"vrfname\":\"red\""),
        Vrf("a table", "\"vrfname\":\"red\",\"table\":42"),
        Vrf("no name", "") with { Code = 7 },
        Vrf("a vrf that is there", "\"vrfname\":\"red\"", "link add red type vrf table 77\nlink set red up"),
        Vrf("a vrf that is there with another table", "\"vrfname\":\"red\",\"table\":42", "link add red type vrf table 77\nlink set red up") with { Code = 7 },
        Vrf("a table that another vrf has", "\"vrfname\":\"red\",\"table\":77", "link add blue type vrf table 77\nlink set blue up") with { Code = 7, Difference = s_ownTable },
        Vrf("the name of another kind of link", "\"vrfname\":\"red\"", "link add red type dummy") with { Code = 7, Difference = ReferenceDifferences.DeletesAnyway },
        Vrf("another interface in it", "\"vrfname\":\"red\"", "link add red type vrf table 77\nlink set red up\nlink add d0 type dummy\nlink set d0 master red"),
        Bridge("vlan", "\"vlan\":100"),
        Bridge("vlan and isGateway", "\"vlan\":100,\"isGateway\":true"),
        Bridge("vlan and isDefaultGateway, both families", "\"vlan\":100,\"isDefaultGateway\":true", BothFamilies),
        Bridge("vlan and mtu", "\"vlan\":100,\"isGateway\":true,\"mtu\":1400"),
        // Without CHECK: the reference's bridge takes its address from its ports, and CHECK finds it changed by the second, or not, as it happens.
        Bridge("vlan and two containers", "\"vlan\":100") with { Verbs = "ADD ADD2 STATE DEL STATE DEL2" },
        Bridge("vlan and no addresses", "\"vlan\":100", "") with { Difference = ReferenceDifferences.ChecksRight },
        Bridge("a bridge that does not filter yet", "\"vlan\":100") with { Setup = "link add br0 address 02:00:00:00:00:09 type bridge\nlink set br0 up" },
        Bridge("a tag too large", "\"vlan\":4095") with { Code = 7, Difference = ReferenceDifferences.DeletesAnyway },
        Bridge("a tag below nothing", "\"vlan\":-1") with { Code = 7, Difference = ReferenceDifferences.DeletesAnyway },
    ];

    public static TheoryData<string> Names => [.. s_table.Where((_, row) => Guest.HasRow(row)).Select(c => c.Name)];

    [Theory, MemberData(nameof(Names))]
    public Task Kinds_of_links_are_made_alike(string name) => CompareAsync(s_table.Single(c => c.Name == name));

    private static ReferenceCase Vlan(string name, string more = "\"vlanId\":7", string ipam = Subnet)
        => new($"vlan: {name}", "vlan", Config("vlan", $"\"master\":\"m0\"{Key(more)}", ipam)) { Setup = Parent };

    private static ReferenceCase Ipvlan(string name, string more, string ipam = Subnet)
        => new($"ipvlan: {name}", "ipvlan", Config("ipvlan", $"\"master\":\"m0\"{Key(more)}", ipam)) { Setup = Parent };

    private static ReferenceCase Bridge(string name, string more, string ipam = Subnet)
        => new($"bridge: {name}", "bridge", Config("bridge", $"\"bridge\":\"br0\"{Key(more)}", ipam));

    private static string Config(string type, string more, string ipam)
        => $"{{\"cniVersion\":\"1.0.0\",\"name\":\"net\",\"type\":\"{type}\",{more}{(ipam.Length == 0 ? "" : $",\"ipam\":{{\"type\":\"host-local\",\"dataDir\":\"$DATA\",{ipam}}}")}}}";

    /// <summary>Of the container of the other tables of chained plugins, which has 10.1.0.2 and a default route.</summary>
    private static ReferenceCase Vrf(string name, string more, string inside = "") => new($"vrf: {name}", "vrf", $$"""
        {"cniVersion":"1.0.0","name":"net","type":"vrf"{{Key(more)}},
         "prevResult":{"cniVersion":"1.0.0","interfaces":[{"name":"eth0","mac":"02:00:00:00:00:02","sandbox":"$NETNS"}],"ips":[{"address":"10.1.0.2/24","gateway":"10.1.0.1","interface":0}] } }
        """)
    {
        Setup = "link add host0 address 02:00:00:00:00:01 type veth peer name eth0 address 02:00:00:00:00:02 netns $POD\nlink set host0 up",
        PodSetup = $"link set lo up\nlink set eth0 up\naddress add 10.1.0.2/24 dev eth0\naddress add fd00:1::2/64 dev eth0 nodad\n{inside}",
    };

    private static string Key(string keys) => keys.Length == 0 ? "" : $",{keys}";
}
