using System.Net;
using System.Net.Sockets;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Linux;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.KernelTests.Linux;

public sealed class LinkKernelTests(TestNamespaces namespaces) : IClassFixture<TestNamespaces>
{
    [Fact]
    public void A_veth_pair_is_created_with_its_far_end_in_the_other_namespace()
    {
        using var here = RouteSocket.Open(namespaces.New());
        var other = namespaces.New();
        using var there = RouteSocket.Open(other);
        var mac = MacAddress.Parse("02:00:00:00:00:01");
        var peerMac = MacAddress.Parse("02:00:00:00:00:02");

        var near = here.CreateVeth(new("veth1") { PeerName = "eth0", PeerNamespace = other, Mac = mac, PeerMac = peerMac, Mtu = 1400, Up = true, PeerUp = true });
        var far = there.GetLink("eth0");

        Assert.Equal((mac, 1400, "veth", true), (near.Mac!.Value, near.Mtu, near.Kind, near.Up));
        Assert.Equal((peerMac, 1400, "veth", true), (far.Mac!.Value, far.Mtu, far.Kind, far.Up));
        Assert.Equal(far.Index, near.Peer);
        Assert.NotNull(near.PeerNamespaceId);
    }

    [Fact]
    public void A_missing_link_is_null_and_a_duplicate_says_that_it_exists()
    {
        using var socket = RouteSocket.Open(namespaces.New());
        _ = socket.CreateBridge(new("br0"));

        Assert.Null(socket.FindLink("eth7"));
        Assert.Null(socket.FindLink(77));
        Assert.False(socket.TryDeleteLink("eth7"));
        Assert.True(Assert.Throws<LinuxException>(() => socket.CreateBridge(new("br0"))).IsExists);
        Assert.Throws<ArgumentException>(() => socket.CreateBridge(new("a-name-that-is-too-long")));
        Assert.True(socket.TryDeleteLink("br0"));
    }

    [Fact]
    public void A_link_is_found_by_its_further_names_and_says_what_it_is_for()
    {
        using var socket = RouteSocket.Open(namespaces.New());
        var link = socket.CreateBridge(new("br0")).Index;
        const string Long = "fairlead.dev/bridge-of-the-pods-of-a-node";

        socket.AddAltName(link, Long);
        socket.AddAltName(link, "pods");
        socket.SetLink(link, new() { Alias = "Fairlead: pods" });

        var found = socket.GetLink(Long);
        Assert.Equal((link, "Fairlead: pods"), (found.Index, found.Alias));
        Assert.Equal([Long, "pods"], found.AltNames);
        Assert.Equal(link, socket.GetLink("pods").Index);
        socket.DeleteAltName(link, "pods");
        Assert.Null(socket.FindLink("pods"));
    }

    [Fact]
    public void Everything_about_a_link_can_be_changed()
    {
        var other = namespaces.New();
        using var socket = RouteSocket.Open(namespaces.New());
        using var there = RouteSocket.Open(other);
        var bridge = socket.CreateBridge(new("br0")).Index;
        var link = socket.CreateVeth(new("v0") { PeerName = "v1" }).Index;
        var mac = MacAddress.Random();

        socket.SetLink(link, new() { Name = "port0", Mac = mac, Mtu = 1300, Master = bridge, Up = true, Hairpin = true, Isolated = true, LinkLocalAddress = false });

        var changed = socket.GetLink(link);
        Assert.Equal(("port0", mac, 1300, bridge, true), (changed.Name, changed.Mac!.Value, changed.Mtu, changed.Master!.Value, changed.Up));
        Assert.Equal((true, true), (changed.Port!.Hairpin, changed.Port.Isolated));

        socket.SetLink(link, new() { Master = 0, Up = false });
        Assert.Null(socket.GetLink(link).Master);

        socket.SetLink(link, new() { Namespace = other, Name = "eth0", Up = true });
        Assert.Null(socket.FindLink("port0"));
        Assert.True(there.GetLink("eth0").Up);
    }

    [Fact]
    public void A_macvlan_is_created_in_another_namespace()
    {
        using var socket = RouteSocket.Open(namespaces.New());
        var parent = socket.CreateBridge(new("br0") { Up = true }).Index;
        var other = namespaces.New();

        var link = socket.CreateMacvlan(new("mac0") { Parent = parent, Namespace = other, Up = true });

        Assert.Equal(("macvlan", "mac0"), (link.Kind, link.Name));
        Assert.Null(socket.FindLink("mac0"));
    }

    [Fact]
    public async Task A_list_is_whole_though_the_table_changes_while_it_is_read()
    {
        var network = namespaces.New();
        using var socket = RouteSocket.Open(network);
        using var other = RouteSocket.Open(network);
        var names = Enumerable.Range(0, 60).Select(i => $"br{i}").ToList();
        names.ForEach(n => socket.CreateBridge(new(n)));
        using var done = new CancellationTokenSource();
        var changing = Task.Run(
            () =>
            {
                while (!done.IsCancellationRequested)
                {
                    _ = other.CreateBridge(new("other"));
                    _ = other.TryDeleteLink("other");
                }
            },
            TestContext.Current.CancellationToken);

        for (var i = 0; i < 50; i++)
        {
            var found = socket.Links().Select(l => l.Name).ToList();
            Assert.Superset(names.ToHashSet(), found.ToHashSet());
            Assert.Equal(found.Count, found.Distinct().Count());
        }

        await done.CancelAsync();
        await changing;
    }

    [Fact]
    public void A_kind_the_kernel_lacks_is_said_to_be_so()
    {
        using var socket = RouteSocket.Open(namespaces.New());
        try
        {
            Assert.Equal("dummy", socket.CreateDummy(new("d0")).Kind);
        }
        catch (LinuxException e)
        {
            Assert.True(e.IsNotSupported, e.Message);
            Assert.Contains("link add d0 type dummy", e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_tunnel_with_told_entries_carries_packets_between_the_nodes()
    {
        using var nodes = new TwoNodes();
        var ct = TestContext.Current.CancellationToken;
        var macA = MacAddress.Parse("02:00:00:00:0a:01");
        var macB = MacAddress.Parse("02:00:00:00:0b:01");
        using var a = RouteSocket.Open(nodes.A);
        using var b = RouteSocket.Open(nodes.B);
        var tunnelA = Tunnel(a, TwoNodes.AddressA.Address, macA, "10.32.0.0/32");
        var tunnelB = Tunnel(b, TwoNodes.AddressB.Address, macB, "10.32.1.0/32");
        Peer(a, tunnelA, macB, TwoNodes.AddressB.Address, "10.32.1.0/24");
        Peer(b, tunnelB, macA, TwoNodes.AddressA.Address, "10.32.0.0/24");

        Assert.Equal(new VxlanDetails(1, 8472, TwoNodes.AddressA.Address, a.GetLink("eth0").Index, false), a.GetLink(tunnelA).Vxlan);
        using var server = nodes.B.Run(() => Udp("10.32.1.0", 7000));
        using var client = nodes.A.Run(() => Udp("10.32.0.0", 7001));
        _ = await client.SendToAsync("hello"u8.ToArray(), new IPEndPoint(IPAddress.Parse("10.32.1.0"), 7000), ct);
        var received = await server.ReceiveFromAsync(new byte[64], new IPEndPoint(IPAddress.Any, 0), ct);

        Assert.Equal((5, "10.32.0.0:7001"), (received.ReceivedBytes, received.RemoteEndPoint.ToString()));

        var entry = Assert.Single(a.Fdb(tunnelA));
        Assert.Equal((macB, TwoNodes.AddressB.Address, NeighbourState.Permanent, true), (entry.Mac, entry.Destination, entry.State, entry.Self));
        Assert.True(a.TryDeleteFdb(entry));
        Assert.False(a.TryDeleteFdb(entry));

        // Everywhere: entries for the all-zero address add up.
        a.ReplaceFdb(new(tunnelA, MacAddress.Zero) { Destination = IPAddress.Parse("198.51.100.2") });
        a.ReplaceFdb(new(tunnelA, MacAddress.Zero) { Destination = IPAddress.Parse("198.51.100.3") });
        Assert.Equal(2, a.Fdb(tunnelA).Count);
    }

    private static int Tunnel(RouteSocket socket, IPAddress local, MacAddress mac, string address)
    {
        var link = socket.CreateVxlan(new("fairlead.1") { Vni = 1, Local = local, Device = socket.GetLink("eth0").Index, Mac = mac, Up = true });
        Assert.Equal(1450, link.Mtu);
        socket.ReplaceAddress(link.Index, InterfaceAddress.Parse(address));
        return link.Index;
    }

    private static void Peer(RouteSocket socket, int tunnel, MacAddress mac, IPAddress node, string range)
    {
        var network = IPNetwork.Parse(range);
        var errors = socket.Apply(
            new ReplaceFdb(new(tunnel, mac) { Destination = node }),
            new ReplaceNeighbour(new(tunnel, network.BaseAddress, mac)),
            new ReplaceRoute(new(network) { Gateway = network.BaseAddress, Link = tunnel, OnLink = true }));
        Assert.All(errors, Assert.Null);
    }

    private static Socket Udp(string address, int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Parse(address), port));
        return socket;
    }
}
