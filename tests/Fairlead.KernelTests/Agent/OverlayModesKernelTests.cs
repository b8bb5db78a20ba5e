using System.Net;
using System.Net.Sockets;
using Fairlead.Agent.Forwarding;
using Fairlead.Agent.Masquerade;
using Fairlead.Agent.Overlay;
using Fairlead.Core.Nodes;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Linux;
using Fairlead.Linux.Netlink.Route;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fairlead.KernelTests.Agent;

/// <summary>All ways between nodes that this machine's kernel has, for both families of addresses.</summary>
public sealed class OverlayModesKernelTests
{
    private readonly CancellationToken _ct = TestContext.Current.CancellationToken;

    /// <summary>Mode, the nodes' addresses, the pods' addresses, and the pods' MTU that comes of it.</summary>
    public static TheoryData<string, Families, Families, int> Paths => new()
    {
        { "vxlan", Families.IPv4, Families.Both, 1450 },
        { "vxlan", Families.Both, Families.Both, 1450 },
        { "vxlan", Families.IPv6, Families.IPv6, 1430 },
        { "vxlan", Families.IPv6, Families.Both, 1430 },
        { "host-gw", Families.Both, Families.Both, 1500 },
        { "host-gw", Families.IPv6, Families.Both, 1500 },
        { "none", Families.Both, Families.Both, 1500 },
        { "auto", Families.Both, Families.Both, 1450 },
    };

    [Theory, MemberData(nameof(Paths))]
    public async Task Every_pod_reaches_every_pod_with_its_own_address_and_packets_of_any_size(string mode, Families underlay, Families pods, int mtu)
    {
        using var nodes = new ThreeNodes(underlay, pods);
        var kind = OverlayKinds.TryParse(mode, out var asked) ? asked : null;
        if (mode is "host-gw" or "none")
        {
            // n3 is behind a router. For host-gw it stays out; for none somebody makes the routes.
            RouteByHand(nodes);
        }

        var inForce = new List<OverlayInForce>();
        foreach (var node in nodes.Nodes)
        {
            var overlay = node.Overlay(kind);
            await new ForwardingReconciler(node.Network, NullLogger<ForwardingReconciler>.Instance).ReconcileAsync(nodes.TopologyOf(node), _ct);
            await overlay.ReconcileAsync(nodes.TopologyOf(node), _ct);
            inForce.Add(overlay.InForce.Current);
        }

        Assert.All(inForce, o => Assert.Equal(mtu, o.Mtu));
        var all = nodes.Nodes.Select(n => n.AddPod(mtu)).ToList();
        using var greeters = new Disposables(all.Select(p => new Greeter(p.Network, p.Name, 8080)));
        foreach (var (from, to) in all.SelectMany(from => all.Select(to => (from, to))))
        {
            foreach (var (source, target) in from.Addresses.Zip(to.Addresses))
            {
                Assert.Equal($"{to.Name} sees {source}", await from.Network.AskAsync($"{target}", 8080, _ct));
                await EchoUdpAsync(from, target, mtu - (target.AddressFamily == AddressFamily.InterNetwork ? 28 : 48));
                await EchoUdpAsync(from, target, 3900);
                using var stream = await from.Network.ConnectAsync($"{target}", 8080, _ct);
                await Talk.ReadLineAsync(stream, _ct);
                await Talk.EchoAsync(stream, new string('x', 20_000), _ct);
            }
        }
    }

    [Fact]
    public async Task A_pod_with_a_larger_mtu_than_the_tunnel_is_told_of_it()
    {
        using var nodes = new ThreeNodes(Families.Both, Families.Both);
        await BuildAsync(nodes, OverlayKind.Vxlan);
        var (from, to) = (nodes[1].AddPod(1500), nodes[3].AddPod(1500));
        using var greeter = new Greeter(to.Network, to.Name, 8080);

        foreach (var target in to.Addresses)
        {
            using var stream = await from.Network.ConnectAsync($"{target}", 8080, _ct);
            await Talk.ReadLineAsync(stream, _ct);
            await Talk.EchoAsync(stream, new string('x', 20_000), _ct);
        }
    }

    [Fact]
    public async Task Nodes_on_one_subnet_are_reached_straight_and_others_through_the_tunnel()
    {
        using var nodes = new ThreeNodes(Families.Both, Families.Both);
        await BuildAsync(nodes, OverlayKind.Vxlan);

        var routes = nodes[1].Network.Sh("ip route show proto 98; ip -6 route show proto 98");

        Assert.Contains("10.32.2.0/24 via 198.19.0.12 dev eth0", routes, StringComparison.Ordinal);
        Assert.Contains("fd32:0:0:2::/64 via fd19::12 dev eth0", routes, StringComparison.Ordinal);
        Assert.Contains("10.32.3.0/24 via 10.32.3.0 dev fairlead.1", routes, StringComparison.Ordinal);
        Assert.Contains("fd32:0:0:3::/64 via fd32:0:0:3:: dev fairlead.1", routes, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Host_gateway_names_the_nodes_that_it_cannot_reach_and_none_the_routes_that_are_missing()
    {
        using var nodes = new ThreeNodes(Families.IPv4, Families.Both);
        var board = TestOverlay.NewBoard();

        await nodes[1].Overlay(OverlayKind.HostGateway, board).ReconcileAsync(nodes.TopologyOf(nodes[1]), _ct);
        var direct = board.Render();
        nodes[1].Network.Sh("ip route replace 10.32.2.0/24 via 198.19.0.12");
        await nodes[1].Overlay(OverlayKind.None, board).ReconcileAsync(nodes.TopologyOf(nodes[1]), _ct);
        var byOthers = board.Render();

        Assert.Contains("pods 10.32.3.0/24 of node n3", direct, StringComparison.Ordinal);
        Assert.Contains("pods fd32:0:0:2::/64 of node n2", direct, StringComparison.Ordinal);
        Assert.DoesNotContain("pods 10.32.2.0/24", direct, StringComparison.Ordinal);
        Assert.Contains("no route to pods 10.32.3.0/24 of node n3", byOthers, StringComparison.Ordinal);
        Assert.DoesNotContain("pods 10.32.2.0/24", byOthers, StringComparison.Ordinal);
        Assert.False(board.Blocks);
    }

    [Fact]
    public async Task What_is_picked_by_itself_goes_from_straight_routes_to_the_tunnel_once_and_never_back()
    {
        using var nodes = new ThreeNodes(Families.Both, Families.Both);
        var whole = nodes.TopologyOf(nodes[1]);
        var oneSubnet = whole with { Peers = [whole.Peers[0]] };
        var overlay = nodes[1].Overlay(kind: null);

        await overlay.ReconcileAsync(oneSubnet, _ct);
        var first = overlay.InForce.Current;
        var routes = nodes[1].Network.Sh("ip route show 10.32.2.0/24; ip -6 route show fd32:0:0:2::/64");
        await overlay.ReconcileAsync(whole, _ct);
        var second = overlay.InForce.Current;
        await nodes[1].Overlay(kind: null).ReconcileAsync(oneSubnet, _ct);

        Assert.Equal((OverlayKind.HostGateway, OverlayKind.Vxlan), (first.Kind, second.Kind));
        Assert.Equal(first.Mtu, second.Mtu);
        Assert.Contains("via 198.19.0.12", routes, StringComparison.Ordinal);
        Assert.Equal(routes, nodes[1].Network.Sh("ip route show 10.32.2.0/24; ip -6 route show fd32:0:0:2::/64"));
        Assert.Contains("fairlead.1", nodes[1].Network.Sh("ip -o link"), StringComparison.Ordinal);

        // And a node that sees only its own subnet uses the tunnel where another has to.
        var told = nodes[2].Overlay(kind: null);
        await told.ReconcileAsync(nodes.TopologyOf(nodes[2]) with { Peers = [nodes.TopologyOf(nodes[2]).Peers[0] with { Overlay = "vxlan" }] }, _ct);
        Assert.Equal(OverlayKind.Vxlan, told.InForce.Current.Kind);
    }

    [Fact]
    public async Task A_change_of_mode_never_lacks_a_route_and_ends_the_old_mode_when_no_node_says_that_it_uses_it()
    {
        using var nodes = new ThreeNodes(Families.Both, Families.Both);
        var topology = nodes.TopologyOf(nodes[1]);
        await nodes[1].Overlay(OverlayKind.Vxlan).ReconcileAsync(topology, _ct);
        var still = topology with { Peers = [topology.Peers[0] with { Overlay = "vxlan" }, topology.Peers[1]] };

        await nodes[1].Overlay(OverlayKind.HostGateway).ReconcileAsync(still, _ct);
        var during = nodes[1].Network.Sh("ip -o link; ip route show proto 98");
        await nodes[1].Overlay(OverlayKind.HostGateway).ReconcileAsync(topology, _ct);
        var after = nodes[1].Network.Sh("ip -o link; ip route show proto 98");

        Assert.Contains("fairlead.1", during, StringComparison.Ordinal);
        Assert.DoesNotContain("fairlead.1", after, StringComparison.Ordinal);
        Assert.All([during, after], state => Assert.Contains("10.32.2.0/24 via 198.19.0.12", state, StringComparison.Ordinal));

        await nodes[1].Overlay(OverlayKind.Vxlan).ReconcileAsync(topology, _ct);
        Assert.Contains("10.32.3.0/24 via 10.32.3.0 dev fairlead.1", nodes[1].Network.Sh("ip route show proto 98"), StringComparison.Ordinal);
        await nodes[1].Overlay(OverlayKind.None).ReconcileAsync(topology, _ct);
        Assert.Equal("", nodes[1].Network.Sh("ip route show proto 98; ip -6 route show proto 98; ip -o link show type vxlan"));
    }

    [Fact]
    public async Task Cleaning_removes_the_straight_routes_too_and_other_routes_stay()
    {
        using var nodes = new ThreeNodes(Families.Both, Families.Both);
        const string State = "ip route; ip -6 route | grep -v fe80; ip -o link | cut -d' ' -f2";
        nodes[1].Network.Sh("ip route add 10.99.0.0/16 via 198.19.0.1");
        var before = nodes[1].Network.Sh(State);
        foreach (var kind in new[] { OverlayKind.HostGateway, OverlayKind.Vxlan })
        {
            await nodes[1].Overlay(kind).ReconcileAsync(nodes.TopologyOf(nodes[1]), _ct);
            await nodes[1].Overlay().CleanAsync(_ct);

            Assert.Equal(before, nodes[1].Network.Sh(State));
        }
    }

    [Fact]
    public async Task An_underlay_that_is_too_small_is_named_and_nothing_is_changed()
    {
        using var nodes = new ThreeNodes(Families.Both, Families.Both);
        nodes[1].Network.Sh("ip link set eth0 mtu 1300");
        var board = TestOverlay.NewBoard();

        await nodes[1].Overlay(OverlayKind.Vxlan, board).ReconcileAsync(nodes.TopologyOf(nodes[1]), _ct);

        Assert.Contains("[-]MtuTooSmall: eth0 has MTU 1300", board.Render(), StringComparison.Ordinal);
        Assert.DoesNotContain("fairlead.1", nodes[1].Network.Sh("ip -o link"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_kernel_without_WireGuard_is_told_and_nothing_is_sent_unencrypted_instead()
    {
        using var nodes = new ThreeNodes(Families.IPv4, Families.IPv4);
        using (var generic = Fairlead.Linux.Netlink.Generic.GenericSocket.Open(nodes[1].Network))
        {
            Assert.SkipUnless(generic.Find("wireguard") is null, "this kernel has WireGuard");
        }

        var board = TestOverlay.NewBoard();
        await nodes[1].Overlay(OverlayKind.WireGuard, board).ReconcileAsync(nodes.TopologyOf(nodes[1]), _ct);

        Assert.Contains("[-]WireGuardNotSupported: this kernel has no WireGuard", board.Render(), StringComparison.Ordinal);
        Assert.Equal("", nodes[1].Network.Sh("ip route show proto 98"));
    }

    [Fact]
    public async Task What_pods_send_out_of_the_cluster_gets_the_nodes_address_in_both_families_and_nothing_else_does()
    {
        using var nodes = new ThreeNodes(Families.Both, Families.Both);
        await BuildAsync(nodes, OverlayKind.Vxlan);
        foreach (var node in nodes.Nodes)
        {
            var masquerade = new MasqueradeReconciler(
                [ThreeNodes.ClusterCidr, IPNetwork.Parse("fd32::/48")], [ThreeNodes.ServiceCidr], node.Network, NullLogger<MasqueradeReconciler>.Instance);
            await masquerade.ReconcileAsync(nodes.TopologyOf(node), _ct);
        }

        var (from, to) = (nodes[1].AddPod(), nodes[3].AddPod());
        using var outside = new Greeter(nodes.Outside, "outside", 8080);
        using var inside = new Greeter(to.Network, "inside", 8080);

        Assert.Equal("outside sees 198.19.0.11", await from.Network.AskAsync("198.19.2.10", 8080, _ct));
        Assert.Equal("outside sees fd19::11", await from.Network.AskAsync("fd19:0:0:2::10", 8080, _ct));
        Assert.Equal($"inside sees {from.Addresses[0]}", await from.Network.AskAsync($"{to.Addresses[0]}", 8080, _ct));
        Assert.Equal($"inside sees {from.Addresses[1]}", await from.Network.AskAsync($"{to.Addresses[1]}", 8080, _ct));
        Shell.Need("nft");
        await new MasqueradeReconciler([ThreeNodes.ClusterCidr], [], nodes[1].Network, NullLogger<MasqueradeReconciler>.Instance).ReconcileAsync(nodes.TopologyOf(nodes[1]), _ct);
        Assert.DoesNotContain("ip6 fairlead-masquerade", nodes[1].Network.Sh("nft list tables"), StringComparison.Ordinal);
        await new MasqueradeReconciler([], [], nodes[3].Network, NullLogger<MasqueradeReconciler>.Instance).CleanAsync(_ct);
        Assert.Equal("", nodes[3].Network.Sh("nft list tables"));
    }

    [Fact]
    public async Task A_machine_that_forwards_IPv6_goes_on_heeding_the_routers_it_has_its_own_route_from()
    {
        using var nodes = new ThreeNodes(Families.Both, Families.Both);
        nodes[1].Network.Sh("sysctl -qw net.ipv6.conf.all.forwarding=0 net.ipv6.conf.eth0.accept_ra=1");

        await new ForwardingReconciler(nodes[1].Network, NullLogger<ForwardingReconciler>.Instance).ReconcileAsync(nodes.TopologyOf(nodes[1]), _ct);

        Assert.Equal("1 2", $"{Sysctl.Read("net/ipv6/conf/all/forwarding", nodes[1].Network)} {Sysctl.Read("net/ipv6/conf/eth0/accept_ra", nodes[1].Network)}");
    }

    private async Task BuildAsync(ThreeNodes nodes, OverlayKind kind)
    {
        foreach (var node in nodes.Nodes)
        {
            await new ForwardingReconciler(node.Network, NullLogger<ForwardingReconciler>.Instance).ReconcileAsync(nodes.TopologyOf(node), _ct);
            await node.Overlay(kind).ReconcileAsync(nodes.TopologyOf(node), _ct);
        }
    }

    /// <summary>The router knows the pods, and the nodes send what they have no other route for to it.</summary>
    private static void RouteByHand(ThreeNodes nodes)
    {
        using var router = RouteSocket.Open(nodes.Router);
        foreach (var node in nodes.Nodes)
        {
            foreach (var range in node.Object.Spec.PodCIDRs.Select(r => IPNetwork.Parse(r)))
            {
                var gateway = node.Addresses.FirstOrDefault(a => a.AddressFamily == range.BaseAddress.AddressFamily) ?? node.Addresses[0];
                router.AddRoute(new Route(range) { Gateway = gateway, Protocol = RouteProtocol.Static });
            }

            // A pod of the other family than the nodes' goes by the router all the same.
            if (node.Addresses is [{ AddressFamily: AddressFamily.InterNetworkV6 }])
            {
                node.Network.Sh("ip -4 route add 0.0.0.0/0 via inet6 $(ip -6 route show default | grep -o 'fd19[^ ]*') dev eth0");
            }
        }
    }

    /// <summary>One packet there and back, in fragments where it does not fit.</summary>
    private async Task EchoUdpAsync(TestPod from, IPAddress target, int length)
    {
        using var socket = from.Network.Run(() => new Socket(target.AddressFamily, SocketType.Dgram, ProtocolType.Udp));
        await socket.ConnectAsync(new IPEndPoint(target, 8080), _ct);
        await socket.SendAsync(new byte[length], _ct);
        var buffer = new byte[4096];
        Assert.True(await socket.ReceiveAsync(buffer, _ct).AsTask().WaitAsync(TimeSpan.FromSeconds(30), _ct) > 0);
    }
}
