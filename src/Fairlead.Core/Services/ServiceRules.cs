using Fairlead.Kube.Objects;
using Fairlead.Kube.State;

namespace Fairlead.Core.Services;

/// <summary>A mistake in a user's object that the rest goes on without: what, and what was done about it.</summary>
/// <param name="Reason">One CamelCase word, for Events.</param>
/// <param name="Message">A sentence for people.</param>
public readonly record struct ServiceDiagnostic(string Reason, string Message);

/// <summary>All that one Service means on one node.</summary>
public sealed record ServiceRules(ObjectKey Service)
{
    public EquatableArray<ServicePortRule> Ports { get; init; }

    /// <summary>Where load balancers ask whether this node has endpoints; 0 for nowhere.</summary>
    public ushort HealthCheckNodePort { get; init; }

    /// <summary>How many of its endpoints on this node are ready.</summary>
    public int LocalReady { get; init; }

    public EquatableArray<ServiceDiagnostic> Diagnostics { get; init; }

    /// <summary>When the newest change of its endpoints happened in the cluster, where the slices tell: the start of the
    /// clock of <c>network_programming_duration_seconds</c>.</summary>
    public DateTimeOffset? Triggered { get; init; }
}
