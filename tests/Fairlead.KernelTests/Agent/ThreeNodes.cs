using System.Net;
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
/// n1 and n2 on 198.19.0.0/24, n3 on 198.19.1.0/24, outside at 198.19.2.10; the router is .1 of each and knows no pod. Pods of nK
/// are 10.32.K.0/24 on a bridge cni0, as the CNI plugin would have made it.
/// </remarks>
public class ThreeNodes : IDisposable
{
    public static readonly IPNetwork ClusterCidr = IPNetwork.Parse("10.32.0.0/12");
    public static readonly IPNetwork ServiceCidr = IPNetwork.Parse("10.96.0.0/12");

    private readonly TestNamespaces _namespaces = new();

    public ThreeNodes()
    {
        Router = _namespaces.New("r");
        using var router = RouteSocket.Open(Router);
        router.SetUp(router.GetLink("lo").Index);
        Fairlead.Linux.Sysctl.Write("net/ipv4/ip_forward", "1", Router);
        foreach (var (bridge, address) in new[] { ("sub0", "198.19.0.1/24"), ("sub1", "198.19.1.1/24"), ("sub2", "198.19.2.1/24") })
        {
            var link = router.CreateBridge(new BridgeSpec(bridge) { Up = true });
            router.SetUp(link.Index);
            router.ReplaceAddress(link.Index, InterfaceAddress.Parse(address));
        }

        Nodes =
        [
            .. new[] { (1, 0, "198.19.0.11"), (2, 0, "198.19.0.12"), (3, 1, "198.19.1.13") }
                .Select(n => new TestNode($"n{n.Item1}", Join(router, $"n{n.Item1}", n.Item2, n.Item3), IPAddress.Parse(n.Item3), IPNetwork.Parse($"10.32.{n.Item1}.0/24"), _namespaces)),
        ];
        Outside = Join(router, "out", 2, "198.19.2.10");
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

    private NetworkNamespace Join(RouteSocket router, string name, int subnet, string address)
    {
        var network = _namespaces.New(name);
        var cable = router.CreateVeth(new VethSpec($"to-{name}") { PeerName = "eth0", PeerNamespace = network, Up = true, PeerUp = true });
        router.SetLink(cable.Index, new LinkChange { Master = router.GetLink($"sub{subnet}").Index, Up = true });
        using var routes = RouteSocket.Open(network);
        routes.SetUp(routes.GetLink("lo").Index);
        var link = routes.GetLink("eth0");
        routes.SetUp(link.Index);
        routes.ReplaceAddress(link.Index, InterfaceAddress.Parse($"{address}/24"));
        routes.AddRoute(new Route(IPNetwork.Parse("0.0.0.0/0")) { Gateway = IPAddress.Parse($"198.19.{subnet}.1"), Protocol = RouteProtocol.Boot });
        return network;
    }
}

/// <summary>One node of the fixture.</summary>
public sealed class TestNode(string name, NetworkNamespace network, IPAddress address, IPNetwork podRange, TestNamespaces namespaces)
{
    private readonly Lock _bridge = new();
    private int _pods = 1;

    public string Name => name;

    public NetworkNamespace Network => network;

    public IPAddress Address => address;

    public IPNetwork PodRange => podRange;

    public Node Object => new()
    {
        Metadata = new() { Name = name, Annotations = EquatableMap.Of((VtepAddress.Annotation, VtepAddress.Format(VtepAddress.Of(name)))) },
        Spec = new() { PodCIDR = podRange.ToString(), PodCIDRs = [podRange.ToString()] },
        Status = new() { Addresses = [new NodeAddress { Type = "InternalIP", Address = address.ToString() }] },
    };

    /// <summary>A pod as the bridge plugin makes it: a cable to cni0 with hairpin, an address, a default route.</summary>
    public TestPod AddPod()
    {
        var number = Interlocked.Increment(ref _pods);
        var pod = namespaces.New($"{name}p{number}");
        using var routes = RouteSocket.Open(network);
        var gateway = Host(1);
        lock (_bridge)
        {
            if (routes.FindLink("cni0") is null)
            {
                var bridge = routes.CreateBridge(new BridgeSpec("cni0") { Up = true });
                routes.SetUp(bridge.Index);
                routes.ReplaceAddress(bridge.Index, new InterfaceAddress(gateway, 24));
            }
        }

        var port = routes.CreateVeth(new VethSpec($"veth{number}") { PeerName = "eth0", PeerNamespace = pod, Up = true, PeerUp = true });
        routes.SetLink(port.Index, new LinkChange { Master = routes.GetLink("cni0").Index, Up = true });
        routes.SetLink(port.Index, new LinkChange { Hairpin = true });
        using var inside = RouteSocket.Open(pod);
        inside.SetUp(inside.GetLink("lo").Index);
        var link = inside.GetLink("eth0");
        inside.SetUp(link.Index);
        inside.ReplaceAddress(link.Index, new InterfaceAddress(Host(number), 24));
        inside.AddRoute(new Route(IPNetwork.Parse("0.0.0.0/0")) { Gateway = gateway, Protocol = RouteProtocol.Boot });
        return new TestPod($"{name}-{number}", pod, Host(number), this);
    }

    private IPAddress Host(int last)
    {
        var bytes = podRange.BaseAddress.GetAddressBytes();
        bytes[3] = (byte)last;
        return new IPAddress(bytes);
    }
}

/// <summary>One pod of the fixture.</summary>
public sealed record TestPod(string Name, NetworkNamespace Network, IPAddress Address, TestNode Node);
