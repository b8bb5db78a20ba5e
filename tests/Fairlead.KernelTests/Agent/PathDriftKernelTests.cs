using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Fairlead.Agent;
using Fairlead.Agent.Overlay;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Kube.Client;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Generic;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.KernelTests.Agent;

/// <summary>Paths between nodes under damage, loss of the underlay and new addresses, with whole agents.</summary>
public sealed class PathDriftKernelTests
{
    private const string State =
        "ip -d link show type vxlan | grep -o 'mtu [0-9]*\\|,UP\\|link/ether [^ ]*'; ip route show proto 98 | sort; ip -6 route show proto 98 | sed 's/ pref.*//' | sort; bridge fdb show | grep dst | sort; "
        + "ip neigh show nud permanent | sort; ip -6 neigh show nud permanent | sort; sysctl net.ipv4.ip_forward net.ipv6.conf.all.forwarding; nft list table ip fairlead-masquerade 2>&1; nft list table ip6 fairlead-masquerade 2>&1 || true";

    private readonly CancellationToken _ct = TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("vxlan")]
    [InlineData("host-gw")]
    public async Task What_somebody_damages_is_mended_before_the_next_regular_look(string mode)
    {
        Shell.Need("nft");
        await using var cluster = await AgentCluster.StartAsync(mode, Families.Both, Families.Both, _ct);
        var node = cluster.Nodes[1];
        var routes = mode == "vxlan" ? 4 : 2;
        await AgentCluster.EventuallyAsync(() => node.Network.Sh("ip route show proto 98; ip -6 route show proto 98").Split('\n', StringSplitOptions.RemoveEmptyEntries).Length == routes, _ct);
        await AgentCluster.EventuallyAsync(() => node.Network.Sh(State).Contains("ip6 fairlead-masquerade", StringComparison.Ordinal), _ct);
        var before = node.Network.Sh(State);
        string[] damages =
        [
            "ip route del 10.32.2.0/24", "ip -6 route del fd32:0:0:2::/64", "ip route flush proto 98", "ip route replace blackhole 10.32.2.0/24", "sysctl -qw net.ipv4.ip_forward=0",
            "sysctl -qw net.ipv6.conf.all.forwarding=0", "nft delete table ip fairlead-masquerade", "nft flush table ip6 fairlead-masquerade",
            .. mode == "vxlan" ? new[]
            {
                "ip link set fairlead.1 down", "ip link set fairlead.1 mtu 1300", "ip link del fairlead.1", "ip neigh flush dev fairlead.1 nud permanent",
                "bridge fdb del $(bridge fdb show dev fairlead.1 | grep 198.19.1.13 | cut -d' ' -f1) dev fairlead.1 dst 198.19.1.13",
            } : [],
        ];

        var whole = Stopwatch.StartNew();
        foreach (var damage in damages)
        {
            node.Network.Sh(damage);
            await AgentCluster.EventuallyAsync(() => node.Network.Sh(State) == before, _ct, () => $"after {damage}:\n{node.Network.Sh(State)}\nwas:\n{before}");
        }

        // Regular looks alone, one every 30 seconds, would have taken longer by far.
        Assert.True(whole.Elapsed < TimeSpan.FromSeconds(30 * damages.Length / 2.0), $"{damages.Length} repairs took {whole.Elapsed}");
    }

    [Theory]
    [InlineData("vxlan")]
    [InlineData("host-gw")]
    public async Task Streams_go_on_after_the_underlay_was_lost_and_repaired(string mode)
    {
        await using var cluster = await AgentCluster.StartAsync(mode, Families.Both, Families.Both, _ct);

        // host-gw reaches only the neighbour; vxlan is to show the tunnel.
        var (from, to) = (cluster.Nodes[1].AddPod(), cluster.Nodes[mode == "vxlan" ? 3 : 2].AddPod());
        using var greeter = new Greeter(to.Network, to.Name, 8080);
        using var streams = await OpenAsync(from, to);
        var cable = $"to-{to.Node.Name}";

        foreach (var (where, down, up) in new[]
        {
            (cluster.Nodes.Router, $"ip link set {cable} down", $"ip link set {cable} up"),

            // The kernel takes all routes with an interface that goes down; the machine's own come back by whoever made them.
            (to.Node.Network, "ip link set eth0 down", $"ip link set eth0 up; ip addr replace {to.Node.Addresses[1]}/64 dev eth0 nodad; ip route replace default via {Gateway(to)}; ip -6 route replace default via {Gateway6(to)}"),
        })
        {
            where.Sh(down);
            await AgentCluster.EventuallyAsync(() => !streams.Answers(), _ct);
            where.Sh(up);
            await AgentCluster.EventuallyAsync(streams.Answers, _ct);
            await streams.EchoAsync(_ct);
        }
    }

    [Fact]
    public async Task Streams_go_on_when_a_node_gets_another_address()
    {
        await using var cluster = await AgentCluster.StartAsync("vxlan", Families.IPv4, Families.Both, _ct);
        var (from, to) = (cluster.Nodes[1].AddPod(), cluster.Nodes[3].AddPod());
        using var greeter = new Greeter(to.Network, to.Name, 8080);
        using var streams = await OpenAsync(from, to);

        to.Node.Network.Sh("sysctl -qw net.ipv4.conf.all.promote_secondaries=1; ip addr add 198.19.1.23/24 dev eth0");
        to.Node.Addresses = [IPAddress.Parse("198.19.1.23")];
        var node = await cluster.Api.Client.GetAsync(KubeResources.Nodes, null, "n3", _ct);
        await cluster.Api.Client.UpdateStatusAsync(KubeResources.Nodes, node with { Status = node.Status with { Addresses = to.Node.Object.Status.Addresses } }, _ct);
        await AgentCluster.EventuallyAsync(() => cluster.Nodes[1].Network.Sh("bridge fdb show").Contains("198.19.1.23", StringComparison.Ordinal), _ct);
        to.Node.Network.Sh("ip addr del 198.19.1.13/24 dev eth0");

        await AgentCluster.EventuallyAsync(streams.Answers, _ct);
        await streams.EchoAsync(_ct);
        Assert.Contains("198.19.1.23", to.Node.Network.Sh("ip -d link show fairlead.1"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_path_to_a_node_is_timed()
    {
        await using var cluster = await AgentCluster.StartAsync("vxlan", Families.IPv4, Families.IPv4, _ct);

        await AgentCluster.EventuallyAsync(() => cluster.Log.Lines.Count(l => l.Contains("The path to node n3 is in force", StringComparison.Ordinal)) == 2, _ct);
    }

    [Theory]
    [InlineData(Families.IPv4)]
    [InlineData(Families.IPv6)]
    public async Task Checksums_that_arrive_broken_are_no_longer_left_to_the_card(Families pods)
    {
        Shell.Need("nft");

        // What peers see of a faulty card: packets with a checksum are dropped, those without arrive.
        await using var cluster = await AgentCluster.StartAsync("vxlan", Families.IPv4, pods, _ct, nodes => nodes.Nodes.Skip(1).ToList().ForEach(node => node.Network.Sh(
            "nft add table inet faulty; nft add chain inet faulty input '{ type filter hook input priority -1; }'; nft add rule inet faulty input iifname fairlead.1 udp dport 8473 udp checksum != 0 drop")));

        await AgentCluster.EventuallyAsync(() => cluster.Log.Lines.Any(l => l.Contains("switched tx-checksum-ip-generic off", StringComparison.Ordinal)), _ct, () => string.Join('\n', cluster.Log.Lines));

        await AgentCluster.EventuallyAsync(() => !HasOffload(cluster.Nodes[1]), _ct);
    }

    [Fact]
    public async Task A_tunnel_that_is_well_keeps_the_offload()
    {
        await using var cluster = await AgentCluster.StartAsync("vxlan", Families.IPv4, Families.IPv4, _ct);

        // Each has asked n3, or n3 another: then it is known.
        await AgentCluster.EventuallyAsync(() => cluster.Log.Lines.Count(l => l.Contains("checksums arrive whole", StringComparison.Ordinal)) == 3, _ct);

        Assert.All(cluster.Nodes.Nodes, node => Assert.True(HasOffload(node)));
    }

    private static bool HasOffload(TestNode node)
    {
        using var routes = RouteSocket.Open(node.Network);
        using var ethtool = EthtoolSocket.Open(node.Network);
        return ethtool.IsActive(routes.GetLink(VxlanPlanner.LinkName).Index, EthtoolSocket.TxChecksumIpGeneric);
    }

    private static string Gateway(TestPod pod) => $"198.19.{(pod.Node.Name == "n3" ? 1 : 0)}.1";

    private static string Gateway6(TestPod pod) => $"fd19:0:0:{(pod.Node.Name == "n3" ? 1 : 0)}::1";

    private async Task<Streams> OpenAsync(TestPod from, TestPod to)
    {
        await AgentCluster.EventuallyAsync(() => from.Network.Run(() => new Streams.Datagrams(from.Network, to.Addresses).Answers()), _ct);
        var tcp = new List<Socket>();
        foreach (var target in to.Addresses)
        {
            tcp.Add(await from.Network.ConnectAsync($"{target}", 8080, _ct));
            await Talk.ReadLineAsync(tcp[^1], _ct);
        }

        return new Streams(tcp, new Streams.Datagrams(from.Network, to.Addresses));
    }

    /// <summary>Connections and datagrams of both families from one pod to another that live through all.</summary>
    private sealed class Streams(List<Socket> tcp, Streams.Datagrams udp) : IDisposable
    {
        private int _line;

        /// <summary>Whether datagrams are answered now.</summary>
        public bool Answers() => udp.Answers();

        public async Task EchoAsync(CancellationToken ct)
        {
            var buffer = new byte[64];
            foreach (var stream in tcp)
            {
                var line = Encoding.ASCII.GetBytes($"line {++_line}\n");
                await stream.SendAsync(line, ct);
                var read = 0;
                while (read < line.Length)
                {
                    // TCP may have waited longer and longer while the way was lost.
                    var length = await stream.ReceiveAsync(buffer.AsMemory(read), ct).AsTask().WaitAsync(TimeSpan.FromSeconds(90), ct);
                    Assert.True(length > 0, "the connection has ended");
                    read += length;
                }

                Assert.Equal(line, buffer[..read]);
            }
        }

        public void Dispose()
        {
            tcp.ForEach(s => s.Dispose());
            udp.Dispose();
        }

        /// <summary>A socket for each address, asked and waited for a moment.</summary>
        internal sealed class Datagrams(NetworkNamespace network, IReadOnlyList<IPAddress> targets) : IDisposable
        {
            private readonly List<Socket> _sockets = [.. targets.Select(target => network.Run(() =>
            {
                var socket = new Socket(target.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 300 };
                socket.Connect(new IPEndPoint(target, 8080));
                return socket;
            }))];

            public bool Answers()
            {
                var buffer = new byte[256];
                return _sockets.All(socket =>
                {
                    try
                    {
                        while (socket.Available > 0)
                        {
                            socket.Receive(buffer);
                        }

                        socket.Send("?"u8);
                        return socket.Receive(buffer) > 0;
                    }
                    catch (SocketException)
                    {
                        return false;
                    }
                });
            }

            public void Dispose() => _sockets.ForEach(s => s.Dispose());
        }
    }
}
