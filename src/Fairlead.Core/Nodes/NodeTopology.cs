using System.Net;
using System.Net.NetworkInformation;
using Fairlead.Kube.State;

namespace Fairlead.Core.Nodes;

/// <summary>A mistake in a Node object, or a disagreement between several, that the rest goes on without.</summary>
/// <param name="Node">The node it is about.</param>
/// <param name="Reason">One CamelCase word, for Events.</param>
/// <param name="Message">A sentence for people.</param>
public readonly record struct NodeDiagnostic(string Node, string Reason, string Message);

/// <summary>This node: what it must know of itself to be part of the pod network.</summary>
/// <param name="Name">The name of its Node object.</param>
/// <param name="Addresses">Where it is on the underlay.</param>
/// <param name="PodRanges">The addresses of its pods: at least one range, of either family or both, sorted.</param>
/// <param name="Vtep">The hardware address of its end of the overlay, derived from its name.</param>
/// <param name="Published">What its Node object says that address is; null before it was published.</param>
public sealed record NodeSelf(
    string Name, NodeAddresses Addresses, EquatableArray<IPNetwork> PodRanges, PhysicalAddress Vtep, PhysicalAddress? Published)
{
    /// <summary>What its Node object says of how it carries packets; null before it was published.</summary>
    public string? PublishedOverlay { get; init; }

    /// <summary>What its Node object says is its key.</summary>
    public string? PublishedKey { get; init; }
}

/// <summary>Another node that takes part in the pod network.</summary>
/// <param name="Name">The name of its Node object.</param>
/// <param name="Addresses">Where it is on the underlay.</param>
/// <param name="PodRanges">The addresses of its pods: at least one range, of either family or both, sorted.</param>
/// <param name="Vtep">The hardware address of its end of the overlay.</param>
public sealed record NodePeer(string Name, NodeAddresses Addresses, EquatableArray<IPNetwork> PodRanges, PhysicalAddress Vtep)
{
    /// <summary>How it says that it carries packets to others; null where its agent does not say.</summary>
    public string? Overlay { get; init; }

    /// <summary>The key by which to encrypt for it, as it says; null where it has none.</summary>
    public string? WireGuardKey { get; init; }
}

/// <summary>Who takes part in the pod network, seen from one node, at one instant.</summary>
public sealed record NodeTopology
{
    /// <summary>Before the first list of Nodes has come: says nothing about any node, so nothing may be cleared by it.</summary>
    public static NodeTopology Unknown { get; } = new();

    public bool IsKnown { get; init; }

    /// <summary>Null while this node has no object, no address or no range: <see cref="Diagnostics"/> says which.</summary>
    public NodeSelf? Self { get; init; }

    /// <summary>The others, sorted by name.</summary>
    public EquatableArray<NodePeer> Peers { get; init; }

    public EquatableArray<NodeDiagnostic> Diagnostics { get; init; }
}
