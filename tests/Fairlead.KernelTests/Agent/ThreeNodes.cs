using System.Net;
using System.Net.Sockets;
using Fairlead.Core.Nodes;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Fairlead.Linux;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.KernelTests.Agent;

/// <summary>Three nodes on two subnets joined by a router, and a machine outside the cluster on a third; made for one test class and gone with it.</summary>
/// <remarks>
/// n1 and n2 on 198.19.0.0/24 and fd19::/64, n3 on 198.19.1.0/24 and fd19:0:0:1::/64, outside at .10 of a third; the router is .1 of each and
/// knows no pod. Pods of nK are 10.32.K.0/24 and fd32:0:0:K::/64 on a bridge cni0, as the CNI plugin would have made it.
/// </remarks>
public class ThreeNodes : IDisposable
{
    public static readonly IPNetwork ClusterCidr = IPNetwork.Parse("10.32.0.0/12");
    public static readonly IPNetwork ServiceCidr = IPNetwork.Parse("10.96.0.0/12");

    private readonly TestNamespaces _namespaces = new();

    public ThreeNodes()
        : this(Families.IPv4, Families.IPv4)
    {
    }

    /// <param name="underlay">What addresses the nodes have.</param>
    /// <param name="pods">What addresses the pods have.</param>
    public ThreeNodes(Families underlay, Families pods)
    {
        Router = _namespaces.New("r");
        using var router = RouteSocket.Open(Router);
        router.SetUp(router.GetLink("lo").Index);
        Fairlead.Linux.Sysctl.WriteAll([("net/ipv4/ip_forward", "1"), ("net/ipv6/conf/all/forwarding", "1")], Router);
        for (var subnet = 0; subnet < 3; subnet++)
        {
            var link = router.CreateBridge(new BridgeSpec($"sub{subnet}") { Up = true });
            router.SetUp(link.Index);
            foreach (var address in underlay.Of($"198.19.{subnet}.1/24", $"fd19:0:0:{subnet}::1/64"))
            {
                router.ReplaceAddress(link.Index, InterfaceAddress.Parse(address), AddressFlags.NoDuplicateDetection);
            }
        }

        Nodes =
        [
            .. new (int Number, int Subnet)[] { (1, 0), (2, 0), (3, 1) }.Select(n => new TestNode(
                $"n{n.Number}", Join(router, $"n{n.Number}", n.Subnet, $"1{n.Number}", underlay), [.. AddressesOf(n.Subnet, $"1{n.Number}", underlay).Select(a => a.Address)],
                [.. pods.Of($"10.32.{n.Number}.0/24", $"fd32:0:0:{n.Number}::/64").Select(r => IPNetwork.Parse(r))], _namespaces)),
        ];
        Outside = Join(router, "out", 2, "10", underlay);
    }

    public NetworkNamespace Router { get; }

    public NetworkNamespace Outside { get; }

    public IReadOnlyList<TestNode> Nodes { get; }

    public TestNode this[int number] => Nodes[number - 1];

    /// <summary>All nodes as the API has them once their agents have started.</summary>
    public IEnumerable<Node> Objects => Nodes.Select(n => n.Object);

    public NodeTopology TopologyOf(TestNode node) => NodeTopologyCompiler.Compile(Objects, node.Name, ClusterCidr);

    public void Dispose()
    {
        _namespaces.Dispose();
        GC.SuppressFinalize(this);
    }

    private static IEnumerable<InterfaceAddress> AddressesOf(int subnet, string host, Families families)
        => families.Of($"198.19.{subnet}.{host}/24", $"fd19:0:0:{subnet}::{host}/64").Select(InterfaceAddress.Parse);

    private NetworkNamespace Join(RouteSocket router, string name, int subnet, string host, Families families)
    {
        var network = _namespaces.New(name);
        var cable = router.CreateVeth(new VethSpec($"to-{name}") { PeerName = "eth0", PeerNamespace = network, Up = true, PeerUp = true });
        router.SetLink(cable.Index, new LinkChange { Master = router.GetLink($"sub{subnet}").Index, Up = true });
        using var routes = RouteSocket.Open(network);
        routes.SetUp(routes.GetLink("lo").Index);
        var link = routes.GetLink("eth0");
        routes.SetUp(link.Index);
        foreach (var address in AddressesOf(subnet, host, families))
        {
            routes.ReplaceAddress(link.Index, address, AddressFlags.NoDuplicateDetection);
        }

        foreach (var (all, gateway) in families.Of("0.0.0.0/0 198.19.{0}.1", "::/0 fd19:0:0:{0}::1").Select(r => (r.Split(' ')[0], r.Split(' ')[1])))
        {
            var via = IPAddress.Parse(string.Format(System.Globalization.CultureInfo.InvariantCulture, gateway, subnet));
            routes.AddRoute(new Route(IPNetwork.Parse(all)) { Gateway = via, Link = link.Index, Protocol = RouteProtocol.Boot });
        }

        return network;
    }
}

/// <summary>Which families of addresses a part of the fixture has.</summary>
[Flags]
public enum Families
{
    IPv4 = 1,
    IPv6 = 2,
    Both = IPv4 | IPv6,
}

/// <summary>Choosing by family.</summary>
public static class FamiliesExtensions
{
    public static IEnumerable<string> Of(this Families families, string ipv4, string ipv6)
        => new[] { families.HasFlag(Families.IPv4) ? ipv4 : null, families.HasFlag(Families.IPv6) ? ipv6 : null }.OfType<string>();
}

/// <summary>One node of the fixture.</summary>
public sealed class TestNode(string name, NetworkNamespace network, IReadOnlyList<IPAddress> addresses, IReadOnlyList<IPNetwork> podRanges, TestNamespaces namespaces)
{
    private readonly Lock _bridge = new();
    private int _pods = 1;

    public string Name => name;

    public NetworkNamespace Network => network;

    /// <summary>The first of its addresses.</summary>
    public IPAddress Address => Addresses[0];

    public IReadOnlyList<IPAddress> Addresses { get; set; } = addresses;

    /// <summary>The first of its ranges.</summary>
    public IPNetwork PodRange => podRanges[0];

    /// <summary>What its agent says of how it carries packets.</summary>
    public Dictionary<string, string> Annotations { get; } = new() { [VtepAddress.Annotation] = VtepAddress.Format(VtepAddress.Of(name)) };

    public Node Object => new()
    {
        Metadata = new() { Name = name, Annotations = EquatableMap.Create(Annotations) },
        Spec = new() { PodCIDR = PodRange.ToString(), PodCIDRs = podRanges.Select(r => r.ToString()).ToEquatableArray() },
        Status = new() { Addresses = Addresses.Select(a => new NodeAddress { Type = "InternalIP", Address = a.ToString() }).ToEquatableArray() },
    };

    /// <summary>A pod as the bridge plugin makes it: a cable to cni0 with hairpin, an address, a default route.</summary>
    public TestPod AddPod(int mtu = 1500)
    {
        var number = Interlocked.Increment(ref _pods);
        var pod = namespaces.New($"{name}p{number}");
        using var routes = RouteSocket.Open(network);
        lock (_bridge)
        {
            if (routes.FindLink("cni0") is null)
            {
                var bridge = routes.CreateBridge(new BridgeSpec("cni0") { Up = true });
                routes.SetUp(bridge.Index);
                foreach (var range in podRanges)
                {
                    routes.ReplaceAddress(bridge.Index, new InterfaceAddress(Host(range, 1), range.PrefixLength), AddressFlags.NoDuplicateDetection);
                }
            }
        }

        var port = routes.CreateVeth(new VethSpec($"veth{number}") { PeerName = "eth0", PeerNamespace = pod, Mtu = mtu, Up = true, PeerUp = true });
        routes.SetLink(port.Index, new LinkChange { Master = routes.GetLink("cni0").Index, Up = true });
        routes.SetLink(port.Index, new LinkChange { Hairpin = true });
        using var inside = RouteSocket.Open(pod);
        inside.SetUp(inside.GetLink("lo").Index);
        var link = inside.GetLink("eth0");
        inside.SetUp(link.Index);
        foreach (var range in podRanges)
        {
            inside.ReplaceAddress(link.Index, new InterfaceAddress(Host(range, number), range.PrefixLength), AddressFlags.NoDuplicateDetection);
            var all = new IPNetwork(range.BaseAddress.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
            inside.AddRoute(new Route(all) { Gateway = Host(range, 1), Link = link.Index, Protocol = RouteProtocol.Boot });
        }

        return new TestPod($"{name}-{number}", pod, [.. podRanges.Select(r => Host(r, number))], this);
    }

    private static IPAddress Host(IPNetwork range, int last)
    {
        var bytes = range.BaseAddress.GetAddressBytes();
        bytes[^1] = (byte)last;
        return new IPAddress(bytes);
    }
}

/// <summary>One pod of the fixture.</summary>
public sealed record TestPod(string Name, NetworkNamespace Network, IReadOnlyList<IPAddress> Addresses, TestNode Node)
{
    /// <summary>The first of its addresses.</summary>
    public IPAddress Address => Addresses[0];
}
