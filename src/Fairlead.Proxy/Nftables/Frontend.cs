using System.Net;
using Fairlead.Core.Services;
using Fairlead.Kube.State;

namespace Fairlead.Proxy.Nftables;

/// <summary>The ways a packet can be meant for a Service. Each has its own maps.</summary>
internal enum FrontendKind : byte
{
    /// <summary>Sent to the Service's virtual address.</summary>
    ClusterIP,

    /// <summary>Sent to the node port on an address of this node.</summary>
    NodePort,

    /// <summary>The same from outside, for a Service that wants only endpoints of this node (externalTrafficPolicy Local).</summary>
    NodePortLocal,

    /// <summary>Sent to an address outside of the cluster's own: a load balancer's or one of spec.externalIPs.</summary>
    Outside,

    /// <summary>The same from outside, for a Service that wants only endpoints of this node.</summary>
    OutsideLocal,
}

/// <summary>What a packet carries that means a Service: the key of an element in the kernel.</summary>
/// <param name="Address">The address; null for node ports, which answer on every address of the node.</param>
internal readonly record struct FrontendKey(FrontendKind Kind, IPAddress? Address, Protocol Protocol, ushort Port) : IComparable<FrontendKey>
{
    public int CompareTo(FrontendKey other)
    {
        var order = Kind.CompareTo(other.Kind);
        order = order != 0 ? order : Compare(Address, other.Address);
        order = order != 0 ? order : Protocol.CompareTo(other.Protocol);
        return order != 0 ? order : Port.CompareTo(other.Port);
    }

    public static int Compare(IPAddress? a, IPAddress? b)
    {
        if (a is null || b is null)
        {
            return (a is null ? 0 : 1) - (b is null ? 0 : 1);
        }

        Span<byte> left = stackalloc byte[16];
        Span<byte> right = stackalloc byte[16];
        _ = a.TryWriteBytes(left, out var leftLength);
        _ = b.TryWriteBytes(right, out var rightLength);
        return left[..leftLength].SequenceCompareTo(right[..rightLength]);
    }
}

/// <summary>How a frontend picks its endpoint, or why it picks none.</summary>
internal enum DispatchMode : byte
{
    /// <summary>Any endpoint, each as likely.</summary>
    Random,

    /// <summary>One endpoint by the client's address, so that the client stays with it (sessionAffinity ClientIP).</summary>
    SourceHash,

    /// <summary>None here: the policy admits only endpoints of this node and it has none. Silence, as kube-proxy.</summary>
    Drop,

    /// <summary>None anywhere: the client is told so at once.</summary>
    Reject,
}

/// <summary>The chain that packets of a frontend go to: shared by all frontends of the same kind, mode and number of endpoints.</summary>
internal readonly record struct Dispatch(FrontendKind Kind, DispatchMode Mode, int Count)
{
    public bool HasChain => Mode is DispatchMode.Random or DispatchMode.SourceHash;

    /// <summary><c>svc-3</c>, <c>nodeport-2</c>, <c>nodeport-local-1</c>; with <c>-sticky</c> before the number for affinity.</summary>
    public string ChainName => $"{Prefix(Kind)}{(Mode == DispatchMode.SourceHash ? "sticky-" : "")}{Count}";

    /// <summary>Reads a chain's name back; null for a name that is none of ours.</summary>
    public static Dispatch? TryParse(string name)
    {
        foreach (var kind in (ReadOnlySpan<FrontendKind>)[FrontendKind.ClusterIP, FrontendKind.NodePortLocal, FrontendKind.NodePort, FrontendKind.OutsideLocal, FrontendKind.Outside])
        {
            var prefix = Prefix(kind);
            if (name.StartsWith(prefix, StringComparison.Ordinal))
            {
                var rest = name.AsSpan(prefix.Length);
                var sticky = rest.StartsWith("sticky-", StringComparison.Ordinal);
                rest = sticky ? rest["sticky-".Length..] : rest;
                if (int.TryParse(rest, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var count) && count > 0)
                {
                    return new(kind, sticky ? DispatchMode.SourceHash : DispatchMode.Random, count);
                }
            }
        }

        return null;
    }

    private static string Prefix(FrontendKind kind) => kind switch
    {
        FrontendKind.ClusterIP => "svc-",
        FrontendKind.NodePort => "nodeport-",
        FrontendKind.NodePortLocal => "nodeport-local-",
        FrontendKind.Outside => "outside-",
        _ => "outside-local-",
    };
}

/// <summary>Where packets of a frontend are sent: the value of an element in the kernel.</summary>
internal readonly record struct Target(IPAddress Address, ushort Port);

/// <summary>One frontend as it should be.</summary>
/// <param name="Owner"><c>namespace/name:port</c>, the comment of its elements.</param>
internal sealed record Frontend(FrontendKey Key, DispatchMode Mode, EquatableArray<Backend> Backends, string Owner)
{
    /// <summary>Who may use it; empty for everybody.</summary>
    public EquatableArray<IPNetwork> Sources { get; init; }

    /// <summary>Comments longer than this are refused by <c>nft</c>, though not by the kernel.</summary>
    private const int MaxComment = 127;

    /// <summary>What one rule of the table asks of the kernel.</summary>
    public static IEnumerable<Frontend> Of(ServicePortRule rule)
    {
        var owner = rule.Name.ToString();
        owner = owner.Length > MaxComment ? owner[..MaxComment] : owner;
        var pick = rule.Affinity is null ? DispatchMode.Random : DispatchMode.SourceHash;

        // A virtual address with no endpoint at all needs no frontend: whatever stays addressed to it is rejected later.
        if (!rule.Backends.IsEmpty)
        {
            var usable = rule.InternalPolicy == TrafficPolicy.Local ? rule.LocalBackends : rule.Backends;
            yield return new(new(FrontendKind.ClusterIP, rule.ClusterAddress, rule.Name.Protocol, rule.Port), usable.IsEmpty ? DispatchMode.Drop : pick, usable, owner);
        }

        foreach (var (kind, localKind, address) in Outside(rule))
        {
            var port = address is null ? rule.NodePort : rule.Port;
            var sources = rule.OutsideAddresses.Any(a => a.IsLoadBalancer && a.Address.Equals(address)) ? rule.SourceRanges : default;
            yield return new(new(kind, address, rule.Name.Protocol, port), rule.Backends.IsEmpty ? DispatchMode.Reject : pick, rule.Backends, owner)
            {
                // The balancer's own address too: this node's packets to it come from it where the node has it (kube-proxy's rule).
                Sources = sources.IsEmpty ? default : sources.Add(new IPNetwork(address!, rule.Family == IPFamily.IPv4 ? 32 : 128)),
            };
            if (rule.ExternalPolicy == TrafficPolicy.Local && !rule.Backends.IsEmpty)
            {
                yield return new(new(localKind, address, rule.Name.Protocol, port), rule.LocalBackends.IsEmpty ? DispatchMode.Drop : pick, rule.LocalBackends, owner);
            }
        }
    }

    private static IEnumerable<(FrontendKind Kind, FrontendKind LocalKind, IPAddress? Address)> Outside(ServicePortRule rule)
    {
        if (rule.NodePort != 0)
        {
            yield return (FrontendKind.NodePort, FrontendKind.NodePortLocal, null);
        }

        foreach (var outside in rule.OutsideAddresses)
        {
            yield return (FrontendKind.Outside, FrontendKind.OutsideLocal, outside.Address);
        }
    }
}
