using System.Collections.Immutable;
using Fairlead.Dns.Wire;

namespace Fairlead.Dns.Plugins.Kubernetes;

/// <summary>How names of pods' addresses (<c>10-32-0-5.default.pod.cluster.local</c>) are answered.</summary>
internal enum PodMode
{
    /// <summary>No such names.</summary>
    Disabled,

    /// <summary>Any address in the name is believed: kube-dns's old way.</summary>
    Insecure,

    /// <summary>Only where a pod of the namespace has the address.</summary>
    Verified,
}

/// <summary>Everything a cluster's zone depends on beside the cluster's objects.</summary>
/// <param name="Zones">The forward zones; the first is the one that PTR records point into.</param>
/// <param name="Namespaces">The namespaces to serve; empty for all.</param>
internal sealed record ZoneSettings(ImmutableArray<DnsName> Zones, uint Ttl, PodMode Pods, ImmutableSortedSet<string> Namespaces)
{
    /// <summary>Endpoints without a hostname are named after their pod (<c>endpoint_pod_names</c>).</summary>
    public bool EndpointPodNames { get; init; }

    /// <summary>Endpoints are not looked at (<c>noendpoints</c>).</summary>
    public bool NoEndpoints { get; init; }

    /// <summary>Services without a ready endpoint do not exist (<c>ignore empty_service</c>).</summary>
    public bool IgnoreEmptyServices { get; init; }

    public bool Serves(string ns) => Namespaces.IsEmpty || Namespaces.Contains(ns);
}
