using System.Net;
using Fairlead.Agent.Forwarding;
using Fairlead.Agent.Overlay;
using Fairlead.Core.Nodes;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Kube.State;
using Fairlead.Linux;
using Fairlead.Linux.Netlink.Route;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fairlead.KernelTests.Agent;

/// <summary>Pods reach pods on every node, and the overlay stays as it should be.</summary>
public sealed class VxlanKernelTests : IDisposable
{
    private readonly ThreeNodes _nodes = new();

    public void Dispose() => _nodes.Dispose();

    [Fact]
    public async Task Every_pod_reaches_every_pod_with_its_own_address()
    {
        var ct = TestContext.Current.CancellationToken;
        await BuildAsync(ct);
        var pods = _nodes.Nodes.SelectMany(n => new[] { n.AddPod(), n.AddPod() }).ToList();
        using var greeters = new Disposables(pods.Select(p => new Greeter(p.Network, p.Name, 8080)));

        foreach (var from in pods)
        {
            foreach (var to in pods)
            {
                Assert.Equal($"{to.Name} sees {from.Address}", await from.Network.AskAsync($"{to.Address}", 8080, ct));
            }
        }
    }

    [Fact]
    public async Task A_node_reaches_pods_elsewhere_from_its_end_of_the_overlay_and_large_packets_fit()
    {
        var ct = TestContext.Current.CancellationToken;
        await BuildAsync(ct);
        var pod = _nodes[3].AddPod();
        using var greeter = new Greeter(pod.Network, pod.Name, 8080);

        Assert.Equal($"{pod.Name} sees 10.32.1.0", await _nodes[1].Network.AskAsync($"{pod.Address}", 8080, ct));
        using var stream = await _nodes[1].AddPod().Network.ConnectAsync($"{pod.Address}", 8080, ct);
        await Talk.ReadLineAsync(stream, ct);
        await Talk.EchoAsync(stream, new string('x', 20_000), ct);
        using var routes = RouteSocket.Open(_nodes[1].Network);
        Assert.Equal(1450, routes.GetLink(VxlanPlanner.LinkName).Mtu);
    }

    [Fact]
    public async Task Doing_it_again_changes_nothing_and_a_restart_finds_it_all()
    {
        var ct = TestContext.Current.CancellationToken;
        await BuildAsync(ct);
        var before = State(_nodes[1]);
        var index = Index(_nodes[1]);

        await BuildAsync(ct);

        Assert.Equal(before, State(_nodes[1]));
        Assert.Equal(index, Index(_nodes[1]));
        Assert.Contains("10.32.3.0/24 via 10.32.3.0", before, StringComparison.Ordinal);
        Assert.Contains("10.32.2.0/24 via 198.19.0.12 dev eth0", before, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Whatever_is_taken_away_or_bent_comes_back()
    {
        var ct = TestContext.Current.CancellationToken;
        await BuildAsync(ct);
        var before = State(_nodes[1]);
        using var routes = RouteSocket.Open(_nodes[1].Network);
        var link = routes.GetLink(VxlanPlanner.LinkName).Index;
        var peer = new MacAddress(VtepAddress.Of("n3").GetAddressBytes());

        routes.DeleteRoute(new Route(IPNetwork.Parse("10.32.2.0/24")));
        routes.ReplaceFdb(new FdbEntry(link, peer) { Destination = IPAddress.Parse("198.19.1.99") });
        routes.TryDeleteNeighbour(new Neighbour(link, IPAddress.Parse("10.32.3.0"), peer));
        routes.ReplaceAddress(link, InterfaceAddress.Parse("10.99.0.1/32"));
        routes.SetLink(link, new LinkChange { Mtu = 1000, Mac = MacAddress.Random() });
        routes.ReplaceRoute(new Route(IPNetwork.Parse("10.40.0.0/24")) { Link = link, Gateway = IPAddress.Parse("10.32.3.0"), OnLink = true });
        await ReconcileAsync(_nodes[1], ct);

        Assert.Equal(before, State(_nodes[1]));
    }

    [Fact]
    public async Task A_node_that_leaves_is_gone_from_all_tables_and_one_that_moves_is_followed()
    {
        var ct = TestContext.Current.CancellationToken;
        await BuildAsync(ct);
        var topology = _nodes.TopologyOf(_nodes[1]);
        var moved = topology.Peers[1] with { Addresses = NodeAddresses.Of(IPAddress.Parse("198.19.1.14")) };

        await _nodes[1].Overlay().ReconcileAsync(topology with { Peers = [moved] }, ct);

        using var routes = RouteSocket.Open(_nodes[1].Network);
        var link = routes.GetLink(VxlanPlanner.LinkName).Index;
        Assert.Equal(["10.32.3.0/24"], routes.Routes(RouteProtocol.Fairlead).Select(r => r.Destination.ToString()));
        Assert.Equal(["198.19.1.14"], routes.Fdb(link).Where(e => e.Destination is not null).Select(e => e.Destination!.ToString()));
        Assert.Equal(["10.32.3.0"], routes.Neighbours(link).Where(n => n.State.HasFlag(NeighbourState.Permanent)).Select(n => n.Address.ToString()));
    }

    [Fact]
    public async Task A_node_without_a_range_any_more_keeps_what_it_has()
    {
        var ct = TestContext.Current.CancellationToken;
        await BuildAsync(ct);
        var before = State(_nodes[1]);

        await _nodes[1].Overlay().ReconcileAsync(new NodeTopology { IsKnown = true }, ct);
        await _nodes[1].Overlay().ReconcileAsync(NodeTopology.Unknown, ct);

        Assert.Equal(before, State(_nodes[1]));
    }

    [Fact]
    public async Task Off_means_gone_and_others_work_stays()
    {
        var ct = TestContext.Current.CancellationToken;
        var before = State(_nodes[1]);
        await BuildAsync(ct);

        await _nodes[1].Overlay().CleanAsync(ct);
        await _nodes[1].Overlay().CleanAsync(ct);

        Assert.Equal(before, State(_nodes[1]));
    }

    [Fact]
    public async Task Somebody_elses_link_of_our_name_is_left_alone_and_one_that_was_left_half_made_is_ours()
    {
        var ct = TestContext.Current.CancellationToken;
        using var routes = RouteSocket.Open(_nodes[1].Network);
        var spec = new VxlanSpec(VxlanPlanner.LinkName)
        {
            Vni = VxlanPlanner.Vni, UdpPort = VxlanPlanner.UdpPort, Local = _nodes[1].Address, Device = routes.GetLink("eth0").Index, Learning = false,
        };
        var others = routes.CreateVxlan(spec);
        routes.SetLink(others.Index, new LinkChange { Alias = "somebody's" });

        await _nodes[1].Overlay().CleanAsync(ct);
        var problem = await ProblemAsync(_nodes.TopologyOf(_nodes[1]), ct);

        Assert.Contains("not ours", problem, StringComparison.Ordinal);
        Assert.Equal(others.Index, routes.GetLink(VxlanPlanner.LinkName).Index);
        routes.DeleteLink(others.Index);
        routes.CreateVxlan(spec);
        await _nodes[1].Overlay().CleanAsync(ct);
        Assert.Null(routes.FindLink(VxlanPlanner.LinkName));
    }

    [Fact]
    public async Task A_node_address_that_no_interface_has_is_an_error_that_says_what_to_do()
    {
        var topology = _nodes.TopologyOf(_nodes[1]);
        var lost = topology with { Self = topology.Self! with { Addresses = NodeAddresses.Of(IPAddress.Parse("198.19.0.99")) } };

        Assert.Contains("198.19.0.99 is on no interface", await ProblemAsync(lost, TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_networks_tunnel_in_the_way_is_named()
    {
        using var routes = RouteSocket.Open(_nodes[1].Network);
        routes.CreateVxlan(new VxlanSpec("flannel.1") { Vni = VxlanPlanner.Vni, UdpPort = VxlanPlanner.UdpPort, Local = _nodes[1].Address, Device = routes.GetLink("eth0").Index });

        Assert.Contains("flannel.1", await ProblemAsync(_nodes.TopologyOf(_nodes[1]), TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    private async Task BuildAsync(CancellationToken ct)
    {
        foreach (var node in _nodes.Nodes)
        {
            await new ForwardingReconciler(node.Network, NullLogger<ForwardingReconciler>.Instance).ReconcileAsync(_nodes.TopologyOf(node), ct);
            await ReconcileAsync(node, ct);
        }
    }

    /// <summary>What the board says after n1 was to be so.</summary>
    private async Task<string> ProblemAsync(NodeTopology topology, CancellationToken ct)
    {
        var board = TestOverlay.NewBoard();
        await _nodes[1].Overlay(board: board).ReconcileAsync(topology, ct);
        Assert.True(board.Blocks);
        return board.Render();
    }

    private Task ReconcileAsync(TestNode node, CancellationToken ct) => node.Overlay().ReconcileAsync(_nodes.TopologyOf(node), ct);

    private static int Index(TestNode node)
    {
        using var routes = RouteSocket.Open(node.Network);
        return routes.GetLink(VxlanPlanner.LinkName).Index;
    }

    /// <summary>As stock tools see it, but for counters that time changes.</summary>
    private static string State(TestNode node)
        => node.Network.Sh("ip -d link show type vxlan | grep -v '^ *link'; ip -d link show type vxlan | grep -o 'link/ether [^ ]*'; ip route show; "
            + "ip -4 addr show; bridge fdb show | grep dst | sort; ip neigh show nud permanent | sort");
}

/// <summary>Several that end together.</summary>
public sealed class Disposables(IEnumerable<IDisposable> items) : IDisposable
{
    private readonly List<IDisposable> _items = [.. items];

    public void Dispose() => _items.ForEach(i => i.Dispose());
}
