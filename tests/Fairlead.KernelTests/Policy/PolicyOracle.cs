using System.Net;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;

namespace Fairlead.KernelTests.Policy;

/// <summary>A pod for the oracle: nothing of the product but the API's records.</summary>
public sealed record PolicyTestPod(string Namespace, string Name, string Node, IPAddress Address, Dictionary<string, string> Labels, Dictionary<string, (string Protocol, int Port)> Ports);

/// <summary>Says from the documentation of NetworkPolicy, one connection at a time, what is allowed.</summary>
public sealed class PolicyOracle(IReadOnlyList<NetworkPolicy> policies, IReadOnlyDictionary<string, Dictionary<string, string>> namespaces)
{
    public bool Allows(PolicyTestPod from, PolicyTestPod to, string protocol, int port)
    {
        if (from == to)
        {
            return true;
        }

        var leaving = policies.Where(p => Selects(p, from) && Types(p).Contains("Egress")).ToList();
        var arriving = policies.Where(p => Selects(p, to) && Types(p).Contains("Ingress")).ToList();
        var mayLeave = leaving.Count == 0 || leaving.Any(p => p.Spec.Egress.Any(r => PeersFit(p, r.To, to) && PortsFit(r.Ports, to, protocol, port)));
        var mayArrive = arriving.Count == 0 || arriving.Any(p => p.Spec.Ingress.Any(r => PeersFit(p, r.From, from) && PortsFit(r.Ports, to, protocol, port)));
        return mayLeave && mayArrive;
    }

    private static IReadOnlyList<string> Types(NetworkPolicy policy)
        => policy.Spec.PolicyTypes.Count > 0 ? policy.Spec.PolicyTypes : policy.Spec.Egress.Count > 0 ? ["Ingress", "Egress"] : ["Ingress"];

    private static bool Selects(NetworkPolicy policy, PolicyTestPod pod) => policy.Metadata.Namespace == pod.Namespace && Fits(policy.Spec.PodSelector, pod.Labels);

    private bool PeersFit(NetworkPolicy policy, IReadOnlyList<NetworkPolicyPeer> peers, PolicyTestPod other)
        => peers.Count == 0 || peers.Any(peer => peer.IpBlock is { } block
            ? Within(block.Cidr, other.Address) && !block.Except.Any(e => Within(e, other.Address))
            : (peer.NamespaceSelector is { } spaces ? Fits(spaces, namespaces[other.Namespace]) : policy.Metadata.Namespace == other.Namespace)
                && (peer.PodSelector is not { } pods || Fits(pods, other.Labels)));

    private static bool PortsFit(IReadOnlyList<NetworkPolicyPort> ports, PolicyTestPod to, string protocol, int port)
        => ports.Count == 0 || ports.Any(p => (p.Protocol ?? "TCP") == protocol && p.Port switch
        {
            null => true,
            { IsNumber: true } number => p.EndPort is { } end ? port >= number.Number && port <= end : port == number.Number,
            { } name => to.Ports.TryGetValue(name.Text!, out var named) && named == (protocol, port),
        });

    private static bool Within(string cidr, IPAddress address)
    {
        var (network, length) = (cidr.Split('/')[0], int.Parse(cidr.Split('/')[1], System.Globalization.CultureInfo.InvariantCulture));
        var (a, b) = (IPAddress.Parse(network).GetAddressBytes(), address.GetAddressBytes());
        return a.Length == b.Length && Enumerable.Range(0, length).All(i => ((a[i / 8] ^ b[i / 8]) & (0x80 >> (i % 8))) == 0);
    }

    private static bool Fits(LabelSelector selector, Dictionary<string, string> labels)
        => selector.MatchLabels.All(l => labels.TryGetValue(l.Key, out var value) && value == l.Value)
            && selector.MatchExpressions.All(e => e.Operator switch
            {
                "In" => labels.TryGetValue(e.Key, out var value) && e.Values.Contains(value),
                "NotIn" => !labels.TryGetValue(e.Key, out var value) || !e.Values.Contains(value),
                "Exists" => labels.ContainsKey(e.Key),
                "DoesNotExist" => !labels.ContainsKey(e.Key),
                _ => throw new InvalidOperationException(e.Operator),
            });
}
