namespace Fairlead.KernelTests.Cni.Reference;

/// <summary>Where ours answers otherwise on purpose, and why.</summary>
public static class ReferenceDifferences
{
    private const string Spoken = "\"0.1.0\",\"0.2.0\",\"0.3.0\",\"0.3.1\",\"0.4.0\",\"1.0.0\"";

    public static Difference UnknownBackend { get; } = new(
        "a backend that is none is refused instead of passed over",
        """
        ADD: {"cniVersion":"1.0.0","dns":{},"interfaces":[{"mac":"02:00:00:00:00:01","name":"host0"},{"mac":"02:00:00:00:00:02","name":"eth0","sandbox":"$NETNS"}],"ips":[{"address":"10.1.0.2/24","gateway":"10.1.0.1","interface":1}],"routes":[{"dst":"0.0.0.0/0","gw":"10.1.0.1"}]}
        CHECK: done
        """,
        "ADD: refused, code 7");

    public static Difference RuleGone { get; } = new("DEL takes the rule away with its table", "pod rule from 10.1.0.2 table 100", "");

    public static Difference RatesGone(bool ingress, bool egress) => new(
        "DEL takes the rates from the host's end too",
        string.Join('\n', (string[])
        [
            .. egress
                ? (string[])
                [
                    """node filter all pref 1 u32 dev host0 match {"value":"0","mask":"0","offmask":"","off":0} mirred redirect egress *""",
                    "node qdisc ingress ffff: dev host0 ffff:fff1 {}",
                ]
                : [],
            .. ingress ? ["""node qdisc tbf 1: dev host0 root {"rate":125000,"burst":10000,"lat":25000}"""] : Array.Empty<string>(),
        ]),
        "");

    public static Difference DeletesTwice { get; } = new("DEL takes what is gone for done", "DEL: refused, code 999\nDEL: refused, code 999", "DEL: done\nDEL: done");

    public static Difference ChecksRight { get; } = new("the reference refuses in CHECK what its own ADD made a moment before", "CHECK: refused, code 999", "CHECK: done");

    public static Difference DeletesAnyway { get; } = new("DEL must not fail for what an ADD would have refused", "DEL: refused, code 999", "DEL: done");

    /// <summary>A bridge without an address for the gateway: the reference leaves the container joined after it has refused.</summary>
    public static Difference Undone { get; } = new(
        "a refused ADD leaves nothing behind",
        """
        node link VETH veth mtu 1500 up master br0: learning flood mcast_flood MAC
        pod address eth0 10.1.0.2/24 global brd 10.1.0.255
        pod link eth0 veth mtu 1500 up MAC
        pod route 10.1.0.0/24 dev eth0 table main scope link src 10.1.0.2
        """,
        "");

    public static Difference AddressWasTaken { get; } = new(
        "ours asks for the address first; it is given back, and only the note of the last one stays", "", "file net/last_reserved_ip.0: 10.1.0.2\nfile net/last_reserved_ip.0: 10.1.0.2");

    public static Difference NothingToDelete { get; } = new(
        "where there is no folder there is nothing to delete", "DEL: refused, code 999\nDEL2: refused, code 999", "DEL: done\nDEL2: done");

    public static Difference NoBridgeLeft { get; } = new(
        "a refused ADD leaves nothing behind", "node link br0 bridge mtu 1500 up MAC\nnode link br0 bridge mtu 1500 up MAC", "");

    public static Difference TwoGateways { get; } = new(
        "a bridge can be the gateway of two IPv4 networks; the reference takes the first one's address for a stranger",
        """
        ADD: refused, code 999
        node forwarding 00
        node forwarding 00
        """,
        """
        ADD: {"cniVersion":"1.0.0","dns":{},"interfaces":[{"mac":"MAC","name":"br0"},{"mac":"MAC","name":"VETH"},{"mac":"MAC","name":"eth0","sandbox":"$NETNS"}],"ips":[{"address":"10.1.0.2/24","gateway":"10.1.0.1","interface":2},{"address":"10.2.0.2/24","gateway":"10.2.0.1","interface":2}]}
        node address br0 10.2.0.1/24 global brd 10.2.0.255
        node route 10.2.0.0/24 dev br0 table main scope link src 10.2.0.1
        node forwarding 10
        file net/10.1.0.2: c1\r\neth0
        file net/10.2.0.2: c1\r\neth0
        CHECK: done
        node address br0 10.2.0.1/24 global brd 10.2.0.255
        node route 10.2.0.0/24 dev br0 table main scope link src 10.2.0.1
        node forwarding 10
        """);

    /// <summary>The bridge knows MAC and host-local does not.</summary>
    public static Difference HalfMade { get; } = new(
        "a refused ADD leaves nothing behind, and DEL must not fail for what an ADD would have refused",
        """
        node link br0 bridge mtu 1500 up MAC
        node link VETH veth mtu 1500 up master br0: learning flood mcast_flood MAC
        pod link eth0 veth mtu 1500 down 02:00:00:00:0a:03
        DEL: refused, code 999
        node link br0 bridge mtu 1500 up MAC
        """,
        "DEL: done");

    public static Difference HalfMadeOfNoAddress { get; } = new(
        "a refused ADD leaves nothing behind",
        """
        node link br0 bridge mtu 1500 up MAC
        node link VETH veth mtu 1500 up master br0: learning flood mcast_flood MAC
        pod link eth0 veth mtu 1500 down MAC
        node link br0 bridge mtu 1500 up MAC
        """,
        "");

    public static Difference BothDelete { get; } = new(
        "DEL must not fail for what an ADD would have refused", "DEL: refused, code 999\nDEL2: refused, code 999", "DEL: done\nDEL2: done");

    /// <summary>Debian's build is from before 1.1.0, and some of its plugins leave old versions out.</summary>
    public static Difference Newer(string plugin)
    {
        var theirs = plugin switch { "bandwidth" => Spoken[16..], "firewall" => Spoken[32..], "vrf" => Spoken[24..], _ => Spoken };
        return new(
            "ours speaks every version and 1.1.0 too",
            $"VERSION: {{\"cniVersion\":\"1.0.0\",\"supportedVersions\":[{theirs}]}}",
            $"VERSION: {{\"cniVersion\":\"1.1.0\",\"supportedVersions\":[{Spoken},\"1.1.0\"]}}");
    }

    /// <summary>What tuning keeps of how things were, to put it back.</summary>
    public static Difference TuningNote(string was)
        => new("ours notes the network too, so that GC knows whose it is", $"file c1_eth0.json: {{{was}}}", $"file c1_eth0.json: {{{was},\"network\":\"net\"}}");

    public static Difference Crash(string verb, string ours) => new("the reference crashes", $"{verb}: exit code 2 and nothing said", ours);

    /// <summary>The scope of the host's route to a container of ptp.</summary>
    public static Difference Scope(params string[] more)
    {
        string[] addresses = ["10.1.0.2", .. more];
        return new(
            "a container at the other end of a cable is on the link; scope host is for the host's own addresses",
            string.Join('\n', addresses.Select(a => $"node route {a} dev VETH table main scope host")),
            string.Join('\n', addresses.Select(a => $"node route {a} dev VETH table main scope link")));
    }

    public static Difference? OfFault(string plugin, string fault, string verb) => (plugin, fault, verb) switch
    {
        (_, "no command", _) => new("a plugin that a person started says what it is and ends with 2", $"{verb}: done", $"{verb}: exit code 2 and nothing said"),
        ("bridge" or "ptp" or "macvlan" or "loopback", "a file for a namespace", "DEL") => new("DEL takes what is gone for done", "DEL: refused, code 999", "DEL: done"),
        ("bridge", "a namespace that is not there" or "a file for a namespace", "ADD") => new("a refused ADD leaves no bridge behind", "node link br0 bridge mtu 1500 up MAC", ""),
        ("ptp", "a namespace that is not there" or "a file for a namespace", "ADD") => new(
            "the namespace is looked at before anything is done", "node forwarding 10\nfile net/last_reserved_ip.0: 10.1.0.2", "node forwarding 00"),
        _ => null,
    };

    /// <summary>By the form and its version. Of loopback the reference prints its newest form whatever the version, which those versions do not have.</summary>
    public static Difference? OfForm(string form, string version)
    {
        const string Theirs = "\"dns\":{},\"interfaces\":[{\"mac\":\"MAC\",\"name\":\"lo\",\"sandbox\":\"$NETNS\"}],\"ips\":[{\"address\":\"127.0.0.1/8\",\"interface\":0},{\"address\":\"::1/128\",\"interface\":0}]}";
        if (form == "ptp with an IPv4 address")
        {
            return Scope();
        }

        if (form != "loopback" || version == "1.0.0")
        {
            return null;
        }

        return new Difference(
            "the reference prints its newest form under an old version's number; ours has the old version's form",
            $"ADD: {{\"cniVersion\":\"{version}\",{Theirs}",
            version is "0.1.0" or "0.2.0"
                ? $"ADD: {{\"cniVersion\":\"{version}\",\"dns\":{{}},\"ip4\":{{\"ip\":\"127.0.0.1/8\"}},\"ip6\":{{\"ip\":\"::1/128\"}}}}"
                : $"ADD: {{\"cniVersion\":\"{version}\",{Theirs.Replace("\"interface\":0},", "\"interface\":0,\"version\":\"4\"},", StringComparison.Ordinal).Replace("\"interface\":0}]", "\"interface\":0,\"version\":\"6\"}]", StringComparison.Ordinal)}");
    }
}
