using System.Collections.Immutable;
using System.Net;
using Fairlead.Core.Services;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;

namespace Fairlead.Core.Policy;

/// <summary>Whether a policy is about connections that come to a pod or about those that it makes.</summary>
public enum PolicyDirection
{
    Ingress,
    Egress,
}

/// <summary>What the policies of a cluster mean on one node, at one instant.</summary>
/// <remarks>Immutable. Made by <see cref="PolicySource"/>; the sets of addresses that did not change are the same objects in the next table.</remarks>
public sealed record PolicyTable
{
    /// <summary>Before the first lists have come: says nothing about any pod, so nothing may be cleared by it.</summary>
    public static PolicyTable Unknown { get; } = new();

    /// <summary>A cluster without policies.</summary>
    public static PolicyTable None { get; } = new() { IsKnown = true };

    public bool IsKnown { get; init; }

    /// <summary>Grows from each table to the next.</summary>
    public long Revision { get; init; }

    /// <summary>The pods of this node that some policy selects, in order of their names.</summary>
    public ImmutableArray<IsolatedPod> Pods { get; init; } = [];

    /// <summary>The policies of those pods, in order.</summary>
    public ImmutableArray<CompiledPolicy> Policies { get; init; } = [];

    /// <summary>The addresses of the pods that selectors in those policies' rules choose, by <see cref="ConnectionRule.Pods"/>.</summary>
    public ImmutableSortedDictionary<string, ImmutableArray<IPAddress>> Groups { get; init; } = ImmutableSortedDictionary.Create<string, ImmutableArray<IPAddress>>(StringComparer.Ordinal);

    /// <summary>For each name of a port in those policies' rules, every pod's port of that name.</summary>
    public ImmutableSortedDictionary<(string Name, Protocol Protocol), ImmutableArray<(IPAddress Address, ushort Port)>> NamedPorts { get; init; }
        = ImmutableSortedDictionary<(string Name, Protocol Protocol), ImmutableArray<(IPAddress Address, ushort Port)>>.Empty;

    /// <summary>What is wrong in policies; the rest of each is in force.</summary>
    public ImmutableArray<PolicyDiagnostic> Diagnostics { get; init; } = [];
}

/// <summary>A pod of this node that policies select. A direction that no policy is about is open.</summary>
/// <param name="Ingress">Policies about connections to it, in order.</param>
/// <param name="Egress">Policies about its own connections, in order.</param>
public sealed record IsolatedPod(ObjectKey Pod, EquatableArray<PodAddress> Addresses, EquatableArray<ObjectKey> Ingress, EquatableArray<ObjectKey> Egress);

/// <summary>The rules of a policy in one direction; a connection that meets one of them is allowed.</summary>
public sealed record CompiledPolicy(ObjectKey Name, PolicyDirection Direction, EquatableArray<ConnectionRule> Rules);

/// <summary>One rule: peers and ports, which both must fit.</summary>
/// <param name="AnyPeer">Whether everybody fits.</param>
/// <param name="Pods">The key in <see cref="PolicyTable.Groups"/> of the pods that fit; null for none.</param>
/// <param name="Blocks">The addresses that fit besides.</param>
/// <param name="AnyPort">Whether every port of every protocol fits.</param>
/// <param name="Ports">The ports that fit by number.</param>
/// <param name="Names">The ports that fit by name.</param>
public sealed record ConnectionRule(
    bool AnyPeer, string? Pods, EquatableArray<AddressRange> Blocks, bool AnyPort, EquatableArray<PortRange> Ports, EquatableArray<(string Name, Protocol Protocol)> Names);

/// <summary>Ports of one protocol from the first to the last, both included.</summary>
public readonly record struct PortRange(Protocol Protocol, ushort First, ushort Last);

/// <summary>Something in a policy that cannot be.</summary>
public sealed record PolicyDiagnostic(ObjectKey Policy, string Reason, string Message);
