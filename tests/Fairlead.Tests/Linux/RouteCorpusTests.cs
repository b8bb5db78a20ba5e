using System.Net;
using Fairlead.Linux;
using Fairlead.Linux.Netlink;
using Fairlead.Linux.Netlink.Route;
using Fairlead.Tests.Fixtures;

namespace Fairlead.Tests.Linux;

/// <summary>What the decoders make of what a kernel answered.</summary>
public sealed class RouteCorpusTests
{
    private const string Refusals = "route-refusals";

    public static TheoryData<string> Answers => [.. Corpus.Named("route-").Select(r => r.Data).Where(n => n != Refusals)];

    [Theory, MemberData(nameof(Answers))]
    public void An_answer_of_a_kernel_reads_as_it_did(string name)
        => Golden.Match(string.Concat(Corpus.Read(name).Select(m => RouteDecoders.Describe(m))), Corpus.Expected(name));

    [Fact]
    public void A_refusal_of_a_kernel_names_the_attribute()
    {
        var lines = Corpus.Read(Refusals);
        Golden.Match(
            string.Concat(Enumerable.Range(0, lines.Count / 2).Select(i => RouteDecoders.DescribeRefusal(lines[(2 * i) + 1], lines[2 * i]))),
            Corpus.Expected(Refusals));
    }

    [Fact]
    public void A_bridge_with_everything_said_reads_so()
    {
        var bridge = Assert.Single(Links(), l => l.Name == "br0");

        Assert.Equal((10, "bridge", MacAddress.Parse("02:00:00:00:00:10"), true), (bridge.Index, bridge.Kind, bridge.Mac!.Value, bridge.Up));
        Assert.Equal(
            (true, TimeSpan.FromSeconds(4), TimeSpan.FromSeconds(60), 4096, 8, false, true),
            (bridge.Bridge!.Stp, bridge.Bridge.ForwardDelay, bridge.Bridge.AgeingTime, bridge.Bridge.Priority, bridge.Bridge.GroupForwardMask, bridge.Bridge.MulticastSnooping, bridge.Bridge.NfCallIptables));
    }

    [Fact]
    public void A_port_a_tunnel_and_a_tap_read_with_their_options()
    {
        var port = Assert.Single(Links(), l => l.Name == "veth0");
        Assert.Equal((11, 10, 1400, 7u, 500, "Fairlead: a port", 2), (port.Index, port.Master, port.Mtu, port.Group, port.TxQueueLength, port.Alias, port.Peer));
        Assert.Equal((true, true, false, false, 5, true), (port.Port!.Hairpin, port.Port.Isolated, port.Port.Learning, port.Port.Flood, port.Port.Cost, port.Port.Guard));
        Assert.NotNull(port.PeerNamespaceId);
        Assert.NotNull(port.Statistics);
        Assert.Equal(
            new VxlanDetails(42, 8472, null, 10, true)
            {
                Remote = IPAddress.Parse("239.1.1.1"), Ttl = 5, Tos = 1, Df = VxlanDf.Set, PortRange = (40000, 50000), Ageing = TimeSpan.FromSeconds(77), Limit = 9, Proxy = true,
            },
            Assert.Single(Links(), l => l.Name == "vxlan0").Vxlan);
        Assert.Equal(new TunDetails(IsTap: true, Persistent: true) { Owner = 1000, MultiQueue = true }, Assert.Single(Links(), l => l.Name == "tap0").Details);
        Assert.Equal(["a-name-longer-than-fifteen-characters"], Assert.Single(Links(), l => l.Name == "lo").AltNames);
    }

    [Fact]
    public void A_route_reads_with_its_ways_and_metrics()
    {
        var routes = Read("route-routes", RouteMessages.Read);
        Assert.Equal(
            new RouteMetrics { MtuLocked = true, AdvMss = 1200, HopLimit = 9, InitCwnd = 20, InitRwnd = 21, Rtt = TimeSpan.FromMilliseconds(30), RtoMin = TimeSpan.FromMilliseconds(50), QuickAck = true, CongestionControl = "reno" },
            Assert.Single(routes, r => r.Destination == IPNetwork.Parse("10.1.0.0/16")).Metrics);
        Assert.Equal(
            [new() { Gateway = IPAddress.Parse("198.51.100.1"), Link = 10, Weight = 3 }, new() { Gateway = IPAddress.Parse("192.0.2.9"), Link = 10, OnLink = true }],
            Assert.Single(routes, r => r.Destination == IPNetwork.Parse("10.3.0.0/16")).NextHops);
        Assert.Equal(70000u, Assert.Single(routes, r => r.Type == RouteType.Unreachable && !r.IsIPv6).Table);
    }

    [Fact]
    public void No_changed_answer_crashes_hangs_or_is_read_past_its_end()
    {
        var corpus = Corpus.ReadAll("route-");
        Fuzz.Run(corpus, RouteDecoders.Describe);
        Fuzz.RunCut(corpus, RouteDecoders.Describe);
    }

    [Fact]
    public void No_changed_refusal_crashes_hangs_or_is_read_past_its_end()
    {
        var lines = Corpus.Read(Refusals);
        Fuzz.Run(lines, bytes => RouteDecoders.DescribeRefusal(bytes, lines[0]));

        // The other way about: what the kernel says of a request is looked up in the request.
        Fuzz.Run(lines, bytes => RouteDecoders.DescribeRefusal(lines[1], bytes));
    }

    private static List<Link> Links() => Read("route-links", LinkMessages.ReadWithStatistics);

    private static List<T> Read<T>(string name, NetlinkParser<T> parser)
        where T : class
    {
        var result = new List<T>();
        foreach (var bytes in Corpus.Read(name))
        {
            var reader = new NetlinkReader(bytes);
            while (reader.TryRead(out var message))
            {
                if (parser(message) is { } item)
                {
                    result.Add(item);
                }
            }
        }

        return result;
    }
}
