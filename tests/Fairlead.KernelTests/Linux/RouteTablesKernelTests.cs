using System.Net;
using System.Net.Sockets;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Linux;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.KernelTests.Linux;

public sealed class RouteTablesKernelTests(TestNamespaces namespaces) : IClassFixture<TestNamespaces>
{
    public static TheoryData<string, Route> Routes => new()
    {
        { "two ways", new(IPNetwork.Parse("10.3.0.0/16")) { NextHops = [Hop("198.51.100.1", 3), Hop("192.0.2.9", 1, onLink: true)] } },
        { "two ways, IPv6", new(IPNetwork.Parse("2001:db8:3::/48")) { NextHops = [Hop("2001:db8::1", 2), Hop("2001:db8::2", 256)] } },
        { "metrics", new(IPNetwork.Parse("10.4.0.0/16")) { Gateway = IPAddress.Parse("198.51.100.1"), Link = 10, Mtu = 1300, Metrics = new() { AdvMss = 1200, HopLimit = 3, InitCwnd = 20, MtuLocked = true, QuickAck = true } } },
        { "metrics, IPv6", new(IPNetwork.Parse("2001:db8:4::/48")) { Gateway = IPAddress.Parse("2001:db8::1"), Link = 10, Mtu = 1300, Metrics = new() { AdvMss = 1200, HopLimit = 3, InitRwnd = 20 } } },
        { "type of service", new(IPNetwork.Parse("10.5.0.0/16")) { Link = 10, Tos = 16 } },
        { "a table above 255", new(IPNetwork.Parse("10.6.0.0/16")) { Link = 10, Table = 70_000 } },
        { "host scope", new(IPNetwork.Parse("10.7.0.0/16")) { Link = 10, Type = RouteType.Local, Table = 1000 } },
        { "passing away", new(IPNetwork.Parse("2001:db8:5::/48")) { Gateway = IPAddress.Parse("2001:db8::1"), Link = 10, Expires = TimeSpan.FromHours(1) } },
    };

    [Theory, MemberData(nameof(Routes))]
    public void A_route_reads_back_as_it_was_written(string what, Route route)
    {
        using var socket = Furnished();

        socket.ReplaceRoute(route);
        socket.ReplaceRoute(route);

        var found = Assert.Single(socket.Routes(RouteProtocol.Fairlead));
        Assert.True(route == found, $"{what}: {found}");
        Assert.Equal(route, Assert.Single(socket.Routes(RouteProtocol.Fairlead, route.Table)));
        Assert.True(socket.TryDeleteRoute(route));
        Assert.False(socket.TryDeleteRoute(route));
    }

    [Fact]
    public void Ways_are_appended_to_a_route()
    {
        using var socket = Furnished();
        var network = IPNetwork.Parse("2001:db8:7::/48");
        Assert.All(
            socket.Apply(
                new AddRoute(new(network) { Gateway = IPAddress.Parse("2001:db8::1"), Link = 10 }),
                new AppendRoute(new(network) { Gateway = IPAddress.Parse("2001:db8::2"), Link = 10 })),
            Assert.Null);

        Assert.Equal(2, Assert.Single(socket.Routes(RouteProtocol.Fairlead)).NextHops.Count);
    }

    [Theory]
    [InlineData(false, "10.1.0.0/16")]
    [InlineData(true, "2001:db8:1::/48")]
    public void A_rule_reads_back_as_it_was_written(bool v6, string network)
    {
        using var socket = Furnished();
        RoutingRule[] rules =
        [
            new(v6, 70_000) { Priority = 100, Destination = IPNetwork.Parse(network), InputInterface = "br0", Not = true },
            new(v6, 254) { Priority = 101, SuppressPrefixLength = 0, OutputInterface = "br0" },
            new(v6, 1000) { Priority = 102, IpProtocol = 6, DestinationPorts = (80, 90), Users = (1000, 2000) },
            new(v6, 0) { Priority = 103, Source = IPNetwork.Parse(network), Action = RoutingRuleAction.Prohibit },
            new(v6, 0) { Priority = 104, Action = RoutingRuleAction.Goto, Target = 32766 },
        ];

        Assert.All(socket.Apply([.. rules.Select(r => new AddRoutingRule(r))]), Assert.Null);

        Assert.Equal(rules, socket.Rules().Where(r => r.IsIPv6 == v6 && r.Priority is >= 100 and < 200));
        Assert.All(rules, r => Assert.True(socket.TryDeleteRule(r)));
    }

    [Fact]
    public void An_address_keeps_its_label_lifetimes_and_peer()
    {
        using var socket = Furnished();
        socket.ReplaceAddress(new LinkAddress(10, InterfaceAddress.Parse("203.0.113.1/32"))
        {
            Peer = IPAddress.Parse("203.0.113.2"), Label = "br0:x", Scope = RouteScope.Link, Valid = TimeSpan.FromHours(2), Preferred = TimeSpan.FromHours(1), Metric = 7,
        });

        var found = Assert.Single(socket.Addresses(10), a => a.Address.ToString() == "203.0.113.1/32");
        Assert.Equal((IPAddress.Parse("203.0.113.2"), "br0:x", RouteScope.Link, 7u), (found.Peer, found.Label, found.Scope, found.Metric));
        Assert.InRange(found.Valid!.Value, TimeSpan.FromMinutes(119), TimeSpan.FromMinutes(120));
        Assert.InRange(found.Preferred!.Value, TimeSpan.FromMinutes(59), TimeSpan.FromMinutes(60));
        Assert.True(socket.Apply(new AddAddress(new(10, InterfaceAddress.Parse("203.0.113.1/32")) { Peer = IPAddress.Parse("203.0.113.2") }))[0]!.IsExists);
    }

    [Fact]
    public void Proxies_are_a_list_of_their_own_and_flushing_keeps_what_was_said()
    {
        using var socket = Furnished();
        var mac = MacAddress.Parse("02:00:00:00:00:09");
        Assert.All(
            socket.Apply(
                new ReplaceNeighbour(new(10, IPAddress.Parse("198.51.100.9"), mac)),
                new ReplaceNeighbour(new(10, IPAddress.Parse("198.51.100.10"), mac) { State = NeighbourState.Stale }),
                new ReplaceNeighbour(new(10, IPAddress.Parse("2001:db8::10"), mac) { State = NeighbourState.Reachable }),
                new ReplaceNeighbour(new(10, IPAddress.Parse("198.51.100.11"), null) { Proxy = true }),
                new ReplaceNeighbour(new(10, IPAddress.Parse("2001:db8::11"), null) { Proxy = true })),
            Assert.Null);

        Assert.Equal(["198.51.100.11", "2001:db8::11"], socket.Neighbours(10, proxies: true).Select(n => n.Address.ToString()).Order());
        Assert.Equal(2, socket.FlushNeighbours(10));
        Assert.Equal("198.51.100.9", Assert.Single(socket.Neighbours(10), n => n.State == NeighbourState.Permanent).Address.ToString());
        Assert.DoesNotContain(socket.Neighbours(10), n => n.State is NeighbourState.Stale or NeighbourState.Reachable);
    }

    [Fact]
    public void An_entry_of_a_bridge_says_what_is_behind_which_port()
    {
        using var socket = Furnished();
        var port = socket.CreateVeth(new("v0") { PeerName = "v1", Master = 10, Up = true }).Index;
        var entry = new FdbEntry(port, MacAddress.Parse("02:00:00:00:0a:02")) { Self = false, State = NeighbourState.NoArp };

        socket.ReplaceFdb(entry);

        Assert.Equal(entry with { Master = 10 }, Assert.Single(socket.Fdb(port), e => e.Mac == entry.Mac));
        Assert.True(socket.TryDeleteFdb(entry));
        Assert.DoesNotContain(socket.Fdb(port), e => e.Mac == entry.Mac);
    }

    [Fact]
    public void A_refusal_says_what_was_asked_and_names_the_attribute()
    {
        using var socket = Furnished();
        var error = Assert.Throws<LinuxException>(() => socket.CreateVxlan(new("vx") { Vni = 1 << 25 }));

        Assert.Equal(("IFLA_VXLAN_ID", "link add vx type vxlan"), (error.Attribute, error.Operation));
        Assert.Contains("VXLAN ID must be lower than 16777216 (IFLA_VXLAN_ID)", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Thousands_of_refusals_in_a_batch_are_all_told()
    {
        using var socket = Furnished();
        var bad = new AddRoute(new(IPNetwork.Parse("10.9.0.0/16")) { Gateway = IPAddress.Parse("192.0.2.77") });

        Assert.All(socket.Apply([.. Enumerable.Repeat(bad, 5000)]), e => Assert.Equal(Errno.NetworkUnreachable, e!.Errno));

        var told = 0;
        Assert.Equal(5000, socket.ApplyAll(Enumerable.Repeat(bad, 5000), (o, e) => told += ReferenceEquals(o, bad) ? 1 : 0));
        Assert.Equal(5000, told);
    }

    [Fact]
    public void A_long_table_is_filled_and_read_with_nothing_kept_for_a_route()
    {
        const int Count = 20_000;
        using var socket = Furnished();
        var destinations = Enumerable.Range(0, Count).Select(i => new IPNetwork(new IPAddress([10, (byte)(i >> 8), (byte)i, 0]), 24)).ToList();
        Assert.Equal(0, socket.AddRoutes(destinations, new(IPNetwork.Parse("0.0.0.0/0")) { Link = 10 }, (n, e) => throw e));
        Assert.Equal(Count, socket.AddRoutes(destinations, new(IPNetwork.Parse("0.0.0.0/0")) { Link = 10 }, (n, e) => Assert.True(e.IsExists)));
        var (seen, sum) = (0, 0L);
        Fairlead.Linux.Netlink.Route.RouteVisitor visit = (scoped in RouteView route) =>
        {
            seen++;
            sum += route.Destination[1] + route.PrefixLength;
        };
        Assert.True(socket.VisitRoutes(visit, RouteProtocol.Fairlead, family: AddressFamily.InterNetwork));
        seen = 0;

        var before = GC.GetAllocatedBytesForCurrentThread();
        _ = socket.VisitRoutes(visit, RouteProtocol.Fairlead, family: AddressFamily.InterNetwork);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 2000);
        Assert.Equal(Count, seen);

        // The same few changes again and again: what is allocated is the same for one batch as for a hundred messages in it.
        RouteOperation[] again = [.. Enumerable.Repeat(new ReplaceRoute(new(IPNetwork.Parse("10.0.0.0/24")) { Link = 10 }), 500)];
        _ = socket.ApplyAll(again, (_, e) => throw e);
        before = GC.GetAllocatedBytesForCurrentThread();
        _ = socket.ApplyAll(again, (_, e) => throw e);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 2000);
    }

    [Fact]
    public void A_visitor_that_throws_leaves_the_socket_as_good_as_before()
    {
        using var socket = Furnished();

        Assert.Throws<FormatException>(() => socket.VisitRoutes((scoped in RouteView _) => throw new FormatException("mine")));

        Assert.NotEmpty(socket.Routes());
        Assert.NotEmpty(socket.Links());
    }

    [Fact]
    public async Task A_reader_that_is_overrun_is_told_and_hears_what_comes_after()
    {
        var ct = TestContext.Current.CancellationToken;
        var network = namespaces.New();
        using var socket = RouteSocket.Open(network);
        using var monitor = RouteMonitor.Open(network, RouteGroups.Links | RouteGroups.Rules, receiveBuffer: 4096);
        for (var i = 0; i < 50; i++)
        {
            _ = socket.CreateBridge(new($"br{i}"));
        }

        await using var events = monitor.ReadAllAsync(ct).GetAsyncEnumerator(ct);
        while (await events.MoveNextAsync() && events.Current is not ResynchroniseEvent)
        {
            Assert.IsType<LinkEvent>(events.Current);
        }

        // From here on nothing is missed: what is read now is followed by every change.
        Assert.Equal(51, socket.Links().Count);
        var rule = new RoutingRule(IsIPv6: true, 1000) { Priority = 99 };
        socket.AddRule(rule);
        Assert.True(await events.MoveNextAsync());
        Assert.Equal(new RuleEvent(rule, Removed: false), events.Current);
    }

    private static NextHop Hop(string gateway, int weight, bool onLink = false) => new() { Gateway = IPAddress.Parse(gateway), Link = 10, Weight = weight, OnLink = onLink };

    private RouteSocket Furnished()
    {
        var socket = RouteSocket.Open(namespaces.New());
        _ = socket.CreateBridge(new("br0") { Index = 10, Up = true });
        socket.ReplaceAddress(10, InterfaceAddress.Parse("198.51.100.7/24"));
        socket.ReplaceAddress(10, InterfaceAddress.Parse("2001:db8::7/64"), AddressFlags.NoDuplicateDetection);
        return socket;
    }
}
