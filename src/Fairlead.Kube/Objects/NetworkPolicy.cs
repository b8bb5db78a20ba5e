using Fairlead.Kube.State;

namespace Fairlead.Kube.Objects;

/// <summary>What may connect to the pods that it selects, and where they may connect to.</summary>
public sealed record NetworkPolicy : IKubeObject
{
    public string ApiVersion => "networking.k8s.io/v1";

    public string Kind => "NetworkPolicy";

    public ObjectMeta Metadata { get; init => field = value ?? ObjectMeta.Empty; } = ObjectMeta.Empty;

    public NetworkPolicySpec Spec { get; init => field = value ?? NetworkPolicySpec.Empty; } = NetworkPolicySpec.Empty;
}

/// <summary>The pods of a policy and its rules.</summary>
public sealed record NetworkPolicySpec
{
    internal static readonly NetworkPolicySpec Empty = new();

    /// <summary>Pods of the policy's namespace; the empty selector is all of them.</summary>
    public LabelSelector PodSelector { get; init => field = value ?? new(); } = new();

    public EquatableArray<NetworkPolicyIngressRule> Ingress { get; init; }

    public EquatableArray<NetworkPolicyEgressRule> Egress { get; init; }

    /// <summary><c>Ingress</c>, <c>Egress</c> or both; where it is empty, the first always and the second where there are rules of it.</summary>
    public EquatableArray<string> PolicyTypes { get; init; }
}

/// <summary>Who may connect to which ports.</summary>
public sealed record NetworkPolicyIngressRule
{
    /// <summary>Any port where it is empty.</summary>
    public EquatableArray<NetworkPolicyPort> Ports { get; init; }

    /// <summary>Anybody where it is empty.</summary>
    public EquatableArray<NetworkPolicyPeer> From { get; init; }
}

/// <summary>Where to, and to which ports, connections may be made.</summary>
public sealed record NetworkPolicyEgressRule
{
    /// <summary>Any port where it is empty.</summary>
    public EquatableArray<NetworkPolicyPort> Ports { get; init; }

    /// <summary>Anywhere where it is empty.</summary>
    public EquatableArray<NetworkPolicyPeer> To { get; init; }
}

/// <summary>Pods by their labels and those of their namespace, or addresses.</summary>
public sealed record NetworkPolicyPeer
{
    public LabelSelector? PodSelector { get; init; }

    /// <summary>Where it is null, only the policy's own namespace.</summary>
    public LabelSelector? NamespaceSelector { get; init; }

    public IPBlock? IpBlock { get; init; }
}

/// <summary>A range of addresses, and the ranges within it that are left out.</summary>
public sealed record IPBlock
{
    public string Cidr { get; init => field = value ?? ""; } = "";

    public EquatableArray<string> Except { get; init; }
}

/// <summary>A protocol, and of it one port by number or name, several, or all.</summary>
public sealed record NetworkPolicyPort
{
    /// <summary><c>TCP</c> where it is null.</summary>
    public string? Protocol { get; init; }

    /// <summary>All ports of the protocol where it is null.</summary>
    public IntOrString? Port { get; init; }

    /// <summary>The last of a range that begins at <see cref="Port"/>.</summary>
    public int? EndPort { get; init; }
}
