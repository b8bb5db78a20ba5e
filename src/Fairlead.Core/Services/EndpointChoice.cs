using Fairlead.Kube.Objects;
using Fairlead.Kube.State;

namespace Fairlead.Core.Services;

/// <summary>An endpoint with what decides whether it is used.</summary>
internal readonly record struct EndpointCandidate(Backend Backend, bool Ready, bool ServingTerminating)
{
    /// <summary>The zones whose nodes should use it; empty for no hint.</summary>
    public EquatableArray<NamedHint> Zones { get; init; }

    /// <summary>The nodes that should use it; empty for no hint.</summary>
    public EquatableArray<NamedHint> Nodes { get; init; }
}

/// <summary>Which endpoints answer: by readiness, by where they are, and by the hints of trafficDistribution (KEP-4444, KEP-3015).</summary>
internal static class EndpointChoice
{
    /// <summary>Endpoints for traffic that may go anywhere in the cluster.</summary>
    /// <remarks>
    /// Ready ones that the hints give to this node or its zone; failing any ready one, those that are terminating but still serve
    /// (KEP-1669). Hints count only where every ready endpoint has one and some are for us: half of them would overload the few.
    /// </remarks>
    public static EquatableArray<Backend> Cluster(List<EndpointCandidate> all, NodeFacts node)
    {
        var ready = all.Where(c => c.Ready).ToList();
        if (ready.Count == 0)
        {
            return Sorted(all.Where(c => c.ServingTerminating));
        }

        if (ready.TrueForAll(c => !c.Nodes.IsEmpty) && ready.Exists(IsForNode))
        {
            return Sorted(ready.Where(c => IsForNode(c)));
        }

        return ready.TrueForAll(c => !c.Zones.IsEmpty) && ready.Exists(IsForZone) ? Sorted(ready.Where(c => IsForZone(c))) : Sorted(ready);

        bool IsForNode(EndpointCandidate candidate) => candidate.Nodes.Any(h => h.Name == node.Name);

        bool IsForZone(EndpointCandidate candidate) => node.Zone is { } zone && candidate.Zones.Any(h => h.Name == zone);
    }

    /// <summary>Endpoints of this node, whatever the hints say.</summary>
    public static EquatableArray<Backend> Local(List<EndpointCandidate> all)
    {
        var local = all.Where(c => c.Backend.IsLocal).ToList();
        return Sorted(local.Exists(c => c.Ready) ? local.Where(c => c.Ready) : local.Where(c => c.ServingTerminating));
    }

    /// <summary>How many of a Service's endpoints on this node are ready, for its health check: terminating ones are not.</summary>
    public static int LocalReady(List<EndpointSlice> slices, NodeFacts node) => slices
        .SelectMany(s => s.Endpoints)
        .Where(e => e.NodeName == node.Name && (e.Conditions.Ready ?? true) && !e.Addresses.IsEmpty)
        .Select(e => e.Addresses[0])
        .Distinct(StringComparer.Ordinal)
        .Count();

    private static EquatableArray<Backend> Sorted(IEnumerable<EndpointCandidate> candidates)
    {
        var sorted = candidates.Select(c => c.Backend).ToArray();
        Array.Sort(sorted, static (a, b) => Compare(a, b));

        // The same endpoint may stand in two slices for a moment (EndpointSlice API, "duplicate endpoints"); it counts once,
        // or it would get twice its share.
        var unique = new List<Backend>(sorted.Length);
        foreach (var backend in sorted)
        {
            if (unique.Count == 0 || unique[^1].Port != backend.Port || !unique[^1].Address.Equals(backend.Address))
            {
                unique.Add(backend);
            }
        }

        return unique.ToEquatableArray();
    }

    private static int Compare(Backend a, Backend b)
    {
        Span<byte> left = stackalloc byte[16];
        Span<byte> right = stackalloc byte[16];
        _ = a.Address.TryWriteBytes(left, out var leftLength);
        _ = b.Address.TryWriteBytes(right, out var rightLength);
        var order = left[..leftLength].SequenceCompareTo(right[..rightLength]);
        order = order != 0 ? order : a.Port.CompareTo(b.Port);

        // Of two with the same address the local one first: where slices disagree, knowing the node is the better knowledge.
        return order != 0 ? order : b.IsLocal.CompareTo(a.IsLocal);
    }
}
