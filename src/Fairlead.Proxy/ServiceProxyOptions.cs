using System.Net;
using Fairlead.Core.Services;
using Fairlead.Kube.State;
using Fairlead.Linux.Namespaces;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fairlead.Proxy;

/// <summary>What the service proxy of a node is told.</summary>
public sealed record ServiceProxyOptions
{
    /// <summary>The name of this node's object: which endpoints are local follows from it.</summary>
    public string NodeName { get; init; } = "";

    /// <summary>
    /// Who is inside, at most one range of each family: traffic to a virtual address from anywhere else gets this node's address, so
    /// that answers come back through it. A family with neither a range here nor one in <see cref="ServiceCidrs"/> is not served.
    /// </summary>
    public EquatableArray<IPNetwork> ClusterCidrs { get; init; } = [IPNetwork.Parse("10.32.0.0/12")];

    /// <summary>The ranges of virtual addresses: one that no Service has leads nowhere. Empty where they are not known.</summary>
    public EquatableArray<IPNetwork> ServiceCidrs { get; init; }

    /// <summary>Ranges that spec.externalIPs may be of; none by default.</summary>
    public EquatableArray<IPNetwork> ExternalIPs { get; init; }

    /// <summary>The node's network; null for this process's own.</summary>
    public NetworkNamespace? Network { get; init; }

    public TimeProvider Time { get; init; } = TimeProvider.System;

    public ILoggerFactory Loggers { get; init; } = NullLoggerFactory.Instance;

    internal IEnumerable<IPFamily> Families => ClusterCidrs.Concat(ServiceCidrs).Select(r => r.BaseAddress.Family).Distinct().Order();
}
