using System.Net;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Linux;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.KernelTests.Linux;

public sealed class RouteKernelTests(TestNamespaces namespaces) : IClassFixture<TestNamespaces>
{
    [Fact]
    public void Addresses_are_added_changed_and_removed()
    {
        using var socket = RouteSocket.Open(namespaces.New());
        var lo = socket.GetLink("lo").Index;
        var v4 = InterfaceAddress.Parse("198.51.100.7/24");
        var v6 = InterfaceAddress.Parse("2001:db8::7/64");
        var link = socket.CreateBridge(new("br0") { Up = true }).Index;

        socket.ReplaceAddress(link, v4);
        socket.ReplaceAddress(link, v4);
        socket.ReplaceAddress(link, v6, AddressFlags.NoDuplicateDetection | AddressFlags.NoPrefixRoute);
        socket.ReplaceAddress(lo, InterfaceAddress.Parse("192.0.2.1/32"), AddressFlags.NoPrefixRoute, RouteScope.Host);

        var found = socket.Addresses(link);
        var first = Assert.Single(found, a => a.Address == v4);
        Assert.Equal(IPAddress.Parse("198.51.100.255"), first.Broadcast);
        var second = Assert.Single(found, a => a.Address == v6);
        Assert.True(second.Flags.HasFlag(AddressFlags.NoDuplicateDetection | AddressFlags.NoPrefixRoute));
        Assert.DoesNotContain(socket.Routes(table: Route.MainTable), r => r.Destination == v6.Network);
        Assert.Contains(socket.Routes(table: Route.MainTable), r => r.Destination == v4.Network && r.Source!.Equals(v4.Address));
        Assert.Equal(RouteScope.Host, Assert.Single(socket.Addresses(lo), a => a.Address.ToString() == "192.0.2.1/32").Scope);

        socket.DeleteAddress(link, v4);
        Assert.False(socket.TryDeleteAddress(link, v4));
        Assert.DoesNotContain(socket.Addresses(), a => a.Address == v4);
    }

    [Theory]
    [InlineData("10.1.0.0/16", "198.51.100.1", null, 0u, false, null, RouteType.Unicast, 254u)]
    [InlineData("0.0.0.0/0", "198.51.100.1", "198.51.100.7", 10u, false, 1400, RouteType.Unicast, 254u)]
    [InlineData("10.2.0.0/24", "203.0.113.9", null, 0u, true, null, RouteType.Unicast, 254u)]
    [InlineData("10.3.0.0/24", null, null, 0u, false, null, RouteType.Unicast, 254u)]
    [InlineData("10.4.0.0/24", null, null, 0u, false, null, RouteType.Blackhole, 254u)]
    [InlineData("10.5.0.0/24", null, null, 0u, false, null, RouteType.Unreachable, 1000u)]
    [InlineData("10.6.0.0/24", "2001:db8::1", null, 0u, false, null, RouteType.Unicast, 254u)]
    [InlineData("2001:db8:1::/48", "2001:db8::1", null, 0u, false, null, RouteType.Unicast, 254u)]
    [InlineData("::/0", "2001:db8::1", "2001:db8::7", 10u, false, 1400, RouteType.Unicast, 254u)]
    [InlineData("2001:db8:2::/48", null, null, 0u, false, null, RouteType.Unicast, 1000u)]
    [InlineData("2001:db8:3::/48", null, null, 0u, false, null, RouteType.Blackhole, 254u)]
    public void A_route_reads_back_as_it_was_written(
        string destination, string? gateway, string? source, uint metric, bool onLink, int? mtu, RouteType type, uint table)
    {
        using var socket = RouteSocket.Open(namespaces.New());
        var link = socket.CreateBridge(new("br0") { Up = true }).Index;
        socket.ReplaceAddress(link, InterfaceAddress.Parse("198.51.100.7/24"));
        socket.ReplaceAddress(link, InterfaceAddress.Parse("2001:db8::7/64"), AddressFlags.NoDuplicateDetection);
        var route = new Route(IPNetwork.Parse(destination))
        {
            Gateway = gateway is null ? null : IPAddress.Parse(gateway),
            Source = source is null ? null : IPAddress.Parse(source),
            Link = type == RouteType.Unicast ? link : null,
            Metric = metric,
            OnLink = onLink,
            Mtu = mtu,
            Type = type,
            Table = table,
        };

        socket.ReplaceRoute(route);
        socket.ReplaceRoute(route);

        Assert.Equal(route, Assert.Single(socket.Routes(RouteProtocol.Fairlead)));
        Assert.True(Assert.Throws<LinuxException>(() => socket.AddRoute(route)).IsExists);
        socket.DeleteRoute(route);
        Assert.False(socket.TryDeleteRoute(route));
        Assert.Empty(socket.Routes(RouteProtocol.Fairlead));
    }

    [Fact]
    public void A_route_of_somebody_else_is_not_deleted()
    {
        var network = namespaces.New();
        using var socket = RouteSocket.Open(network);
        _ = socket.CreateBridge(new("br0") { Up = true });
        _ = network.Sh("ip route add 10.9.0.0/16 dev br0 proto static");

        Assert.False(socket.TryDeleteRoute(new(IPNetwork.Parse("10.9.0.0/16"))));
        Assert.Contains(socket.Routes(), r => r is { Protocol: RouteProtocol.Static, Destination.PrefixLength: 16 });
    }

    [Fact]
    public void Lookup_gives_the_route_the_kernel_would_take()
    {
        using var socket = RouteSocket.Open(namespaces.New());
        var link = socket.CreateBridge(new("br0") { Up = true }).Index;
        socket.ReplaceAddress(link, InterfaceAddress.Parse("198.51.100.7/24"));
        socket.ReplaceRoute(new(IPNetwork.Parse("10.1.0.0/16")) { Gateway = IPAddress.Parse("198.51.100.1"), Link = link });
        socket.ReplaceRoute(new(IPNetwork.Parse("10.2.0.0/16")) { Type = RouteType.Unreachable });

        var found = socket.Lookup(IPAddress.Parse("10.1.2.3"));

        Assert.Equal((link, IPAddress.Parse("198.51.100.1"), IPAddress.Parse("198.51.100.7")), (found!.Link!.Value, found.Gateway, found.Source));
        Assert.Null(socket.Lookup(IPAddress.Parse("10.2.0.1")));
        Assert.Null(socket.Lookup(IPAddress.Parse("10.3.0.1")));
    }

    [Fact]
    public void A_batch_goes_on_past_a_refusal_and_tells_which_operation_it_was()
    {
        using var socket = RouteSocket.Open(namespaces.New());
        var link = socket.CreateBridge(new("br0") { Up = true }).Index;
        socket.ReplaceAddress(link, InterfaceAddress.Parse("198.51.100.7/24"));

        var errors = socket.Apply(
            new ReplaceRoute(new(IPNetwork.Parse("10.1.0.0/16")) { Link = link }),
            new ReplaceRoute(new(IPNetwork.Parse("10.2.0.0/16")) { Gateway = IPAddress.Parse("203.0.113.1"), Link = link }),
            new ReplaceRoute(new(IPNetwork.Parse("10.3.0.0/16")) { Link = link }));

        Assert.Null(errors[0]);
        Assert.Null(errors[2]);
        Assert.Contains("route replace 10.2.0.0/16 via 203.0.113.1", errors[1]!.Message, StringComparison.Ordinal);
        Assert.Contains("Nexthop has invalid gateway", errors[1]!.Message, StringComparison.Ordinal);
        Assert.Equal(2, socket.Routes(RouteProtocol.Fairlead).Count);
    }

    [Fact]
    public void Thousands_of_routes_go_in_and_come_out()
    {
        using var socket = RouteSocket.Open(namespaces.New());
        var link = socket.CreateBridge(new("br0") { Up = true }).Index;
        var routes = Enumerable.Range(0, 5000)
            .Select(i => new Route(new IPNetwork(new IPAddress([10, (byte)(i >> 8), (byte)i, 0]), 24)) { Link = link })
            .ToList();

        var errors = socket.Apply([.. routes.Select(r => new ReplaceRoute(r))]);

        Assert.All(errors, Assert.Null);
        Assert.Equal(routes.ToHashSet(), socket.Routes(RouteProtocol.Fairlead).ToHashSet());
    }

    [Fact]
    public void Neighbours_are_set_and_removed()
    {
        using var socket = RouteSocket.Open(namespaces.New());
        var link = socket.CreateBridge(new("br0") { Up = true }).Index;
        var v4 = new Neighbour(link, IPAddress.Parse("198.51.100.9"), MacAddress.Parse("02:00:00:00:00:09"));
        var v6 = v4 with { Address = IPAddress.Parse("2001:db8::9") };

        socket.ReplaceNeighbour(v4);
        socket.ReplaceNeighbour(v4);
        socket.ReplaceNeighbour(v6);

        Assert.Equal([v4, v6], socket.Neighbours(link).Where(n => n.State == NeighbourState.Permanent).OrderBy(n => n.Address.AddressFamily));
        Assert.True(socket.TryDeleteNeighbour(v4));
        Assert.False(socket.TryDeleteNeighbour(v4));
    }

    [Fact]
    public void Rules_are_added_and_removed()
    {
        using var socket = RouteSocket.Open(namespaces.New());
        var rule = new RoutingRule(IsIPv6: false, Table: 1000) { Priority = 500, Source = IPNetwork.Parse("10.1.0.0/16"), Mark = 0x10, MarkMask = 0xff };

        socket.AddRule(rule);

        Assert.Contains(rule, socket.Rules());
        Assert.True(Assert.Throws<LinuxException>(() => socket.AddRule(rule)).IsExists);
        Assert.True(socket.TryDeleteRule(rule));
        Assert.False(socket.TryDeleteRule(rule));
    }

    [Fact]
    public async Task Changes_are_told_as_they_come()
    {
        var network = namespaces.New();
        using var socket = RouteSocket.Open(network);
        await using var events = socket.MonitorAsync(RouteGroups.All, TestContext.Current.CancellationToken).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        var v4 = InterfaceAddress.Parse("198.51.100.7/24");
        var neighbour = IPAddress.Parse("198.51.100.9");
        var destination = IPNetwork.Parse("10.1.0.0/16");

        var link = socket.CreateBridge(new("br0") { Up = true }).Index;
        socket.ReplaceAddress(link, v4);
        socket.ReplaceRoute(new(destination) { Link = link });
        socket.ReplaceNeighbour(new(link, neighbour, MacAddress.Parse("02:00:00:00:00:09")));
        socket.DeleteLink(link);

        await Next<LinkEvent>(e => e.Link.Name == "br0" && !e.Removed);
        await Next<AddressEvent>(e => e.Address.Address == v4 && !e.Removed);
        await Next<RouteChangeEvent>(e => e.Route.Destination == destination && !e.Removed);
        await Next<NeighbourEvent>(e => e.Neighbour.Address.Equals(neighbour) && !e.Removed);
        await Next<LinkEvent>(e => e.Link.Index == link && e.Removed);

        async Task Next<T>(Func<T, bool> wanted)
            where T : RouteEvent
        {
            do
            {
                Assert.True(await events.MoveNextAsync());
            }
            while (events.Current is not T change || !wanted(change));
        }
    }
}
