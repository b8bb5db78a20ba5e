using System.Net;
using System.Net.Sockets;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Linux;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.KernelTests.Linux;

public sealed class LinkKindsKernelTests(TestNamespaces namespaces) : IClassFixture<TestNamespaces>
{
    public static TheoryData<string, LinkSpec> SomeKernelsLack => new()
    {
        { "dummy", new DummySpec("x0") },
        { "vlan", new VlanSpec("x0") { Parent = 10, Id = 5 } },
        { "ipvlan", new IpvlanSpec("x0") { Parent = 10 } },
        { "vrf", new VrfSpec("x0") { Table = 1000 } },
        { "vlan_filtering", new BridgeSpec("x0") { Options = new() { VlanFiltering = true } } },
    };

    [Theory, MemberData(nameof(SomeKernelsLack))]
    public void What_a_kernel_lacks_is_said_and_else_it_is_made(string what, LinkSpec spec)
    {
        using var socket = RouteSocket.Open(namespaces.New());
        _ = socket.CreateVeth(new("v0") { Index = 10, PeerName = "v1" });
        try
        {
            Assert.Equal(spec.Kind, socket.CreateLink(spec).Kind);
        }
        catch (LinuxException e)
        {
            Assert.True(e.IsNotSupported, $"{what}: {e.Message}");
            Assert.Contains("this kernel lacks", e.Message, StringComparison.Ordinal);
            Assert.Contains("(CONFIG_", e.Message, StringComparison.Ordinal);
            Assert.Null(socket.FindLink("x0"));
        }
    }

    [Fact]
    public void A_port_belongs_to_vlans_or_the_kernel_is_said_to_lack_them()
    {
        using var socket = RouteSocket.Open(namespaces.New());
        var bridge = socket.CreateBridge(new("br0")).Index;
        var port = socket.CreateVeth(new("v0") { PeerName = "v1", Master = bridge }).Index;
        try
        {
            socket.AddPortVlan(new(port, 5) { Pvid = true, Untagged = true });
            socket.AddPortVlan(new(port, 100) { LastId = 110 });
            Assert.Contains(new(port, 5) { Pvid = true, Untagged = true }, socket.PortVlans(port));
            Assert.Contains(new(port, 100) { LastId = 110 }, socket.PortVlans(port));
            Assert.True(socket.TryDeletePortVlan(new(port, 5)));
        }
        catch (LinuxException e)
        {
            Assert.True(e.IsNotSupported, e.Message);
            Assert.Contains("CONFIG_BRIDGE_VLAN_FILTERING", e.Message, StringComparison.Ordinal);
            Assert.Empty(socket.PortVlans());
        }
    }

    [Fact]
    public void A_bridge_takes_its_options_when_made_and_later()
    {
        using var socket = RouteSocket.Open(namespaces.New());
        var bridge = socket.CreateBridge(new("br0") { Options = new() { Stp = true, AgeingTime = TimeSpan.FromSeconds(7), Priority = 8192 } });
        Assert.Equal((true, TimeSpan.FromSeconds(7), 8192), (bridge.Bridge!.Stp, bridge.Bridge.AgeingTime, bridge.Bridge.Priority));

        socket.SetLink(bridge.Index, new() { Bridge = new() { Stp = false, GroupForwardMask = 16, MulticastSnooping = false, NfCallIp6tables = true } });

        var changed = socket.GetLink("br0").Bridge!;
        Assert.Equal((false, 16, false, true), (changed.Stp, changed.GroupForwardMask, changed.MulticastSnooping, changed.NfCallIp6tables));
        Assert.Equal(8192, changed.Priority);
    }

    [Fact]
    public void Queue_group_and_modes_are_set_and_read()
    {
        using var socket = RouteSocket.Open(namespaces.New());
        var link = socket.CreateIfb(new("ifb0") { TxQueueLength = 77, Group = 5, Mtu = 1300 });
        Assert.Equal((77, 5u, 1300, "ifb"), (link.TxQueueLength, link.Group, link.Mtu, link.Kind));

        socket.SetLink(link.Index, new() { TxQueueLength = 78, Group = 6, Promiscuous = true, AllMulticast = true });

        var changed = socket.GetLink("ifb0");
        Assert.Equal((78, 6u, true, true), (changed.TxQueueLength, changed.Group, changed.Promiscuous, changed.AllMulticast));
    }

    [Fact]
    public async Task Isolated_ports_do_not_reach_each_other_until_they_are_not()
    {
        var ct = TestContext.Current.CancellationToken;
        using var host = RouteSocket.Open(namespaces.New());
        var bridge = host.CreateBridge(new("br0") { Up = true }).Index;
        var ends = new[] { namespaces.New(), namespaces.New() };
        for (var i = 0; i < 2; i++)
        {
            var port = host.CreateVeth(new($"v{i}") { PeerName = "eth0", PeerNamespace = ends[i], Master = bridge, Up = true, PeerUp = true }).Index;
            host.SetLink(port, new() { Isolated = true });
            using var inside = RouteSocket.Open(ends[i]);
            var link = inside.GetLink("eth0").Index;
            inside.ReplaceAddress(link, InterfaceAddress.Parse($"198.51.100.{i + 1}/24"));
        }

        // Told, so that no question for the neighbour is what is lost.
        for (var i = 0; i < 2; i++)
        {
            using var inside = RouteSocket.Open(ends[i]);
            using var other = RouteSocket.Open(ends[1 - i]);
            other.ReplaceNeighbour(new(other.GetLink("eth0").Index, IPAddress.Parse($"198.51.100.{i + 1}"), inside.GetLink("eth0").Mac));
        }

        using var receiver = ends[1].Run(() => Udp("198.51.100.2", 7000));
        using var sender = ends[0].Run(() => Udp("198.51.100.1", 0));
        var target = new IPEndPoint(IPAddress.Parse("198.51.100.2"), 7000);
        _ = await sender.SendToAsync("isolated"u8.ToArray(), target, ct);

        host.SetLink(host.GetLink("v0").Index, new() { Isolated = false });
        _ = await sender.SendToAsync("not"u8.ToArray(), target, ct);

        // Frames keep their order: had the first one passed, it would be here first.
        var buffer = new byte[64];
        Assert.Equal(3, await receiver.ReceiveAsync(buffer, ct));
        Assert.True(host.GetLink("v0").Port is { Isolated: false });
        var statistics = host.FindLink("v1", statistics: true)!.Statistics!.Value;
        Assert.True(statistics.TxPackets > 0 && statistics.TxBytes > 0);
        Assert.Contains(host.Links(statistics: true), l => l.Name == "v1" && l.Statistics!.Value.TxPackets >= statistics.TxPackets);
        Assert.Null(host.GetLink("v1").Statistics);
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task What_goes_out_by_a_tun_is_read_by_its_program_and_the_reverse(bool tap)
    {
        var ct = TestContext.Current.CancellationToken;
        var network = namespaces.New();
        using var socket = RouteSocket.Open(network);
        using var tun = TunInterface.Create(new("tun0") { IsTap = tap }, network);
        var link = socket.GetLink("tun0");
        Assert.Equal(new TunDetails(tap, Persistent: false), link.Details);
        socket.SetLink(link.Index, new() { Up = true, LinkLocalAddress = false });
        socket.ReplaceAddress(link.Index, InterfaceAddress.Parse("198.51.100.1/24"));
        if (tap)
        {
            socket.ReplaceNeighbour(new(link.Index, IPAddress.Parse("198.51.100.9"), MacAddress.Parse("02:00:00:00:00:09")));
        }

        using var udp = network.Run(() => Udp("198.51.100.1", 7000));
        _ = await udp.SendToAsync("ping"u8.ToArray(), new IPEndPoint(IPAddress.Parse("198.51.100.9"), 7001), ct);
        var packet = await ReadUdpAsync(tun, tap, ct);
        Assert.Equal("ping"u8, packet.AsSpan(packet.Length - 4));

        // Back: the addresses and ports the other way about. The sums over both stay as they were.
        var ip = tap ? 14 : 0;
        Swap(packet, ip + 12, ip + 16, 4);
        Swap(packet, ip + 20, ip + 22, 2);
        if (tap)
        {
            Swap(packet, 0, 6, 6);
        }

        tun.Write(packet);
        var answer = await udp.ReceiveFromAsync(new byte[64], new IPEndPoint(IPAddress.Any, 0), ct);
        Assert.Equal((4, "198.51.100.9:7001"), (answer.ReceivedBytes, answer.RemoteEndPoint.ToString()));

        tun.Dispose();
        Assert.Null(socket.FindLink("tun0"));
    }

    [Fact]
    public void A_tap_that_shall_stay_stays_until_it_is_deleted_and_is_not_made_twice()
    {
        var network = namespaces.New();
        using var socket = RouteSocket.Open(network);
        TunInterface.Create(new("tap0") { IsTap = true, Persistent = true, Owner = 1000, Group = 1001 }, network).Dispose();

        Assert.Equal(new TunDetails(IsTap: true, Persistent: true) { Owner = 1000, Group = 1001 }, socket.GetLink("tap0").Details);
        Assert.Equal(Errno.Busy, Assert.Throws<LinuxException>(() => TunInterface.Create(new("tap0") { IsTap = true }, network)).Errno);
        using (var again = TunInterface.Open(new("tap0") { IsTap = true }, network))
        {
            again.Delete();
        }

        Assert.Null(socket.FindLink("tap0"));
        Assert.Throws<ArgumentException>(() => TunInterface.Create(new("a-name-that-is-too-long"), network));
    }

    [Fact]
    public void A_link_moves_into_the_namespace_of_a_process()
    {
        var target = namespaces.New();
        var source = namespaces.New();
        using var socket = RouteSocket.Open(source);
        using var there = RouteSocket.Open(target);
        var link = socket.CreateVeth(new("v0") { PeerName = "v1" }).Index;
        using var process = target.Run(() => System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("/bin/sleep", ["60"]) { UseShellExecute = false }))!;
        try
        {
            socket.SetLink(link, new() { NamespaceOfProcess = process.Id, Name = "eth0" });

            Assert.Null(socket.FindLink("v0"));
            Assert.Equal("veth", there.GetLink("eth0").Kind);
            Assert.Contains(NetworkNamespace.ListAll(), n => n.Inode == target.Inode && n.Names == [target.Name!] && n.Processes.Contains(process.Id));
            Assert.Equal(there.GetLink("eth0").PeerNamespaceId, there.FindNamespaceId(source));
            Assert.NotNull(there.FindNamespaceId(source));
        }
        finally
        {
            process.Kill();
            process.WaitForExit();
        }
    }

    [Fact]
    public void A_whole_namespace_is_furnished_by_one_batch_because_indexes_are_chosen()
    {
        var other = namespaces.New();
        using var host = RouteSocket.Open(namespaces.New());
        using var inside = RouteSocket.Open(other);
        var errors = host.Apply(
            new CreateLink(new BridgeSpec("br0") { Index = 100, Up = true }),
            new CreateLink(new VethSpec("v0") { Index = 101, PeerName = "eth0", PeerIndex = 2, PeerNamespace = other, Master = 100, Up = true }),
            new ReplaceAddress(new(100, InterfaceAddress.Parse("198.51.100.1/24"))));
        Assert.All(errors, Assert.Null);
        Assert.All(
            inside.Apply(
                new SetLink(2, new() { Up = true }),
                new ReplaceAddress(new(2, InterfaceAddress.Parse("198.51.100.2/24"))),
                new AddRoute(new(IPNetwork.Parse("0.0.0.0/0")) { Gateway = IPAddress.Parse("198.51.100.1") })),
            Assert.Null);

        Assert.Equal((100, 2), (host.GetLink("v0").Master!.Value, inside.GetLink("eth0").Index));
        Assert.Equal(IPAddress.Parse("198.51.100.1"), inside.Lookup(IPAddress.Parse("203.0.113.1"))!.Gateway);
    }

    private static async Task<byte[]> ReadUdpAsync(TunInterface tun, bool tap, CancellationToken ct)
    {
        var buffer = new byte[2048];
        while (true)
        {
            var length = await Task.Run(() => tun.Read(buffer), ct);
            var ip = tap ? 14 : 0;

            // The kernel speaks of its own accord too: multicast of IPv6.
            if (length > ip + 28 && buffer[ip] >> 4 == 4 && buffer[ip + 9] == 17)
            {
                return buffer[..length];
            }
        }
    }

    private static void Swap(byte[] packet, int a, int b, int length)
    {
        for (var i = 0; i < length; i++)
        {
            (packet[a + i], packet[b + i]) = (packet[b + i], packet[a + i]);
        }
    }

    private static Socket Udp(string address, int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Parse(address), port));
        return socket;
    }
}
