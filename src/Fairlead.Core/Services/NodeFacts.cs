using System.Net;
using Fairlead.Kube.State;

namespace Fairlead.Core.Services;

/// <summary>What the meaning of a Service depends on at the node that looks at it.</summary>
/// <param name="Name">The node's name: which endpoints are local follows from it.</param>
/// <param name="Zone">Its label <c>topology.kubernetes.io/zone</c>: whose hints are for it; null where it has none.</param>
public sealed record NodeFacts(string Name, string? Zone = null)
{
    /// <summary>The node's label that names its zone.</summary>
    public const string ZoneLabel = "topology.kubernetes.io/zone";

    /// <summary>Ranges that spec.externalIPs may be of; none are taken by default, since the field lets a namespace's user take any address (CVE-2020-8554).</summary>
    public EquatableArray<IPNetwork> ExternalIPs { get; init; }
}
