using System.Net;
using System.Net.Sockets;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;
using Fairlead.Linux.Nftables;

namespace Fairlead.KernelTests.Linux;

public sealed class NftRewriteTests(TestNamespaces namespaces) : IClassFixture<TestNamespaces>
{
    private const string Table = "fairlead-test";
    private const int Port = 9999;
    private static readonly NftSet s_ways = new("ways", [NftType.Ipv4Address, NftType.InetProtocol, NftType.InetService]) { IsVerdictMap = true };

    [Fact]
    public void No_packet_passes_unseen_while_a_table_is_written_anew()
    {
        var network = namespaces.New();
        using var socket = NftablesSocket.Open(network);
        using (var route = RouteSocket.Open(network))
        {
            route.SetUp(route.GetLink("lo").Index);
        }

        Rewrite(socket, Wanted("a", 1));

        // What the table under test has not marked is counted by another one after it.
        socket.Commit(new NftTransaction(NftFamily.Ip, "witness")
            .Add(new AddTable())
            .Add(new AddChain("output", new(NftChainType.Filter, NftHook.Output, 10)))
            .Add(new AddRule("output", Match.Equal(Load.L4Proto, NftValue.Udp), Match.Bits(Load.Mark, 1, 0), Act.Counter))
            .Add(new AddRule("output", Match.Equal(Load.L4Proto, NftValue.Udp), Act.Counter)));
        using var stop = new CancellationTokenSource();
        var sender = new Thread(() => network.Run(() =>
        {
            using var client = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            while (!stop.IsCancellationRequested)
            {
                _ = client.SendTo([1], new IPEndPoint(IPAddress.Loopback, Port));
            }

            return 0;
        }));
        sender.Start();
        for (var i = 0; i < 10_000; i++)
        {
            Rewrite(socket, Wanted(i % 2 == 0 ? "b" : "a", i));
        }

        stop.Cancel();
        sender.Join();
        var counts = socket.Rules(NftFamily.Ip, "witness").Select(r => r.Counts!.Value.Packets).ToList();
        Assert.True(counts[1] > 1000, $"only {counts[1]} packets were sent");
        Assert.True(counts[0] == 0, $"{counts[0]} of {counts[1]} packets passed between the old table and the new");
    }

    [Fact]
    public void What_is_there_already_is_known_and_what_is_not_is_put_right()
    {
        using var socket = NftablesSocket.Open(namespaces.New());
        Rewrite(socket, Wanted("a", 1));
        Assert.True(IsInForce(socket, Wanted("b", 2)));

        foreach (NftOperation change in (NftOperation[])[
            new FlushChain("a"), new AddChain("c"), new AddChain("input", new(NftChainType.Filter, NftHook.Input, 0)), new AddRule("a", Act.Drop),
            new AddSet(new("more", [NftType.Ipv4Address])), new InsertRule("output", Act.Return),
            new FlushTable()])
        {
            socket.Commit(new NftTransaction(NftFamily.Ip, Table).Add(change));
            Assert.False(IsInForce(socket, Wanted("a", 1)), $"{change} was not seen");
            Rewrite(socket, Wanted("a", 1));
            Assert.True(IsInForce(socket, Wanted("a", 1)), $"{change} was not put right");
        }
    }

    [Fact]
    public void A_rule_that_keeps_its_comment_and_does_something_else_is_seen()
    {
        using var socket = NftablesSocket.Open(namespaces.New());
        Rewrite(socket, Wanted("a", 1));
        socket.Commit(new NftTransaction(NftFamily.Ip, Table).Add(new ReplaceRule("b", HandleIn(socket, "b"), [Act.SetMarkBits(1, 1), Act.Drop], "way b")));
        Assert.False(IsInForce(socket, Wanted("a", 1)));
    }

    [Fact]
    public void A_set_or_chain_of_another_kind_gives_way()
    {
        using var socket = NftablesSocket.Open(namespaces.New());
        socket.Commit(new NftTransaction(NftFamily.Ip, Table)
            .Add(new AddTable()).Add(new AddSet(s_ways with { Key = [NftType.Mark] })).Add(new AddChain("x")).Add(new AddChain("a"))
            .Add(new AddElements(s_ways with { Key = [NftType.Mark] }, new NftElement([7]) { Verdict = NftVerdict.Goto("x") }))
            .Add(new AddChain("output", new(NftChainType.Filter, NftHook.Output, -5))).Add(new AddRule("output", Act.Jump("x"))));

        Rewrite(socket, Wanted("a", 1));

        Assert.True(IsInForce(socket, Wanted("a", 1)));
        Assert.Equal(NftVerdict.Goto("a"), Assert.Single(socket.Elements(NftFamily.Ip, Table, s_ways)).Verdict);
    }

    [Fact]
    public void A_table_that_is_right_counts_on()
    {
        using var socket = NftablesSocket.Open(namespaces.New());
        var wanted = new NftTransaction(NftFamily.Ip, Table).Add(new AddTable()).Add(new AddChain("c")).Add(new AddRule("c", Act.Counter));
        Assert.True(socket.Rewrite(wanted));
        var generation = socket.Generation();
        Assert.False(socket.Rewrite(wanted));
        Assert.Equal(generation, socket.Generation());
    }

    /// <summary>A table that marks what is sent to the port, by a map that leads one way or the other.</summary>
    private static NftTransaction Wanted(string way, int version) => new NftTransaction(NftFamily.Ip, Table)
        .Add(new AddTable())
        .Add(new AddSet(s_ways))
        .Add(new AddChain("a")).Add(new AddRule("a", [Act.SetMarkBits(1, 1), Act.Counter, Act.Accept], "way a"))
        .Add(new AddChain("b")).Add(new AddRule("b", [Act.SetMarkBits(1, 1), Act.Accept], "way b"))
        .Add(new AddChain("output", new(NftChainType.Filter, NftHook.Output, 0)))
        .Add(new AddRule("output", Act.Verdict(Load.Concat(Load.IpDaddr, Load.L4Proto, Load.ThDport), s_ways)))
        .Add(new AddElements(s_ways, new NftElement([IPAddress.Loopback, NftValue.Udp, Port]) { Verdict = NftVerdict.Goto(way), Comment = $"version {version}" }));

    private static void Rewrite(NftablesSocket socket, NftTransaction wanted)
        => socket.Commit(NftRewrite.Plan(wanted, socket.Chains(NftFamily.Ip, Table), socket.Sets(NftFamily.Ip, Table)));

    private static bool IsInForce(NftablesSocket socket, NftTransaction wanted)
        => NftRewrite.IsInForce(wanted, socket.Chains(NftFamily.Ip, Table), socket.Sets(NftFamily.Ip, Table), socket.Rules(NftFamily.Ip, Table));

    private static ulong HandleIn(NftablesSocket socket, string chain) => socket.Rules(NftFamily.Ip, Table, chain)[0].Handle;
}
