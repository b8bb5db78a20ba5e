using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Linux;
using Fairlead.Linux.Conntrack;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;
using Fairlead.Linux.Nftables;

namespace Fairlead.KernelTests.Linux;

public sealed class NftablesKernelTests(TestNamespaces namespaces) : IClassFixture<TestNamespaces>
{
    private const NftFamily Ip = NftFamily.Ip;
    private const string Table = "fairlead-test";

    private static readonly IPAddress s_vip = IPAddress.Parse("10.96.0.1");

    private static readonly NftSet s_endpoints = new("endpoints", [NftType.Ipv4Address, NftType.InetProtocol, NftType.InetService, NftType.Index])
    {
        Data = [NftType.Ipv4Address, NftType.InetService],
    };

    private static readonly NftSet s_services = new("services", [NftType.Ipv4Address, NftType.InetProtocol, NftType.InetService]) { IsVerdictMap = true };

    [Fact]
    public void What_is_there_reads_back_as_it_was_written()
    {
        using var socket = NftablesSocket.Open(namespaces.New());
        var pre = new NftBaseChain(NftChainType.Nat, NftHook.Prerouting, -100);
        var endpoint = new NftElement([s_vip, NftValue.Tcp, 80, 0]) { Data = [IPAddress.Parse("10.32.0.2"), 8080], Comment = "default/web:http" };
        var service = new NftElement([s_vip, NftValue.Tcp, 80]) { Verdict = NftVerdict.Goto("svc-2") };
        socket.Commit(Balancer(2).Add(new AddElements(s_endpoints, endpoint)).Add(new AddElements(s_services, service)));

        Assert.Equal([new NftTableEntry(Ip, Table, "a test")], socket.Tables());
        Assert.Equal([new NftChainEntry("pre", pre, null), new NftChainEntry("out", pre with { Hook = NftHook.Output }, null), new NftChainEntry("svc-2", null, "two")], socket.Chains(Ip, Table));
        Assert.Equal([s_endpoints, s_services], socket.Sets(Ip, Table).OrderBy(s => s.Name, StringComparer.Ordinal));
        Assert.Equal([endpoint], socket.Elements(Ip, Table, s_endpoints));
        Assert.Equal([service], socket.Elements(Ip, Table, s_services));
        var rule = Assert.Single(socket.Rules(Ip, Table, "svc-2"));
        Assert.Equal(("balances", "payload meta payload numgen lookup nat"), (rule.Comment, string.Join(' ', rule.Expressions)));
        Assert.Equal(3, socket.Rules(Ip, Table).Count);
        Assert.True(socket.HasTable(Ip, Table));

        socket.Commit(new NftTransaction(Ip, Table).Add(new DeleteRule("svc-2", rule.Handle)));
        Assert.Empty(socket.Rules(Ip, Table, "svc-2"));
        socket.Commit(new NftTransaction(Ip, Table).Add(new DeleteTable()));
        Assert.Empty(socket.Tables());
        Assert.Empty(socket.Chains(Ip, Table));
        Assert.Empty(socket.Rules(Ip, Table));
        Assert.Empty(socket.Sets(Ip, Table));
        Assert.Empty(socket.Elements(Ip, Table, s_endpoints));
    }

    [Fact]
    public void Intervals_read_back_as_they_were_written()
    {
        using var socket = NftablesSocket.Open(namespaces.New());
        var networks = new NftSet("networks", [NftType.Ipv4Address]) { IsInterval = true };
        var networks6 = new NftSet("networks6", [NftType.Ipv6Address]) { IsInterval = true };
        var pairs = new NftSet("pairs", [NftType.Ipv4Address, NftType.InetService]) { IsInterval = true };
        NftElement[] elements =
        [
            new([IPNetwork.Parse("0.0.0.0/8")]),
            new([IPNetwork.Parse("10.0.0.0/9")]) { Comment = "left" },
            new([IPNetwork.Parse("10.128.0.0/9")]) { Comment = "right" },
            new([NftValue.Range(IPAddress.Parse("192.168.1.5"), IPAddress.Parse("192.168.1.20"))]),
            new([IPNetwork.Parse("224.0.0.0/3")]),
        ];
        NftElement[] elements6 = [new([IPNetwork.Parse("fd00::/8")]), new([IPNetwork.Parse("fe80::1/128")])];
        NftElement[] elementPairs = [new([IPNetwork.Parse("10.0.0.0/8"), NftValue.Range(80, 90)]), new([s_vip, 443])];

        socket.Commit(new NftTransaction(Ip, Table)
            .Add(new AddTable()).Add(new AddSet(networks)).Add(new AddSet(networks6)).Add(new AddSet(pairs))
            .Add(new AddElements(networks, elements)).Add(new AddElements(networks6, elements6)).Add(new AddElements(pairs, elementPairs)));

        Assert.Equal(elements, socket.Elements(Ip, Table, networks));
        Assert.Equal(elements6, socket.Elements(Ip, Table, networks6));
        Assert.Equal(elementPairs, socket.Elements(Ip, Table, pairs));
        Assert.Equal([networks, networks6], socket.Sets(Ip, Table).Where(s => s.Key.Count == 1).OrderBy(s => s.Name, StringComparer.Ordinal));

        socket.Commit(new NftTransaction(Ip, Table).Add(new DeleteElements(networks, elements[1], elements[4])).Add(new DeleteElements(pairs, elementPairs[0])));
        Assert.Equal([elements[0], elements[2], elements[3]], socket.Elements(Ip, Table, networks));
        Assert.Equal([elementPairs[1]], socket.Elements(Ip, Table, pairs));
    }

    [Fact]
    public void A_transaction_is_taken_whole_or_not_at_all_and_says_which_operation_was_refused()
    {
        using var socket = NftablesSocket.Open(namespaces.New());
        socket.Commit(Balancer(1));

        var refusal = Assert.Throws<LinuxException>(() => socket.Commit(new NftTransaction(Ip, Table)
            .Add(new AddChain("new"))
            .Add(new DeleteElements(s_services, new NftElement([s_vip, NftValue.Udp, 53])))
            .Add(new AddChain("newer"))));

        Assert.True(refusal.IsNotFound);
        Assert.Contains("delete element ip fairlead-test services { 10.96.0.1 . udp . 53 }", refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(socket.Chains(Ip, Table), c => c.Name.StartsWith("new", StringComparison.Ordinal));
    }

    [Fact]
    public void A_transaction_planned_on_an_older_generation_is_refused()
    {
        using var socket = NftablesSocket.Open(namespaces.New());
        var generation = socket.Generation();
        socket.Commit(Balancer(1), generation);

        var refusal = Assert.Throws<LinuxException>(() => socket.Commit(new NftTransaction(Ip, Table).Add(new DeleteTable()), generation));

        Assert.Equal(Errno.Restart, refusal.Errno);
        Assert.True(socket.HasTable(Ip, Table));
        socket.Commit(new NftTransaction(Ip, Table).Add(new DeleteTable()), socket.Generation());
    }

    [Fact]
    public void Two_tables_are_committed_as_one_and_nothing_is_a_transaction_too()
    {
        using var socket = NftablesSocket.Open(namespaces.New());
        var before = socket.Generation();

        socket.Commit(new NftTransaction(Ip, Table));
        Assert.Equal(before, socket.Generation());
        socket.Commit([new NftTransaction(Ip, Table).Add(new AddTable()), new NftTransaction(NftFamily.Ip6, Table).Add(new AddTable())]);

        Assert.Equal(before + 1, socket.Generation());
        Assert.Equal([Ip, NftFamily.Ip6], socket.Tables().Select(t => t.Family).Order());
    }

    [Fact]
    public void Ten_thousand_elements_are_committed_in_tens_of_milliseconds_and_read_back()
    {
        using var socket = NftablesSocket.Open(namespaces.New());
        var elements = Enumerable.Range(0, 10_000)
            .Select(i => new NftElement([new IPAddress([10, 96, (byte)(i >> 8), (byte)i]), NftValue.Tcp, 80, 0])
            {
                Data = [new IPAddress([10, 32, (byte)(i >> 8), (byte)i]), 8080],
                Comment = $"namespace-{i % 10}/service-{i}:http",
            })
            .ToArray();
        socket.Commit(Balancer(1));

        var watch = Stopwatch.StartNew();
        socket.Commit(new NftTransaction(Ip, Table).Add(new AddElements(s_endpoints, (IReadOnlyList<NftElement>)elements)));
        var committed = watch.Elapsed;
        var read = socket.Elements(Ip, Table, s_endpoints);
        TestContext.Current.TestOutputHelper?.WriteLine($"committed in {committed.TotalMilliseconds:0.0} ms, read in {(watch.Elapsed - committed).TotalMilliseconds:0.0} ms");

        Assert.Equal(elements, read);
    }

    [Theory]
    [InlineData(ProtocolType.Tcp)]
    [InlineData(ProtocolType.Udp)]
    public async Task Connections_to_a_virtual_address_are_balanced(ProtocolType protocol)
    {
        var ct = TestContext.Current.CancellationToken;
        var network = namespaces.New();
        using (var route = RouteSocket.Open(network))
        {
            route.SetUp(route.GetLink("lo").Index);
            route.ReplaceRoute(new(new IPNetwork(s_vip, 32)) { Link = route.GetLink("lo").Index });
        }

        using var socket = NftablesSocket.Open(network);
        var number = protocol == ProtocolType.Tcp ? NftValue.Tcp : NftValue.Udp;
        IPEndPoint[] backends = [new(IPAddress.Loopback, 9001), new(IPAddress.Loopback, 9002), new(IPAddress.Parse("127.0.0.2"), 9001)];
        var transaction = Balancer(3).Add(new AddElements(s_services, new NftElement([s_vip, number, 80]) { Verdict = NftVerdict.Goto("svc-3") }));
        for (var i = 0; i < backends.Length; i++)
        {
            _ = transaction.Add(new AddElements(s_endpoints, new NftElement([s_vip, number, 80, i]) { Data = [backends[i].Address, (ushort)backends[i].Port] }));
        }

        socket.Commit(transaction);
        var counts = await CountAsync(network, backends, protocol, attempts: 300, ct);

        Assert.All(counts, n => Assert.InRange(n, 60, 140));
        Assert.Equal(300, counts.Sum());
    }

    [Fact]
    public async Task A_forgotten_connection_meets_the_rules_anew()
    {
        var ct = TestContext.Current.CancellationToken;
        var network = namespaces.New();
        using (var route = RouteSocket.Open(network))
        {
            route.SetUp(route.GetLink("lo").Index);
            route.ReplaceRoute(new(new IPNetwork(s_vip, 32)) { Link = route.GetLink("lo").Index });
        }

        using var nftables = NftablesSocket.Open(network);
        using var conntrack = ConntrackSocket.Open(network);
        var old = new NftElement([s_vip, NftValue.Udp, 53, 0]) { Data = [IPAddress.Loopback, 9053] };
        nftables.Commit(Balancer(1)
            .Add(new AddElements(s_services, new NftElement([s_vip, NftValue.Udp, 53]) { Verdict = NftVerdict.Goto("svc-1") }))
            .Add(new AddElements(s_endpoints, old)));
        using var first = network.Run(() => Listen(new(IPAddress.Loopback, 9053), ProtocolType.Udp));
        using var second = network.Run(() => Listen(new(IPAddress.Loopback, 9054), ProtocolType.Udp));
        using var client = network.Run(() => Listen(new(IPAddress.Loopback, 9055), ProtocolType.Udp));

        await SendAsync(first);
        nftables.Commit(new NftTransaction(Ip, Table)
            .Add(new DeleteElements(s_endpoints, old))
            .Add(new AddElements(s_endpoints, old with { Data = [IPAddress.Loopback, 9054] })));
        await SendAsync(first);

        var filter = new ConntrackFilter { Protocol = NftValue.Udp, OriginalDestination = s_vip, OriginalDestinationPort = 53, ReplySource = IPAddress.Loopback };
        var entry = Assert.Single(conntrack.Entries(filter));
        Assert.Equal((9053, 9055), (entry.Reply.SourcePort, entry.Original.SourcePort));
        Assert.True(entry.Status.HasFlag(CtStatus.DestinationNat));
        Assert.Equal(0, conntrack.Delete(filter with { ReplySourcePort = 1 }));
        Assert.Equal(1, conntrack.Delete(filter with { ReplySourcePort = 9053 }));
        Assert.Equal(0, conntrack.Delete(filter));
        await SendAsync(second);

        async Task SendAsync(Socket expected)
        {
            _ = await client.SendToAsync("ask"u8.ToArray(), new IPEndPoint(s_vip, 53), ct);
            Assert.Equal(3, await expected.ReceiveAsync(new byte[16], ct));
        }
    }

    [Fact]
    public async Task Packets_are_masqueraded_and_rejected()
    {
        var ct = TestContext.Current.CancellationToken;
        using var nodes = new TwoNodes();
        using (var a = RouteSocket.Open(nodes.A))
        {
            a.ReplaceAddress(a.GetLink("lo").Index, InterfaceAddress.Parse("10.32.0.1/32"));
        }

        using var socket = NftablesSocket.Open(nodes.A);
        socket.Commit(new NftTransaction(Ip, Table).Add(new AddTable())
            .Add(new AddChain("post", new(NftChainType.Nat, NftHook.Postrouting, 100)))
            .Add(new AddRule("post", Match.Equal(Load.IpSaddr, IPNetwork.Parse("10.32.0.0/12")), Match.NotEqual(Load.IpDaddr, IPNetwork.Parse("10.32.0.0/12")), Nat.Masquerade(fullyRandom: true)))
            .Add(new AddChain("out", new(NftChainType.Filter, NftHook.Output, 0)))
            .Add(new AddRule("out", Match.Equal(Load.TcpDport, 81), Act.RejectWithReset)));
        using var other = NftablesSocket.Open(nodes.B);
        other.Commit(new NftTransaction(NftFamily.Inet, Table).Add(new AddTable())
            .Add(new AddChain("in", new(NftChainType.Filter, NftHook.Input, 0)))
            .Add(new AddRule("in", Match.Equal(Load.UdpDport, 81), Act.Reject)));
        using var listener = nodes.B.Run(() => Listen(new(TwoNodes.AddressB.Address, 80), ProtocolType.Tcp));

        using var client = nodes.A.Run(() => Client(ProtocolType.Tcp));
        client.Bind(new IPEndPoint(IPAddress.Parse("10.32.0.1"), 0));
        await client.ConnectAsync(new IPEndPoint(TwoNodes.AddressB.Address, 80), ct);
        using var served = await listener.AcceptAsync(ct);
        Assert.Equal(TwoNodes.AddressA.Address, ((IPEndPoint)served.RemoteEndPoint!).Address);

        using var refused = nodes.A.Run(() => Client(ProtocolType.Tcp));
        var error = await Assert.ThrowsAsync<SocketException>(async () => await refused.ConnectAsync(new IPEndPoint(TwoNodes.AddressB.Address, 81), ct));
        Assert.Equal(SocketError.ConnectionRefused, error.SocketErrorCode);

        using var rejected = nodes.A.Run(() => Client(ProtocolType.Udp));
        await rejected.ConnectAsync(new IPEndPoint(TwoNodes.AddressB.Address, 81), ct);
        error = await Assert.ThrowsAsync<SocketException>(async () =>
        {
            _ = await rejected.SendAsync("x"u8.ToArray(), ct);
            _ = await rejected.ReceiveAsync(new byte[1], ct);
        });
        Assert.True(error.SocketErrorCode is SocketError.ConnectionRefused, error.SocketErrorCode.ToString());
    }

    [Fact]
    public async Task A_dynamic_map_remembers_clients()
    {
        var ct = TestContext.Current.CancellationToken;
        var network = namespaces.New();
        using (var route = RouteSocket.Open(network))
        {
            route.SetUp(route.GetLink("lo").Index);
        }

        using var socket = NftablesSocket.Open(network);
        var clients = new NftSet("clients", [NftType.Ipv4Address, NftType.InetService]) { IsDynamic = true, Timeout = TimeSpan.FromHours(3), Size = 100 };
        socket.Commit(new NftTransaction(Ip, Table).Add(new AddTable()).Add(new AddSet(clients))
            .Add(new AddChain("in", new(NftChainType.Filter, NftHook.Input, 0)))
            .Add(new AddRule("in", Match.Equal(Load.UdpDport, 9000), Act.Update(clients, Load.Concat(Load.IpSaddr, Load.UdpDport)))));
        using var server = network.Run(() => Listen(new(IPAddress.Loopback, 9000), ProtocolType.Udp));
        using var client = network.Run(() => Client(ProtocolType.Udp));
        _ = await client.SendToAsync("x"u8.ToArray(), new IPEndPoint(IPAddress.Loopback, 9000), ct);
        _ = await server.ReceiveAsync(new byte[1], ct);

        Assert.Equal([new NftElement([IPAddress.Loopback, 9000])], socket.Elements(Ip, Table, clients));
        socket.Commit(new NftTransaction(Ip, Table).Add(new FlushSet(clients)).Add(new FlushChain("in")).Add(new DeleteChain("in")).Add(new DeleteSet(clients)));
        Assert.Empty(socket.Sets(Ip, Table));
    }

    /// <summary>The proxy's shape: a verdict map to one chain per number of endpoints, and there one rule.</summary>
    private static NftTransaction Balancer(int endpoints) => new NftTransaction(Ip, Table)
        .Add(new AddTable("a test"))
        .Add(new AddSet(s_endpoints))
        .Add(new AddSet(s_services))
        .Add(new AddChain("pre", new(NftChainType.Nat, NftHook.Prerouting, -100)))
        .Add(new AddChain("out", new(NftChainType.Nat, NftHook.Output, -100)))
        .Add(new AddChain($"svc-{endpoints}", Comment: "two"))
        .Add(new AddRule("pre", Act.Verdict(Load.Concat(Load.IpDaddr, Load.L4Proto, Load.ThDport), s_services)))
        .Add(new AddRule("out", Act.Verdict(Load.Concat(Load.IpDaddr, Load.L4Proto, Load.ThDport), s_services)))
        .Add(new AddRule(
            $"svc-{endpoints}",
            [Nat.Destination(Load.Map(Load.Concat(Load.IpDaddr, Load.L4Proto, Load.ThDport, Load.Random(endpoints)), s_endpoints))],
            "balances"));

    private static async Task<int[]> CountAsync(NetworkNamespace network, IPEndPoint[] backends, ProtocolType protocol, int attempts, CancellationToken ct)
    {
        var sockets = backends.Select(b => network.Run(() => Listen(b, protocol))).ToArray();
        var counts = new int[backends.Length];
        for (var i = 0; i < attempts; i++)
        {
            using var client = network.Run(() => Client(protocol));
            if (protocol == ProtocolType.Tcp)
            {
                await client.ConnectAsync(new IPEndPoint(s_vip, 80), ct);
            }
            else
            {
                _ = await client.SendToAsync("x"u8.ToArray(), new IPEndPoint(s_vip, 80), ct);
            }

            for (var b = 0; b < sockets.Length; b++)
            {
                if (sockets[b].Poll(0, SelectMode.SelectRead))
                {
                    counts[b]++;
                    _ = protocol == ProtocolType.Tcp ? 0 : sockets[b].Receive(new byte[1]);
                    if (protocol == ProtocolType.Tcp)
                    {
                        (await sockets[b].AcceptAsync(ct)).Dispose();
                    }
                }
            }
        }

        foreach (var socket in sockets)
        {
            socket.Dispose();
        }

        return counts;
    }

    private static Socket Client(ProtocolType protocol)
        => new(AddressFamily.InterNetwork, protocol == ProtocolType.Tcp ? SocketType.Stream : SocketType.Dgram, protocol);

    private static Socket Listen(IPEndPoint address, ProtocolType protocol)
    {
        var socket = Client(protocol);
        socket.Bind(address);
        if (protocol == ProtocolType.Tcp)
        {
            socket.Listen();
        }

        return socket;
    }
}
