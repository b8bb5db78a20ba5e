using Fairlead.Kube.Objects;
using Fairlead.Kube.State;

namespace Fairlead.KernelTests.Policy;

/// <summary>Makes up policies of every form, the same ones for the same seed.</summary>
public sealed class PolicyGenerator(int seed)
{
    private static readonly string[] s_namespaces = ["a", "b", "c"];
    private static readonly string[] s_apps = ["web", "db", "cache"];

    // A seed that the test names: the same policies in every run.
    private readonly Random _random = new(seed);
    private int _count;

    public NetworkPolicy Next()
    {
        var (ingress, egress) = (Many(0, 2, Ingress), Many(0, 2, Egress));
        return new()
        {
            Metadata = new() { Namespace = Pick(s_namespaces), Name = $"p{seed}-{++_count}" },
            Spec = new()
            {
                PodSelector = Chance(3) ? new() : PodSelector(),
                Ingress = [.. ingress],
                Egress = [.. egress],
                PolicyTypes = Pick<string[]>([["Ingress"], ["Egress"], ["Ingress", "Egress"], []]).ToEquatableArray(),
            },
        };
    }

    public T Pick<T>(params ReadOnlySpan<T> from) => from[_random.Next(from.Length)];

    private bool Chance(int oneOf) => _random.Next(oneOf) == 0;

    private NetworkPolicyIngressRule Ingress() => new() { From = [.. Many(0, 2, Peer)], Ports = [.. Many(0, 2, Port)] };

    private NetworkPolicyEgressRule Egress() => new() { To = [.. Many(0, 2, Peer)], Ports = [.. Many(0, 2, Port)] };

    private NetworkPolicyPeer Peer() => _random.Next(5) switch
    {
        0 => new() { PodSelector = PodSelector() },
        1 => new() { NamespaceSelector = NamespaceSelector() },
        2 => new() { NamespaceSelector = NamespaceSelector(), PodSelector = PodSelector() },
        3 => new() { PodSelector = new() },
        _ => new() { IpBlock = Block() },
    };

    private IPBlock Block() => _random.Next(4) switch
    {
        0 => new() { Cidr = "10.32.0.0/12", Except = [$"10.32.{_random.Next(1, 4)}.0/24"] },
        1 => new() { Cidr = $"10.32.{_random.Next(1, 4)}.0/24" },
        2 => new() { Cidr = $"10.32.{_random.Next(1, 4)}.0/24", Except = [$"10.32.{_random.Next(1, 4)}.2/32", $"10.32.{_random.Next(1, 4)}.3/32"] },
        _ => new() { Cidr = "0.0.0.0/0", Except = ["10.32.2.0/24", "10.32.2.2/31"] },
    };

    private NetworkPolicyPort Port() => _random.Next(7) switch
    {
        0 => new() { Port = 80 },
        1 => new() { Protocol = "TCP", Port = 81 },
        2 => new() { Protocol = "UDP", Port = 53 },
        3 => new() { Protocol = "TCP", Port = 80, EndPort = 81 },
        4 => new() { Protocol = "TCP", Port = "http" },
        5 => new() { Protocol = Pick("TCP", "UDP", "SCTP") },
        _ => new() { Protocol = "UDP", Port = "dns" },
    };

    private LabelSelector PodSelector() => _random.Next(4) switch
    {
        0 => new() { MatchLabels = EquatableMap.Of(("app", Pick(s_apps))) },
        1 => new() { MatchExpressions = [new() { Key = "app", Operator = Pick("In", "NotIn"), Values = [Pick(s_apps), Pick(s_apps)] }] },
        2 => new() { MatchExpressions = [new() { Key = "tier", Operator = Pick("Exists", "DoesNotExist") }] },
        _ => new() { MatchLabels = EquatableMap.Of(("tier", Pick("front", "back"))), MatchExpressions = [new() { Key = "app", Operator = "NotIn", Values = [Pick(s_apps)] }] },
    };

    private LabelSelector NamespaceSelector() => _random.Next(4) switch
    {
        0 => new(),
        1 => new() { MatchLabels = EquatableMap.Of(("team", Pick("x", "y"))) },
        2 => new() { MatchExpressions = [new() { Key = "env", Operator = Pick("Exists", "DoesNotExist") }] },
        _ => new() { MatchLabels = EquatableMap.Of(("kubernetes.io/metadata.name", Pick(s_namespaces))) },
    };

    private List<T> Many<T>(int from, int to, Func<T> make) => [.. Enumerable.Range(0, _random.Next(from, to + 1)).Select(_ => make())];
}
