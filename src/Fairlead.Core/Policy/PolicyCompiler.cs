using System.Net;
using System.Security.Cryptography;
using System.Text;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;

namespace Fairlead.Core.Policy;

/// <summary>What a policy says, before it is known which pods there are.</summary>
/// <param name="Subject">The pods it is about.</param>
/// <param name="Ingress">Null where it is not about connections to them.</param>
/// <param name="Egress">Null where it is not about their own connections.</param>
/// <param name="Groups">The choices of pods that its rules' groups are made of.</param>
internal sealed record ParsedPolicy(
    PodChoice Subject, CompiledPolicy? Ingress, CompiledPolicy? Egress, IReadOnlyDictionary<string, IReadOnlyList<PodChoice>> Groups, IReadOnlyList<PolicyDiagnostic> Diagnostics);

/// <summary>Reads a NetworkPolicy. What cannot be in it is told and left out, which never allows more.</summary>
internal sealed class PolicyCompiler
{
    private readonly NetworkPolicy _policy;
    private readonly Dictionary<string, IReadOnlyList<PodChoice>> _groups = new(StringComparer.Ordinal);
    private readonly List<PolicyDiagnostic> _diagnostics = [];

    private PolicyCompiler(NetworkPolicy policy) => _policy = policy;

    public static ParsedPolicy Compile(NetworkPolicy policy) => new PolicyCompiler(policy).Compile();

    private ParsedPolicy Compile()
    {
        var spec = _policy.Spec;
        var types = spec.PolicyTypes;
        foreach (var type in types.Where(t => t is not ("Ingress" or "Egress")))
        {
            Complain($"policyTypes: {type} is neither Ingress nor Egress and means nothing");
        }

        var ingress = types.IsEmpty || types.Contains("Ingress");
        var egress = types.IsEmpty ? !spec.Egress.IsEmpty : types.Contains("Egress");
        return new(
            new(_policy.Metadata.Namespace, null, spec.PodSelector),
            ingress ? new(_policy.Key, PolicyDirection.Ingress, [.. spec.Ingress.Select((r, i) => Rule($"ingress[{i}]", r.From, "from", r.Ports)).OfType<ConnectionRule>()]) : null,
            egress ? new(_policy.Key, PolicyDirection.Egress, [.. spec.Egress.Select((r, i) => Rule($"egress[{i}]", r.To, "to", r.Ports)).OfType<ConnectionRule>()]) : null,
            _groups,
            _diagnostics);
    }

    /// <summary>Null where nothing is left of it.</summary>
    private ConnectionRule? Rule(string where, EquatableArray<NetworkPolicyPeer> peers, string peersName, EquatableArray<NetworkPolicyPort> ports)
    {
        var (ranges, names) = PolicyPorts.Read(ports, problem => Complain($"{where}.ports: {problem}"));
        var choices = new SortedDictionary<string, PodChoice>(StringComparer.Ordinal);
        var blocks = new List<(IPNetwork Network, IReadOnlyList<IPNetwork> Except)>();
        for (var i = 0; i < peers.Count; i++)
        {
            var peer = peers[i];
            if (peer.IpBlock is { } block)
            {
                if (Block(block, $"{where}.{peersName}[{i}].ipBlock") is { } parsed)
                {
                    blocks.Add(parsed);
                }
            }
            else if (peer.PodSelector is null && peer.NamespaceSelector is null)
            {
                Complain($"{where}.{peersName}[{i}]: it names neither pods nor namespaces nor an ipBlock, and fits nobody");
            }
            else
            {
                var choice = new PodChoice(peer.NamespaceSelector is null ? _policy.Metadata.Namespace : null, peer.NamespaceSelector, peer.PodSelector);
                choices[choice.Text] = choice;
            }
        }

        var anyPeer = peers.Count == 0;
        var anyPort = ports.Count == 0;
        var merged = AddressRange.Merge(blocks);
        return (!anyPeer && choices.Count == 0 && merged.Count == 0) || (!anyPort && ranges.Count == 0 && names.Count == 0)
            ? null
            : new(anyPeer, Group([.. choices.Values]), [.. merged], anyPort, [.. ranges], [.. names]);
    }

    private string? Group(IReadOnlyList<PodChoice> choices)
    {
        if (choices.Count == 0)
        {
            return null;
        }

        var key = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', choices.Select(c => c.Text)))).AsSpan(0, 8));
        _groups[key] = choices;
        return key;
    }

    private (IPNetwork Network, IReadOnlyList<IPNetwork> Except)? Block(IPBlock block, string where)
    {
        if (Network(block.Cidr) is not { } network)
        {
            Complain($"{where}.cidr: {block.Cidr} is no range of addresses such as 10.0.0.0/8; it fits nobody");
            return null;
        }

        var holes = new List<IPNetwork>();
        foreach (var text in block.Except)
        {
            if (Network(text) is { } hole)
            {
                holes.Add(hole);
            }
            else
            {
                // To go on without the hole would allow what somebody meant to keep out.
                Complain($"{where}.except: {text} is no range of addresses such as 10.1.0.0/16; the whole block fits nobody");
                return null;
            }
        }

        return (network, holes);
    }

    /// <summary>A range by any address in it: the API takes 10.0.0.1/8 as well.</summary>
    private static IPNetwork? Network(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0 || !IPAddress.TryParse(text.AsSpan(0, slash), out var address) || !byte.TryParse(text.AsSpan(slash + 1), out var length)
            || address.GetAddressBytes() is not { } bytes || length > bytes.Length * 8)
        {
            return null;
        }

        for (var bit = (int)length; bit < bytes.Length * 8; bit++)
        {
            bytes[bit / 8] &= (byte)~(0x80 >> (bit % 8));
        }

        return new IPNetwork(new IPAddress(bytes), length);
    }

    private void Complain(string message) => _diagnostics.Add(new(_policy.Key, "InvalidNetworkPolicy", message));
}
