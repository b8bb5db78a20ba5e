using System.Net;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Nftables;

namespace Fairlead.KernelTests.Linux;

/// <summary>The two faces of a transaction mean the same: what the kernel was given lists as what stock nft makes of the text.</summary>
public sealed partial class NftablesTextTests(TestNamespaces namespaces) : IClassFixture<TestNamespaces>
{
    private static readonly IPAddress s_vip = IPAddress.Parse("10.96.0.1");

    private static readonly NftSet s_endpoints = new("endpoints", [NftType.Ipv4Address, NftType.InetProtocol, NftType.InetService, NftType.Index])
    {
        Data = [NftType.Ipv4Address, NftType.InetService],
        Comment = "where Services lead",
    };

    private static readonly NftSet s_services = new("services", [NftType.Ipv4Address, NftType.InetProtocol, NftType.InetService]) { IsVerdictMap = true };

    private static readonly NftSet s_networks = new("networks", [NftType.Ipv4Address]) { IsInterval = true };

    private static readonly NftSet s_pairs = new("pairs", [NftType.Ipv4Address, NftType.InetService]) { IsInterval = true };

    private static readonly NftSet s_clients = new("clients", [NftType.Ipv4Address, NftType.Ipv4Address])
    {
        IsDynamic = true,
        Timeout = TimeSpan.FromHours(3),
        Size = 1000,
    };

    public static TheoryData<string> All => [.. Transactions.Keys.Order(StringComparer.Ordinal)];

    private static Dictionary<string, NftTransaction> Transactions => new(StringComparer.Ordinal)
    {
        ["services"] = Table(NftFamily.Ip)
            .Add(new AddChain("pre", new(NftChainType.Nat, NftHook.Prerouting, -100)))
            .Add(new AddChain("svc-2", Comment: "two endpoints"))
            .Add(new AddSet(s_endpoints))
            .Add(new AddSet(s_services))
            .Add(new AddRule("pre", Act.Verdict(Load.Concat(Load.IpDaddr, Load.L4Proto, Load.ThDport), s_services)))
            .Add(new AddRule("svc-2", Nat.Destination(Load.Map(Load.Concat(Load.IpDaddr, Load.L4Proto, Load.ThDport, Load.Random(2)), s_endpoints))))
            .Add(new AddElements(
                s_endpoints,
                new NftElement([s_vip, NftValue.Tcp, 80, 0]) { Data = [IPAddress.Parse("10.32.0.2"), 8080], Comment = "default/web:http" },
                new NftElement([s_vip, NftValue.Tcp, 80, 1]) { Data = [IPAddress.Parse("10.32.0.3"), 8080], Comment = "default/web:http" }))
            .Add(new AddElements(s_services, new NftElement([s_vip, NftValue.Tcp, 80]) { Verdict = NftVerdict.Goto("svc-2"), Comment = "default/web:http" })),
        ["services-ip6"] = Services6(),
        ["sticky"] = Table(NftFamily.Ip)
            .Add(new AddChain("svc-sticky-3"))
            .Add(new AddSet(s_endpoints))
            .Add(new AddRule("svc-sticky-3", Nat.Destination(Load.Map(Load.Concat(Load.IpDaddr, Load.L4Proto, Load.ThDport, Load.Hash(Load.IpSaddr, 3)), s_endpoints)))),
        ["sets"] = Table(NftFamily.Ip)
            .Add(new AddSet(s_networks))
            .Add(new AddSet(s_pairs))
            .Add(new AddSet(s_clients))
            .Add(new AddSet(new("names", [NftType.InterfaceName])))
            .Add(new AddSet(new("marks", [NftType.Mark]) { Data = [NftType.InterfaceName] }))
            .Add(new AddSet(new("timed", [NftType.InetService]) { HasTimeouts = true }))
            .Add(new AddElements(
                s_networks,
                new NftElement([IPNetwork.Parse("10.0.0.0/8")]) { Comment = "pods" },
                new NftElement([NftValue.Range(IPAddress.Parse("192.168.1.5"), IPAddress.Parse("192.168.1.20"))]),
                new NftElement([IPAddress.Parse("192.0.2.1")]),
                new NftElement([IPNetwork.Parse("224.0.0.0/3")])))
            .Add(new AddElements(s_pairs, new NftElement([IPNetwork.Parse("10.0.0.0/8"), NftValue.Range(80, 90)]), new NftElement([s_vip, 443])))
            .Add(new AddElements(new("names", [NftType.InterfaceName]), new NftElement(["eth0"]), new NftElement(["eth1"])))
            .Add(new AddElements(new("marks", [NftType.Mark]) { Data = [NftType.InterfaceName] }, new NftElement([0x10]) { Data = ["eth0"] })),
        ["matches"] = Table(NftFamily.Ip)
            .Add(new AddSet(s_networks))
            .Add(new AddChain("c"))
            .Add(new AddRule("c", Match.Equal(Load.FibDaddrType, (int)FibAddressType.Local), Match.Equal(Load.TcpDport, 80), Act.Counter, Act.Accept))
            .Add(new AddRule("c", [Match.State(CtState.Established | CtState.Related), Act.Accept], "answers"))
            .Add(new AddRule("c", Match.Status(CtStatus.DestinationNat), Act.Accept))
            .Add(new AddRule("c", Match.Equal(Load.CtDirection, 0), Act.SetCtMark(1)))
            .Add(new AddRule("c", Match.Bits(Load.Mark, 0x4000, 0x4000), Act.FlipMarkBits(0x4000)))
            .Add(new AddRule("c", Act.SetMark(7)))
            .Add(new AddRule("c", Act.SetMarkBits(0xff, 0x11)))
            .Add(new AddRule("c", Act.SaveMark))
            .Add(new AddRule("c", Act.RestoreMark))
            .Add(new AddRule("c", Match.In(Load.IpSaddr, s_networks), Act.Return))
            .Add(new AddRule("c", Match.NotIn(Load.IpSaddr, s_networks), Act.Drop))
            .Add(new AddRule("c", Match.In(Load.IpSaddr, NftSet.Of([NftType.Ipv4Address], new NftElement([s_vip]), new NftElement([IPAddress.Parse("1.1.1.1")]))), Act.Drop))
            .Add(new AddRule("c", Match.In(Load.IpDaddr, NftSet.Of([NftType.Ipv4Address], new NftElement([IPNetwork.Parse("10.0.0.0/8")]))), Act.Drop))
            .Add(new AddRule("c", Match.Equal(Load.IifName, "eth0"), Match.NotEqual(Load.OifName, "lo"), Act.Continue))
            .Add(new AddRule("c", Match.Equal(Load.IifName, "cali*"), Act.Accept))
            .Add(new AddRule("c", Match.Equal(Load.IpDaddr, IPNetwork.Parse("10.0.0.0/8")), Match.NotEqual(Load.IpSaddr, IPNetwork.Parse("10.32.0.0/12")), Act.Accept))
            .Add(new AddRule("c", Match.Equal(Load.TcpDport, NftValue.Range(1, 1024)), Act.Accept))
            .Add(new AddRule("c", Match.Compare(Load.UdpSport, NftComparison.GreaterOrEqual, 1024), Act.Accept))
            .Add(new AddRule("c", Match.Equal(Load.IcmpType, 8), Act.Accept))
            .Add(new AddRule("c", Match.Equal(Load.CtOriginalIpDaddr, s_vip), Match.Equal(Load.L4Proto, NftValue.Tcp), Match.Equal(Load.CtOriginalDport, 80), Act.Accept))
            .Add(new AddRule("c", Act.Verdict(Load.Random(3), NftSet.OfVerdicts([NftType.Index], new NftElement([0]) { Verdict = NftVerdict.Accept }, new NftElement([1]) { Verdict = NftVerdict.Drop })))),
        ["actions"] = Table(NftFamily.Ip)
            .Add(new AddSet(s_clients))
            .Add(new AddChain("post", new(NftChainType.Nat, NftHook.Postrouting, 100)))
            .Add(new AddChain("forward", new(NftChainType.Filter, NftHook.Forward, 0) { AcceptByDefault = false }))
            .Add(new AddChain("raw", new(NftChainType.Filter, NftHook.Prerouting, -300)))
            .Add(new AddChain("local", new(NftChainType.Nat, NftHook.Output, -100)))
            .Add(new AddRule("post", Nat.Masquerade()))
            .Add(new AddRule("post", Nat.Masquerade(fullyRandom: true)))
            .Add(new AddRule("post", Nat.Source(IPAddress.Parse("192.0.2.7"))))
            .Add(new AddRule("post", Nat.Source(IPAddress.Parse("192.0.2.7"), fullyRandom: true)))
            .Add(new AddRule("local", Match.Equal(Load.TcpDport, 80), Nat.Destination(IPAddress.Parse("10.32.0.2"), 8080)))
            .Add(new AddRule("forward", Act.Update(s_clients, Load.Concat(Load.IpSaddr, Load.IpDaddr), timeout: TimeSpan.FromMinutes(90))))
            .Add(new AddRule("forward", Act.AddTo(s_clients, Load.Concat(Load.IpSaddr, Load.IpDaddr))))
            .Add(new AddRule("forward", Act.Limit(5, 10), Act.Log("fairlead: "), Act.Reject))
            .Add(new AddRule("forward", Act.RejectWithReset))
            .Add(new AddRule("raw", Act.NoTrack)),
        ["stateful"] = Stateful(),
        ["tables-and-chains"] = new NftTransaction(NftFamily.Inet, "asleep").Add(new AddTable("not now") { Flags = NftTableFlags.Dormant })
            .Add(new AddChain("low", new(NftChainType.Filter, NftHook.Ingress, -500) { Devices = ["lo"] }))
            .Add(new AddChain("in", new(NftChainType.Filter, NftHook.Input, -10) { AcceptByDefault = false }, "closed"))
            .Add(new AddChain("route", new(NftChainType.Route, NftHook.Output, -150)))
            .Add(new AddChain("gone"))
            .Add(new AddRule("in", Act.Accept))
            .Add(new InsertRule("in", [Match.Equal(Load.TcpDport, 22), Act.Drop], "first"))
            .Add(new DeleteChain("gone")),
        ["one-interface"] = new NftTransaction(NftFamily.Netdev, "fairlead-test").Add(new AddTable())
            .Add(new AddChain("in", new(NftChainType.Filter, NftHook.Ingress, 0) { Devices = ["lo"] })),
        ["arp"] = new NftTransaction(NftFamily.Arp, "fairlead-test").Add(new AddTable())
            .Add(new AddChain("in", new(NftChainType.Filter, NftHook.Input, 0)))
            .Add(new AddChain("out", new(NftChainType.Filter, NftHook.Output, 0))),
        ["bridge"] = new NftTransaction(NftFamily.Bridge, "fairlead-test").Add(new AddTable())
            .Add(new AddChain("forward", new(NftChainType.Filter, NftHook.Forward, -200)))
            .Add(new AddRule("forward", Match.Equal(Load.IifName, "eth0"), Act.Drop)),
        ["inet"] = Table(NftFamily.Inet)
            .Add(new AddChain("c", new(NftChainType.Filter, NftHook.Input, 10)))
            .Add(new AddChain("d"))
            .Add(new AddRule("c", Match.Equal(Load.IpSaddr, s_vip), Match.Equal(Load.UdpDport, 53), Act.Jump("d")))
            .Add(new AddRule("c", Match.Equal(Load.Ip6Saddr, IPNetwork.Parse("fd00::/8")), Act.Goto("d")))
            .Add(new AddRule("c", Match.Equal(Load.NfProto, 10), Match.Equal(Load.Ip6Daddr, IPAddress.Parse("fd00::1")), Act.Accept))
            .Add(new AddRule("c", Match.Equal(Load.L4Proto, NftValue.Sctp), Act.Accept))
            .Add(new AddRule("c", Match.Equal(Load.Icmp6Type, 128), Act.Accept))
            .Add(new AddRule("c", Act.RejectWithReset))
            .Add(new AddRule("c", Act.Reject)),
    };

    [Theory, MemberData(nameof(All))]
    public void The_rendered_text_lists_as_the_encoded_form_does(string name)
    {
        Shell.Need("nft");
        var transaction = Transactions[name];
        var encoded = namespaces.New("e");
        var rendered = namespaces.New("r");

        using (var socket = NftablesSocket.Open(encoded))
        {
            socket.Commit(transaction);
        }

        _ = rendered.Sh("nft -f -", transaction.ToString());
        using (var socket = NftablesSocket.Open(encoded))
        {
            // Our own reading of it is stock nft's, but for where lines of elements break.
            Assert.Equal(OneLine(encoded.Sh("nft list ruleset")), OneLine(socket.Ruleset().ToString()));
        }

        var ours = List(encoded);
        Assert.NotEmpty(ours);
        Assert.Equal(List(rendered), ours);

        // And what nft lists, it also reads: nothing of ours is beyond it.
        var again = namespaces.New("a");
        _ = again.Sh("nft -f -", ours);
        Assert.Equal(ours, List(again));
    }

    /// <summary>Elements beside each other and not one below the other, and without the time that passes between two readings.</summary>
    private static string OneLine(string listing) => TimeLeft().Replace(ElementBreak().Replace(listing, ", "), "");

    [System.Text.RegularExpressions.GeneratedRegex(@" expires \w+")]
    private static partial System.Text.RegularExpressions.Regex TimeLeft();

    [System.Text.RegularExpressions.GeneratedRegex(@",\n\s*")]
    private static partial System.Text.RegularExpressions.Regex ElementBreak();

    private static string List(NetworkNamespace network) => network.Sh("nft -s list ruleset");

    private static NftTransaction Table(NftFamily family) => new NftTransaction(family, "fairlead-test").Add(new AddTable("of a test"));

    /// <summary>Counters, quotas, limits, and elements that count and end.</summary>
    private static NftTransaction Stateful()
    {
        var counted = new NftSet("counted", [NftType.Ipv4Address]) { HasCounters = true, HasTimeouts = true, GcInterval = TimeSpan.FromSeconds(10) };
        var ranges = new NftSet("ranges", [NftType.Ipv4Address, NftType.InetService]) { IsVerdictMap = true, IsInterval = true, HasCounters = true };
        var counter = new NftCounter("web") { Counts = new(3, 4096), Comment = "all of it" };
        var quota = new NftQuota("month", 100 << 20, IsOver: true);
        var limit = new NftLimit("slow", new(10, 1, 5));
        var bytes = new NftLimit("lots", new(1 << 20, 1, 2 << 20, OfBytes: true, IsOver: true));
        return Table(NftFamily.Ip)
            .Add(new AddObject(counter)).Add(new AddObject(quota)).Add(new AddObject(limit)).Add(new AddObject(bytes))
            .Add(new AddObject(new NftQuota("gone", 1000))).Add(new DeleteObject(new NftQuota("gone", 1000)))
            .Add(new AddSet(counted)).Add(new AddSet(ranges))
            .Add(new AddElements(
                counted,
                new NftElement([s_vip]) { Timeout = TimeSpan.FromHours(1), Comment = "the virtual one" },
                new NftElement([IPAddress.Parse("10.96.0.2")]) { Counts = new(1, 60) }))
            .Add(new AddElements(ranges, new NftElement([IPNetwork.Parse("10.0.0.0/8"), NftValue.Range(80, 90)]) { Verdict = NftVerdict.Accept }))
            .Add(new AddChain("c"))
            .Add(new AddRule("c", Act.Use(counter), Act.Use(quota), Act.Drop))
            .Add(new AddRule("c", Act.Use(limit), Act.Accept))
            .Add(new AddRule("c", Act.Use(bytes), Act.Drop))
            .Add(new AddRule("c", Act.Limit(new NftRate(5, 60, 5)), Act.Accept))
            .Add(new AddRule("c", Act.Limit(new NftRate(10 << 10, 1, 0, OfBytes: true)), Act.Accept));
    }

    private static NftTransaction Services6()
    {
        var endpoints = s_endpoints with
        {
            Key = [NftType.Ipv6Address, NftType.InetProtocol, NftType.InetService, NftType.Index],
            Data = [NftType.Ipv6Address, NftType.InetService],
        };
        var vip = IPAddress.Parse("fd96::1");
        return Table(NftFamily.Ip6)
            .Add(new AddChain("svc-1"))
            .Add(new AddSet(endpoints))
            .Add(new AddRule("svc-1", Nat.Destination(Load.Map(Load.Concat(Load.Ip6Daddr, Load.L4Proto, Load.ThDport, Load.Random(1)), endpoints))))
            .Add(new AddElements(endpoints, new NftElement([vip, NftValue.Udp, 53, 0]) { Data = [IPAddress.Parse("fd32::2"), 5353] }));
    }
}
