using System.Net;
using Fairlead.Kube.State;

namespace Fairlead.Core.Services;

/// <summary>Which endpoints a traffic policy admits.</summary>
public enum TrafficPolicy : byte
{
    /// <summary>All of the cluster's.</summary>
    Cluster,

    /// <summary>Those on the node that the packet is on.</summary>
    Local,
}

/// <summary>An address that answers for a Service.</summary>
/// <param name="IsLocal">Whether it is on this node.</param>
public readonly record struct Backend(IPAddress Address, ushort Port, bool IsLocal)
{
    public override string ToString() => $"{new IPEndPoint(Address, Port)}{(IsLocal ? " (here)" : "")}";
}

/// <summary>An address that is not of the cluster's own ranges and leads to a Service.</summary>
/// <param name="IsLoadBalancer">Whether it is a load balancer's whose packets arrive as they are (status.loadBalancer.ingress, ipMode VIP); else one of spec.externalIPs.</param>
public readonly record struct OutsideAddress(IPAddress Address, bool IsLoadBalancer);

/// <summary>One port of one Service in one address family: where it is reached, and what answers.</summary>
/// <remarks>
/// Each family has its own rule, so that a backend for one family never looks at the other. Backends are sorted, without
/// duplicates, and usable: ready, or, where none is ready, terminating but still serving (KEP-1669).
/// </remarks>
public sealed record ServicePortRule
{
    public required ServicePortName Name { get; init; }

    public required IPFamily Family { get; init; }

    /// <summary>The Service's virtual address of this family.</summary>
    public required IPAddress ClusterAddress { get; init; }

    public required ushort Port { get; init; }

    /// <summary>Zero where the Service has none.</summary>
    public ushort NodePort { get; init; }

    /// <summary>Where it is reached from outside the cluster, besides the node port; sorted.</summary>
    public EquatableArray<OutsideAddress> OutsideAddresses { get; init; }

    /// <summary>Who may use a load balancer's addresses; empty for everybody (spec.loadBalancerSourceRanges).</summary>
    public EquatableArray<IPNetwork> SourceRanges { get; init; }

    /// <summary>Which endpoints may answer on the cluster address.</summary>
    public TrafficPolicy InternalPolicy { get; init; }

    /// <summary>Which endpoints may answer to traffic from outside, on the node port and the addresses outside of the cluster's.</summary>
    public TrafficPolicy ExternalPolicy { get; init; }

    /// <summary>How long a client stays with its endpoint; null without session affinity.</summary>
    public TimeSpan? Affinity { get; init; }

    /// <summary>Usable endpoints anywhere in the cluster.</summary>
    public EquatableArray<Backend> Backends { get; init; }

    /// <summary>Usable endpoints on this node; filled where one of the policies is <see cref="TrafficPolicy.Local"/>.</summary>
    public EquatableArray<Backend> LocalBackends { get; init; }
}
