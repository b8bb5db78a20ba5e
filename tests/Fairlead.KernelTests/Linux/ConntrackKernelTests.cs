using System.Net;
using System.Net.Sockets;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Linux;
using Fairlead.Linux.Conntrack;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;
using Fairlead.Linux.Nftables;

namespace Fairlead.KernelTests.Linux;

public sealed class ConntrackKernelTests(TestNamespaces namespaces) : IClassFixture<TestNamespaces>
{
    private static readonly IPAddress s_client = IPAddress.Parse("10.1.0.1");
    private static readonly IPAddress s_server = IPAddress.Parse("10.2.0.1");
    private static readonly IPAddress s_client6 = IPAddress.Parse("fd01::1");
    private static readonly IPAddress s_server6 = IPAddress.Parse("fd02::1");

    [Fact]
    public void Connections_of_every_protocol_read_as_stock_conntrack_wrote_them()
    {
        using var conntrack = ConntrackSocket.Open(Followed());

        var entries = conntrack.Entries().OrderBy(e => e.Protocol).ThenBy(e => e.Original.Source.AddressFamily).ToList();

        Assert.Equal(
            [
                (1, "10.1.0.1 -> 10.2.0.1 type 8 code 0 id 77", "10.2.0.1 -> 10.1.0.1 type 0 code 0 id 77"),
                (6, "10.1.0.1:1000 -> 10.2.0.1:80", "10.3.0.1:8080 -> 10.1.0.1:1000"),
                (17, "10.1.0.1:1000 -> 10.2.0.1:53", "10.2.0.1:53 -> 10.1.0.1:1000"),
                (17, "[fd01::1]:1000 -> [fd02::1]:53", "[fd02::1]:53 -> [fd01::1]:1000"),
                (58, "fd01::1 -> fd02::1 type 128 code 0 id 78", "fd02::1 -> fd01::1 type 129 code 0 id 78"),
                (132, "10.1.0.1:1000 -> 10.2.0.1:90", "10.2.0.1:90 -> 10.1.0.1:1000"),
            ],
            entries.Select(e => ((int)e.Protocol, e.Original.ToString(), e.Reply.ToString())));
        Assert.All(entries, e => Assert.InRange(e.TimeLeft, 500u, 600u));
        Assert.Equal([3], entries.Where(e => e.Protocol == NftValue.Tcp).Select(e => (int)e.State!.Value));
        Assert.Equal([7u, 7u], entries.Where(e => e.Protocol == NftValue.Udp).Select(e => e.Mark));
    }

    private static readonly (string What, ConntrackFilter Filter, int Count)[] s_filters =
    [
        ("protocol", new() { Protocol = NftValue.Udp }, 2),
        ("destination", new() { OriginalDestination = s_server }, 4),
        ("destination and port", new() { Protocol = NftValue.Udp, OriginalDestination = s_server, OriginalDestinationPort = 53 }, 1),
        ("port without protocol", new() { OriginalDestination = s_server, OriginalDestinationPort = 53 }, 1),
        ("source port", new() { Protocol = NftValue.Sctp, OriginalSource = s_client, OriginalSourcePort = 1000 }, 1),
        ("who answers", new() { Protocol = NftValue.Tcp, ReplySource = IPAddress.Parse("10.3.0.1"), ReplySourcePort = 8080 }, 1),
        ("where answers go", new() { ReplyDestination = s_client6 }, 2),
        ("IPv6", new() { OriginalSource = s_client6, OriginalDestination = s_server6 }, 2),
        ("mark", new() { Mark = 7 }, 2),
        ("bits of the mark", new() { Mark = 4, MarkMask = 4 }, 2),
        ("no bits of the mark", new() { Mark = 0, MarkMask = 4 }, 4),
        ("zone", new() { Zone = 9 }, 0),
        ("none", new() { OriginalDestination = IPAddress.Loopback }, 0),
        ("status", new() { Status = CtStatus.Assured }, 1),
        ("everything", new(), 6),
    ];

    [Fact]
    public void A_filter_finds_what_it_says()
    {
        using var conntrack = ConntrackSocket.Open(Followed());
        var all = conntrack.Entries();
        foreach (var (what, filter, count) in s_filters)
        {
            var found = conntrack.Entries(filter);
            Assert.True(count == found.Count, $"{what}: {string.Join(", ", found)}");
            Assert.Equal(count, all.Count(filter.Matches));
        }

        Assert.Equal(1, conntrack.Delete(new ConntrackFilter { Protocol = NftValue.Sctp, OriginalDestination = s_server, OriginalDestinationPort = 90 }));
        Assert.Equal(2, conntrack.Delete(new ConntrackFilter { OriginalSource = s_client6 }));
        Assert.Equal(0, conntrack.Delete(new ConntrackFilter { OriginalSource = s_client6 }));
        Assert.Equal(3, conntrack.Entries().Count);
    }

    [Fact]
    public void One_connection_is_found_changed_and_forgotten()
    {
        using var conntrack = ConntrackSocket.Open(Followed());
        foreach (var entry in conntrack.Entries())
        {
            Assert.Equal(entry.Reply, conntrack.Find(entry.Protocol, entry.Original)!.Reply);
            conntrack.Update(entry, mark: 0x42, timeLeft: 1000);
            var changed = conntrack.Find(entry.Protocol, entry.Reply)!;
            Assert.Equal((0x42u, entry.Original), (changed.Mark, changed.Original));
            Assert.InRange(changed.TimeLeft, 900u, 1000u);
            Assert.True(conntrack.Delete(changed));
            Assert.False(conntrack.Delete(changed));
            Assert.Null(conntrack.Find(entry.Protocol, entry.Original));
            Assert.True(Assert.Throws<LinuxException>(() => conntrack.Update(entry, mark: 1)).IsNotFound);
        }

        Assert.Empty(conntrack.Entries());
    }

    [Fact]
    public async Task Events_tell_of_connections_that_come_change_and_go()
    {
        var ct = TestContext.Current.CancellationToken;
        var network = Followed();
        using var conntrack = ConntrackSocket.Open(network);
        var udp = Assert.Single(conntrack.Entries(new() { Protocol = NftValue.Udp, OriginalSource = s_client }));
        await using var events = ConntrackMonitor.Open(network).ReadAllAsync(ct).GetAsyncEnumerator(ct);

        _ = network.Sh("conntrack -I -s 10.1.0.9 -d 10.2.0.9 -p udp --sport 9 --dport 9 -t 100 2> /dev/null");
        conntrack.Update(udp, mark: 99);
        Assert.True(conntrack.Delete(udp));

        Assert.Equal((ConntrackChange.New, "10.1.0.9:9 -> 10.2.0.9:9"), await NextAsync());
        Assert.Equal((ConntrackChange.Updated, udp.Original.ToString()), await NextAsync());
        Assert.Equal(99u, events.Current.Entry!.Mark);
        Assert.Equal((ConntrackChange.Destroyed, udp.Original.ToString()), await NextAsync());

        async Task<(ConntrackChange, string)> NextAsync()
        {
            Assert.True(await events.MoveNextAsync());
            return (events.Current.Change, events.Current.Entry!.Original.ToString());
        }
    }

    [Fact]
    public async Task Events_that_are_lost_are_told_of_and_later_ones_come_again()
    {
        var ct = TestContext.Current.CancellationToken;
        var network = Followed();
        using var conntrack = ConntrackSocket.Open(network);
        var udp = Assert.Single(conntrack.Entries(new() { Protocol = NftValue.Udp, OriginalSource = s_client }));
        await using var events = ConntrackMonitor.Open(network, ConntrackChanges.All, receiveBuffer: 4096).ReadAllAsync(ct).GetAsyncEnumerator(ct);
        for (var i = 1u; i <= 100; i++)
        {
            conntrack.Update(udp, mark: i);
        }

        while (await events.MoveNextAsync() && events.Current.Change != ConntrackChange.Resynchronise)
        {
            Assert.Equal(ConntrackChange.Updated, events.Current.Change);
        }

        Assert.True(conntrack.Delete(udp));
        while (await events.MoveNextAsync() && events.Current.Change != ConntrackChange.Destroyed)
        {
            Assert.NotEqual(ConntrackChange.New, events.Current.Change);
        }

        Assert.Equal(udp.Original, events.Current.Entry!.Original);
    }

    [Fact]
    public async Task What_is_sent_is_counted_where_the_kernel_counts()
    {
        var ct = TestContext.Current.CancellationToken;
        var network = namespaces.New();
        using (var route = RouteSocket.Open(network))
        {
            route.SetUp(route.GetLink("lo").Index);
        }

        Sysctl.Write("net/netfilter/nf_conntrack_acct", "1", network);
        using var nftables = NftablesSocket.Open(network);
        nftables.Commit(new NftTransaction(NftFamily.Ip, "t").Add(new AddTable())
            .Add(new AddChain("in", new(NftChainType.Filter, NftHook.Input, 0))).Add(new AddRule("in", Match.State(CtState.New), Act.Accept)));
        using var server = network.Run(() => Udp(9000));
        using var client = network.Run(() => Udp(9001));
        _ = await client.SendToAsync(new byte[100], new IPEndPoint(IPAddress.Loopback, 9000), ct);
        _ = await server.ReceiveAsync(new byte[100], ct);

        using var conntrack = ConntrackSocket.Open(network);
        var entry = Assert.Single(conntrack.Entries(new() { Protocol = NftValue.Udp, OriginalDestination = IPAddress.Loopback, OriginalDestinationPort = 9000 }));

        Assert.Equal((new ConntrackCounts(1, 128), new ConntrackCounts(0, 0)), (entry.Sent!.Value, entry.Received!.Value));
        Assert.Equal(0u, entry.Mark);
    }

    /// <summary>A namespace with one connection of each kind, made by the stock program.</summary>
    private NetworkNamespace Followed()
    {
        Shell.Need("conntrack");
        var network = namespaces.New();

        // Otherwise only those tell of themselves that begin while somebody listens.
        Sysctl.Write("net/netfilter/nf_conntrack_events", "1", network);
        string[] lines =
        [
            "-s 10.1.0.1 -d 10.2.0.1 -p icmp --icmp-type 8 --icmp-code 0 --icmp-id 77",
            "-s 10.1.0.1 -d 10.2.0.1 -r 10.3.0.1 -q 10.1.0.1 -p tcp --sport 1000 --dport 80 --reply-port-src 8080 --reply-port-dst 1000 --state ESTABLISHED -u ASSURED",
            "-s 10.1.0.1 -d 10.2.0.1 -p udp --sport 1000 --dport 53 -m 7",
            "-s fd01::1 -d fd02::1 -p udp --sport 1000 --dport 53 -m 7",
            "-s fd01::1 -d fd02::1 -p icmpv6 --icmpv6-type 128 --icmpv6-code 0 --icmpv6-id 78",
            "-s 10.1.0.1 -d 10.2.0.1 -p sctp --sport 1000 --dport 90 --state ESTABLISHED --orig-vtag 1 --reply-vtag 2",
        ];
        _ = network.Sh(string.Join(" && ", lines.Select(line => $"conntrack -I {line} -t 600 2> /dev/null")));
        return network;
    }

    private static Socket Udp(int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
        return socket;
    }
}
