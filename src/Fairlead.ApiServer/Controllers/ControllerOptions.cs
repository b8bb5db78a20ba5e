using System.Collections.Immutable;
using System.Net;

namespace Fairlead.ApiServer.Controllers;

/// <summary>What the controllers are told about the cluster.</summary>
public sealed record ControllerOptions
{
    /// <summary>The ranges that nodes get their pod ranges from, at most one of each address family.</summary>
    public ImmutableArray<IPNetwork> ClusterCidrs { get; init; } = [IPNetwork.Parse("10.32.0.0/12")];

    /// <summary>The prefix length of one node's IPv4 pod range.</summary>
    public int NodeCidrMaskSize { get; init; } = 24;

    /// <summary>The prefix length of one node's IPv6 pod range.</summary>
    public int NodeCidrMaskSizeIPv6 { get; init; } = 64;

    /// <summary>The certificate that every namespace's <c>kube-root-ca.crt</c> holds; null writes none.</summary>
    public string? RootCertificatePem { get; init; }

    /// <summary>How old a node's lease may be before the node counts as lost.</summary>
    public TimeSpan NodeGracePeriod { get; init; } = TimeSpan.FromSeconds(40);

    /// <summary>How long a node must be gone before its pods go too.</summary>
    public TimeSpan NodeGonePeriod { get; init; } = TimeSpan.FromSeconds(40);
}
