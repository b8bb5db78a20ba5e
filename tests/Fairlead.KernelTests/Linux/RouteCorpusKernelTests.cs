using System.Net;
using System.Runtime.CompilerServices;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Linux;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.KernelTests.Linux;

/// <summary>
/// Has a kernel answer every kind of question about a namespace with everything in it. With <c>UPDATE_CORPUS=1</c> in the environment
/// the answers are written to the corpus that the decoders' tests read on machines without rights.
/// </summary>
public sealed class RouteCorpusKernelTests(TestNamespaces namespaces) : IClassFixture<TestNamespaces>
{
    private static readonly MacAddress s_mac = MacAddress.Parse("02:00:00:00:00:10");

    [Fact]
    public async Task Every_kind_of_question_is_answered()
    {
        var network = namespaces.New();
        var other = namespaces.New();
        using var monitor = NetlinkListener.Open(NetlinkProtocol.Route, (1u << 0) | (1u << 2) | (1u << 4) | (1u << 6) | (1u << 7) | (1u << 8) | (1u << 10) | (1u << 18), network);
        using var routes = RouteSocket.Open(network);
        using var tap = TunInterface.Create(new("tap0") { IsTap = true, Persistent = true, Owner = 1000, MultiQueue = true }, network);
        Furnish(routes, other);

        using var socket = NetlinkSocket.Open(NetlinkProtocol.Route, network);
        Record("route-links", socket, LinkMessages.WriteDump);
        Record("route-addresses", socket, b => AddressMessages.WriteDump(b, 0));
        Record("route-routes", socket, b => RouteMessages.WriteDump(b, RouteProtocol.Unspecified));
        Record("route-rules", socket, RuleMessages.WriteDump);
        Record("route-neighbours", socket, b => NeighbourMessages.WriteDump(b, RouteConstants.AfUnspec, 0));
        Record("route-proxies", socket, b => NeighbourMessages.WriteDump(b, RouteConstants.AfUnspec, 0, proxies: true));
        Record("route-fdb", socket, b => NeighbourMessages.WriteDump(b, RouteConstants.AfBridge, 0));
        Record("route-bridge-ports", socket, LinkMessages.WritePortVlanDump);
        Record("route-namespace-id", socket, b => NamespaceIdMessages.WriteQuery(b, other.Descriptor));
        RecordRefusals(network);

        _ = routes.TryDeleteLink("br0");
        _ = routes.TryDeleteRule(new(IsIPv6: false, Table: 1000) { Priority = 500, Source = IPNetwork.Parse("10.1.0.0/16") });
        var events = new List<byte[]>();
        while (events.Sum(e => e.Length) < 40_000 && events.Count < 200)
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
            patience.CancelAfter(TimeSpan.FromMilliseconds(200));
            try
            {
                events.Add((await monitor.ReceiveAsync(patience.Token)).ToArray());
            }
            catch (OperationCanceledException) when (patience.IsCancellationRequested)
            {
                break;
            }
        }

        Save("route-events", events);
    }

    /// <summary>One of each thing, with every property that this kernel takes.</summary>
    private static void Furnish(RouteSocket routes, NetworkNamespace other)
    {
        routes.SetUp(1);
        routes.AddAltName(1, "a-name-longer-than-fifteen-characters");
        routes.CreateBridge(new("br0")
        {
            Index = 10, Mac = s_mac, Up = true,
            Options = new()
            {
                Stp = true, ForwardDelay = TimeSpan.FromSeconds(4), HelloTime = TimeSpan.FromSeconds(1), MaxAge = TimeSpan.FromSeconds(9),
                AgeingTime = TimeSpan.FromSeconds(60), Priority = 4096, GroupForwardMask = 8, MulticastSnooping = false, NfCallIptables = true,
            },
        });
        routes.CreateVeth(new("veth0") { Index = 11, Mac = MacAddress.Parse("02:00:00:00:00:11"), PeerName = "eth0", PeerNamespace = other, PeerIndex = 2, Mtu = 1400, Group = 7, TxQueueLength = 500, Up = true, PeerUp = true });
        routes.SetLink(11, new() { Master = 10, Alias = "Fairlead: a port", Hairpin = true, Isolated = true, Learning = false, Flood = false, Cost = 5, Guard = true, Promiscuous = true });
        routes.CreateVxlan(new("vxlan0") { Index = 12, Mac = MacAddress.Parse("02:00:00:00:00:12"), Vni = 42, Remote = IPAddress.Parse("239.1.1.1"), Device = 10, Ttl = 5, Tos = 1, Df = VxlanDf.Set, PortRange = (40000, 50000), Ageing = TimeSpan.FromSeconds(77), Limit = 9, Proxy = true, Learning = true });
        routes.CreateVxlan(new("vxlan6") { Index = 13, Mac = MacAddress.Parse("02:00:00:00:00:13"), Vni = 43, Local = IPAddress.Parse("2001:db8::1"), UdpPort = 4789, TtlInherit = true });
        routes.CreateMacvlan(new("mac0") { Index = 14, Mac = MacAddress.Parse("02:00:00:00:00:14"), Parent = 10, Mode = MacvlanMode.Private });
        routes.CreateIfb(new("ifb0") { Index = 15, Mac = MacAddress.Parse("02:00:00:00:00:15") });

        Do(routes,
            new ReplaceAddress(new(10, InterfaceAddress.Parse("198.51.100.7/24")) { Label = "br0:web", Valid = TimeSpan.FromHours(20), Preferred = TimeSpan.FromHours(10) }),
            new ReplaceAddress(new(10, InterfaceAddress.Parse("203.0.113.1/32")) { Peer = IPAddress.Parse("203.0.113.2"), Scope = RouteScope.Link, Metric = 50 }),
            new ReplaceAddress(new(10, InterfaceAddress.Parse("2001:db8::7/64")) { Flags = AddressFlags.NoDuplicateDetection | AddressFlags.NoPrefixRoute }),
            new ReplaceAddress(new(10, InterfaceAddress.Parse("2001:db8:1::7/128")) { Flags = AddressFlags.NoDuplicateDetection, Peer = IPAddress.Parse("2001:db8:1::8"), Valid = TimeSpan.FromHours(5) }),
            new ReplaceRoute(new(IPNetwork.Parse("2001:db8::/64")) { Link = 10 }),
            new ReplaceRoute(new(IPNetwork.Parse("10.1.0.0/16")) { Gateway = IPAddress.Parse("198.51.100.1"), Link = 10, Source = IPAddress.Parse("198.51.100.7"), Metric = 20, Mtu = 1300, Metrics = new() { MtuLocked = true, AdvMss = 1200, HopLimit = 9, InitCwnd = 20, InitRwnd = 21, Rtt = TimeSpan.FromMilliseconds(30), RtoMin = TimeSpan.FromMilliseconds(50), QuickAck = true, CongestionControl = "reno" } }),
            new ReplaceRoute(new(IPNetwork.Parse("10.2.0.0/16")) { Gateway = IPAddress.Parse("192.0.2.1"), Link = 10, OnLink = true, Table = 1000, Tos = 16 }),
            new ReplaceRoute(new(IPNetwork.Parse("10.3.0.0/16")) { NextHops = [new() { Gateway = IPAddress.Parse("198.51.100.1"), Link = 10, Weight = 3 }, new() { Gateway = IPAddress.Parse("192.0.2.9"), Link = 10, OnLink = true }] }),
            new ReplaceRoute(new(IPNetwork.Parse("10.4.0.0/16")) { Gateway = IPAddress.Parse("2001:db8::1"), Link = 10 }),
            new ReplaceRoute(new(IPNetwork.Parse("10.5.0.0/16")) { Type = RouteType.Blackhole }),
            new ReplaceRoute(new(IPNetwork.Parse("10.6.0.0/16")) { Type = RouteType.Unreachable, Table = 70000 }),
            new ReplaceRoute(new(IPNetwork.Parse("10.7.0.0/16")) { Type = RouteType.Prohibit }),
            new ReplaceRoute(new(IPNetwork.Parse("10.8.0.0/16")) { Type = RouteType.Throw, Protocol = RouteProtocol.Static }),
            new ReplaceRoute(new(IPNetwork.Parse("2001:db8:3::/48")) { NextHops = [new() { Gateway = IPAddress.Parse("2001:db8::1"), Link = 10, Weight = 2 }, new() { Gateway = IPAddress.Parse("2001:db8::2"), Link = 10 }] }),
            new ReplaceRoute(new(IPNetwork.Parse("2001:db8:4::/48")) { Gateway = IPAddress.Parse("2001:db8::1"), Link = 10, Metric = 5, Mtu = 1290, Expires = TimeSpan.FromHours(5) }),
            new ReplaceRoute(new(IPNetwork.Parse("2001:db8:5::/48")) { Type = RouteType.Prohibit }),
            new AddRoutingRule(new(IsIPv6: false, Table: 1000) { Priority = 500, Source = IPNetwork.Parse("10.1.0.0/16") }),
            new AddRoutingRule(new(IsIPv6: false, Table: 70000) { Priority = 501, Destination = IPNetwork.Parse("10.2.0.0/16"), Mark = 16, MarkMask = 255, InputInterface = "br0", Not = true, Tos = 16 }),
            new AddRoutingRule(new(IsIPv6: false, Table: 254) { Priority = 502, SuppressPrefixLength = 0, OutputInterface = "br0", IpProtocol = 6, DestinationPorts = (80, 90), SourcePorts = (1000, 2000), Users = (1000, 1001) }),
            new AddRoutingRule(new(IsIPv6: false, Table: 0) { Priority = 503, Action = RoutingRuleAction.Unreachable }),
            new AddRoutingRule(new(IsIPv6: true, Table: 0) { Priority = 504, Action = RoutingRuleAction.Goto, Target = 32766 }),
            new ReplaceNeighbour(new(10, IPAddress.Parse("198.51.100.9"), MacAddress.Parse("02:00:00:00:00:09")) { Protocol = RouteProtocol.Fairlead }),
            new ReplaceNeighbour(new(10, IPAddress.Parse("2001:db8::9"), MacAddress.Parse("02:00:00:00:00:09")) { State = NeighbourState.NoArp, Flags = NeighbourFlags.Router }),
            new ReplaceNeighbour(new(10, IPAddress.Parse("198.51.100.10"), null) { Proxy = true }),
            new ReplaceNeighbour(new(10, IPAddress.Parse("2001:db8::10"), null) { Proxy = true }),
            new ReplaceFdb(new(12, MacAddress.Parse("02:00:00:00:0a:01")) { Destination = IPAddress.Parse("198.51.100.2"), UdpPort = 4789, Vni = 7 }),
            new ReplaceFdb(new(11, MacAddress.Parse("02:00:00:00:0a:02")) { Self = false, State = NeighbourState.NoArp, Flags = NeighbourFlags.Sticky }));
    }

    /// <summary>Requests the kernel refuses, each for another reason, with what it answered.</summary>
    private static void RecordRefusals(NetworkNamespace network)
    {
        using var socket = NetlinkSocket.Open(NetlinkProtocol.Route, network);
        var lines = new List<byte[]>();
        foreach (var operation in Refused)
        {
            using var batch = new NetlinkBatch(77);
            operation.Encode(batch);
            batch.AskAcknowledgement();
            lines.Add(batch.Message(0).ToArray());
            lines.Add(Answer(socket, batch));
        }

        Save("route-refusals", lines);
    }

    internal static RouteOperation[] Refused =>
    [
        new SetLink(10, new() { Mtu = 70000 }),
        new SetLink(99, new() { Up = true }),
        new CreateLink(new DummySpec("d0")),
        new CreateLink(new BridgeSpec("br0")),
        new CreateLink(new BridgeSpec("br1") { Options = new() { GroupForwardMask = 1 } }),
        new CreateLink(new VxlanSpec("vx") { Vni = 1 << 25 }),
        new CreateLink(new VxlanSpec("vx") { Vni = 1, Df = (VxlanDf)7 }),
        new CreateLink(new VethSpec("v7") { PeerName = "a-name-of-more-than-15" }),
        new CreateLink(new VxlanSpec("vx") { Vni = 1, Mac = MacAddress.Parse("01:00:00:00:00:01") }),
        new AddAltName(10, new string('x', 200)),
        new SetLink(10, new() { Hairpin = true }),
        new ReplaceRoute(new(IPNetwork.Parse("10.9.0.0/16")) { Gateway = IPAddress.Parse("192.0.2.77") }),
        new ReplaceRoute(new(IPNetwork.Parse("10.9.0.0/16")) { Link = 99 }),
        new ReplaceAddress(new(10, InterfaceAddress.Parse("198.51.100.8/24")) { Valid = TimeSpan.FromSeconds(1), Preferred = TimeSpan.FromSeconds(2) }),
        new AddRoutingRule(new(IsIPv6: false, Table: 0) { Action = RoutingRuleAction.Goto }),
        new ReplaceNeighbour(new(99, IPAddress.Loopback, null)),
    ];

    private static unsafe byte[] Answer(NetlinkSocket socket, NetlinkBatch batch)
    {
        fixed (byte* start = batch.Bytes)
        {
            // What the socket's own numbers would be does not matter here; nothing else is sent on it.
            _ = LinuxException.ThrowIfFailed((int)Libc.send(socket.Handle, start, (nuint)batch.Bytes.Length, 0), "send");
        }

        var buffer = new byte[8192];
        fixed (byte* start = buffer)
        {
            Libc.SockaddrNetlink from;
            var length = sizeof(Libc.SockaddrNetlink);
            var got = LinuxException.ThrowIfFailed((int)Libc.recvfrom(socket.Handle, start, (nuint)buffer.Length, 0, &from, &length), "receive");
            return buffer[..got];
        }
    }

    private static void Do(RouteSocket routes, params ReadOnlySpan<RouteOperation> operations) => Assert.All(routes.Apply(operations), Assert.Null);

    private static void Record(string name, NetlinkSocket socket, Action<NetlinkBatch> request)
    {
        var messages = new List<byte[]>();
        using var batch = socket.NewBatch();
        request(batch);
        _ = socket.Request(name, batch, message => messages.Add(message.Bytes.ToArray()));
        Save(name, messages);
    }

    private static void Save(string name, List<byte[]> messages, [CallerFilePath] string caller = "")
    {
        Assert.NotEmpty(messages);
        if (Environment.GetEnvironmentVariable("UPDATE_CORPUS") == "1")
        {
            var folder = Path.Combine(Path.GetDirectoryName(caller)!, "../../Fairlead.Tests/Linux/Corpus");
            File.WriteAllLines(Path.Combine(folder, $"{name}.hex"), messages.Select(Convert.ToHexStringLower));
        }
    }
}
