using System.Net;
using Fairlead.Agent.Problems;
using Fairlead.Core.Nodes;
using Fairlead.Kube.State;

namespace Fairlead.Agent.Ipam;

/// <summary>Whether this node may use its pod ranges: not where Services, the machine's own networks or somebody's routes have them.</summary>
/// <remarks>
/// Asked before a range is first used; nothing is made of one that is refused. A range in use stays in use: pods have its addresses, and
/// a route that comes later is told of, but cutting the pods off would not mend it.
/// </remarks>
internal static class RangeGuard
{
    /// <summary>The topology to bring about, and what is wrong with the ranges that it was to have.</summary>
    /// <param name="topology">What the Nodes say.</param>
    /// <param name="inUse">The ranges that this node's pods have had already.</param>
    /// <param name="services">The ranges of Services.</param>
    /// <param name="host">What this machine uses.</param>
    public static (NodeTopology Topology, IReadOnlyList<Problem> Problems) Check(
        NodeTopology topology, EquatableArray<IPNetwork> inUse, EquatableArray<IPNetwork> services, IReadOnlyList<HostRange> host)
    {
        if (topology.Self is not { } self)
        {
            return (topology, []);
        }

        var problems = new List<Problem>();
        var kept = new List<IPNetwork>();
        foreach (var range in self.PodRanges)
        {
            var stays = inUse.Contains(range);
            var found = Faults(self.Name, range, services, host).Select(p => p with { Blocks = !stays }).ToList();
            problems.AddRange(found);
            if (stays || found.Count == 0)
            {
                kept.Add(range);
            }
        }

        // One family that is refused keeps the other back too: a pod with half of its addresses would be a surprise.
        return kept.Count == self.PodRanges.Length || (!inUse.IsEmpty && kept.Count > 0)
            ? (kept.Count == self.PodRanges.Length ? topology : topology with { Self = self with { PodRanges = PodRanges.Sorted(kept) } }, problems)
            : (topology with { Self = null }, problems);
    }

    private static IEnumerable<Problem> Faults(string node, IPNetwork range, EquatableArray<IPNetwork> services, IReadOnlyList<HostRange> host)
    {
        foreach (var service in services.Where(s => PodRanges.Overlap(s, range)))
        {
            yield return new(
                "PodRangeOverlapsServices",
                $"pod range {range} of node {node} overlaps the Services' {service}; give the node another range (spec.podCIDRs, or --cluster-cidr) or start all agents with the right --service-cidr");
        }

        // The most telling one is enough: a route to a network on the link says what the address has said.
        foreach (var other in host.Where(h => PodRanges.Overlap(h.Network, range)).OrderByDescending(h => h.IsUnderlay).Take(1))
        {
            yield return new(
                other.IsUnderlay ? "PodRangeOverlapsUnderlay" : "PodRangeOverlapsRoute",
                $"pod range {range} of node {node} overlaps {other.What}: what is there could not be reached from here any more; give the node another range (spec.podCIDRs, or --cluster-cidr), or remove "
                + (other.IsUnderlay ? "that address" : "that route"));
        }
    }
}
