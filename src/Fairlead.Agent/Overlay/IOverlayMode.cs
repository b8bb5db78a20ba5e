using System.Net;
using Fairlead.Agent.Problems;
using Fairlead.Core.Nodes;
using Fairlead.Kube.State;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Agent.Overlay;

/// <summary>One way for packets between nodes: what it needs in the kernel besides routes, and the routes that use it.</summary>
/// <remarks>
/// A mode reads back what is there and writes differences only, so that an agent that starts anew changes nothing. The order of the three
/// steps leaves no instant without a way: first what lets packets through, then the routes, then what is no longer wanted goes.
/// </remarks>
internal interface IOverlayMode
{
    OverlayKind Kind { get; }

    /// <summary>The name of its interface, where it has one; all routes on it are ours.</summary>
    string? LinkName { get; }

    /// <summary>What a packet may have at most to get to any node whole.</summary>
    int Mtu(Underlays underlays);

    /// <summary>Makes what lets packets through.</summary>
    OverlayWays Prepare(OverlayView view);

    /// <summary>Removes what is of nodes that are gone. Called with the routes in force.</summary>
    void Trim(OverlayView view);

    /// <summary>Removes everything of this mode's but routes on the underlay.</summary>
    void Remove(RouteSocket routes);
}

/// <summary>What a mode sees: the kernel, and who is to be reached.</summary>
internal sealed record OverlayView(RouteSocket Routes, NodeSelf Self, EquatableArray<NodePeer> Peers, Underlays Underlays)
{
    /// <summary>Each range of each peer.</summary>
    public IEnumerable<(NodePeer Peer, IPNetwork Range)> Ranges => Peers.SelectMany(p => p.PodRanges.Select(r => (p, r)));

    /// <summary>The straight route to a range; null where a router is between, or the interface is down (then it would be refused).</summary>
    public Route? Direct(NodePeer peer, IPNetwork range)
        => Underlays.Direct(peer, range) is { By.Up: true } way ? new Route(range) { Gateway = way.Gateway, Link = way.By.Link, OnLink = true } : null;
}

/// <summary>The routes of a mode, and what keeps it from having more.</summary>
/// <param name="PublicKey">What peers must know to send to this node, where that is a key.</param>
internal sealed record OverlayWays(IReadOnlyList<Route> Routes, IReadOnlyList<Problem> Problems, string? PublicKey = null);

/// <summary>The way packets to other nodes take, as it was brought about.</summary>
internal sealed record OverlayInForce(NodeTopology Topology, OverlayKind Kind, int Mtu, Underlays Underlays, string? PublicKey)
{
    /// <summary>Before anything was: of no topology that has this node in it.</summary>
    public static OverlayInForce NotYet { get; } = new(NodeTopology.Unknown, OverlayKind.None, 0, new(null, null), null);

    /// <summary>The interface that other nodes are reached by through a tunnel, where there is one.</summary>
    public string? LinkName { get; init; }
}
