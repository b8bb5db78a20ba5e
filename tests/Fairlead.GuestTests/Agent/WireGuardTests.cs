using System.Net;
using System.Net.Sockets;
using Fairlead.Agent.Forwarding;
using Fairlead.Agent.Overlay;
using Fairlead.Core.Nodes;
using Fairlead.KernelTests.Agent;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Linux.Netlink.Generic;
using Fairlead.Linux.Netlink.Route;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fairlead.GuestTests.Agent;

/// <summary>The encrypted path between nodes, where the kernel has it.</summary>
[Trait(Guest.Kernel, Guest.Debian)]
public sealed class WireGuardTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fairlead-t-").FullName;
    private readonly CancellationToken _ct = TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>The nodes' addresses, and the pods' MTU that comes of it.</summary>
    public static TheoryData<Families, int> Underlays => new() { { Families.IPv4, 1440 }, { Families.IPv6, 1420 } };

    [Theory, MemberData(nameof(Underlays))]
    public async Task Every_pod_reaches_every_pod_with_its_own_address_and_nothing_of_it_can_be_read_on_the_way(Families underlay, int mtu)
    {
        using var nodes = new ThreeNodes(underlay, Families.Both);
        await BuildAsync(nodes);
        var pods = nodes.Nodes.Select(n => n.AddPod(mtu)).ToList();
        using var greeters = new Disposables(pods.Select(p => new Greeter(p.Network, p.Name, 8080)));

        // Whatever goes from node to node passes the router or its bridges; what is not a tunnel's packet is counted there.
        nodes.Router.Sh("""
            nft add table netdev seen
            for port in to-n1 to-n2 to-n3; do
              nft add chain netdev seen $port "{ type filter hook ingress device $port priority 0; }"
              nft add rule netdev seen $port ip saddr 10.32.0.0/12 counter
              nft add rule netdev seen $port ip6 saddr fd32::/16 counter
              nft add rule netdev seen $port udp dport 51871 counter
            done
            """);
        foreach (var (from, to) in pods.SelectMany(from => pods.Select(to => (from, to))))
        {
            foreach (var (source, target) in from.Addresses.Zip(to.Addresses))
            {
                Assert.Equal($"{to.Name} sees {source}", await from.Network.AskAsync($"{target}", 8080, _ct));
                using var stream = await from.Network.ConnectAsync($"{target}", 8080, _ct);
                await Talk.ReadLineAsync(stream, _ct);
                await Talk.EchoAsync(stream, new string('x', 20_000), _ct);
                await EchoUdpAsync(from, target, 3900);
            }
        }

        var seen = nodes.Router.Sh("nft list table netdev seen");
        Assert.Matches("dport 51871 counter packets [1-9]", seen);
        Assert.DoesNotMatch("saddr .* counter packets [1-9]", seen);
    }

    [Fact]
    public async Task Doing_it_again_changes_nothing_what_is_bent_comes_back_and_the_key_is_roots_alone()
    {
        using var nodes = new ThreeNodes(Families.Both, Families.Both);
        await BuildAsync(nodes);
        var before = State(nodes[1]);
        using var routes = RouteSocket.Open(nodes[1].Network);
        var link = routes.GetLink(WireGuardMode.Name).Index;

        await ReconcileAsync(nodes, nodes[1]);
        Assert.Equal((before, link), (State(nodes[1]), routes.GetLink(WireGuardMode.Name).Index));

        using (var socket = WireGuardSocket.Open(nodes[1].Network))
        {
            var device = socket.Get(link);
            Assert.Equal(2, device.Peers.Count);
            socket.Change(link, new WireGuardChange
            {
                Remove = [device.Peers[0].Key],
                Set = [device.Peers[1] with { AllowedIps = [IPNetwork.Parse("10.99.0.0/24")] }, new(WireGuardKey.NewPrivate()) { AllowedIps = [IPNetwork.Parse("10.98.0.0/24")] }],
                ListenPort = 4711,
            });
        }

        nodes[1].Network.Sh($"ip route del 10.32.3.0/24; ip link set {WireGuardMode.Name} mtu 1300; ip link set {WireGuardMode.Name} down");
        await ReconcileAsync(nodes, nodes[1]);

        Assert.Equal(before, State(nodes[1]));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(_folder, "n1", "wireguard", "private-key")));
    }

    [Fact]
    public async Task A_node_without_a_key_gets_nothing_unencrypted_and_one_that_is_gone_is_forgotten()
    {
        using var nodes = new ThreeNodes(Families.IPv4, Families.IPv4);
        await BuildAsync(nodes);
        var board = TestOverlay.NewBoard();
        var topology = nodes.TopologyOf(nodes[1]);

        await nodes[1].Overlay(OverlayKind.WireGuard, board, Path.Combine(_folder, "n1")).ReconcileAsync(topology with { Peers = [topology.Peers[0] with { WireGuardKey = null }] }, _ct);

        Assert.Contains("NoWireGuardKey: node n2", board.Render(), StringComparison.Ordinal);
        Assert.Equal("", nodes[1].Network.Sh("ip route show proto 98"));
        using var routes = RouteSocket.Open(nodes[1].Network);
        using var socket = WireGuardSocket.Open(nodes[1].Network);
        Assert.Empty(socket.Get(routes.GetLink(WireGuardMode.Name).Index).Peers);
    }

    [Fact]
    public async Task Cleaning_removes_the_link_the_routes_and_the_key()
    {
        using var nodes = new ThreeNodes(Families.IPv4, Families.IPv4);
        const string State = "ip route; ip -o link | cut -d' ' -f2";
        var before = nodes[1].Network.Sh(State);
        await BuildAsync(nodes);

        await nodes[1].Overlay(OverlayKind.WireGuard, stateFolder: Path.Combine(_folder, "n1")).CleanAsync(_ct);

        Assert.Equal(before, nodes[1].Network.Sh(State));
        Assert.False(File.Exists(Path.Combine(_folder, "n1", "wireguard", "private-key")));
    }

    /// <summary>As agents do: each makes its key, then all know all.</summary>
    private async Task BuildAsync(ThreeNodes nodes)
    {
        for (var round = 0; round < 2; round++)
        {
            foreach (var node in nodes.Nodes)
            {
                await new ForwardingReconciler(node.Network, NullLogger<ForwardingReconciler>.Instance).ReconcileAsync(nodes.TopologyOf(node), _ct);
                node.Annotations[NodeAnnotations.WireGuardKey] = (await ReconcileAsync(nodes, node)).PublicKey!;
            }
        }
    }

    private async Task<OverlayInForce> ReconcileAsync(ThreeNodes nodes, TestNode node)
    {
        var board = TestOverlay.NewBoard();
        var overlay = node.Overlay(OverlayKind.WireGuard, board, Path.Combine(_folder, node.Name));
        await overlay.ReconcileAsync(nodes.TopologyOf(node), _ct);
        Assert.False(board.Blocks, board.Render());
        return overlay.InForce.Current;
    }

    private static string State(TestNode node)
    {
        using var routes = RouteSocket.Open(node.Network);
        using var socket = WireGuardSocket.Open(node.Network);
        var device = socket.Get(routes.GetLink(WireGuardMode.Name).Index);
        return node.Network.Sh("ip route; ip -6 route | grep -v fe80 | sort; ip -o link show type wireguard | grep -o 'mtu.*'; ip -o addr show dev fairlead-wg")
            + $"{device.PublicKey} {device.ListenPort}\n" + string.Join('\n', device.Peers.Items.Select(p => $"{p.Key} {p.Endpoint} {string.Join(' ', p.AllowedIps.Items)}").Order(StringComparer.Ordinal));
    }

    private async Task EchoUdpAsync(TestPod from, IPAddress target, int length)
    {
        using var socket = from.Network.Run(() => new Socket(target.AddressFamily, SocketType.Dgram, ProtocolType.Udp));
        await socket.ConnectAsync(new IPEndPoint(target, 8080), _ct);
        await socket.SendAsync(new byte[length], _ct);
        Assert.True(await socket.ReceiveAsync(new byte[4096], _ct).AsTask().WaitAsync(TimeSpan.FromSeconds(60), _ct) > 0);
    }
}
