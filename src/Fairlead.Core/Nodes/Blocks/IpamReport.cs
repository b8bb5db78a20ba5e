using System.Net;
using Fairlead.Core.Services;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;

namespace Fairlead.Core.Nodes.Blocks;

/// <summary>A range of pod addresses, who has it and how much of it is in use.</summary>
/// <param name="Range">The range.</param>
/// <param name="Node">The node that has it.</param>
/// <param name="Source"><c>cluster</c> (spec.podCIDRs) or <c>fairlead</c> (a block that the node took).</param>
/// <param name="Used">How many pods' addresses the API knows in it.</param>
/// <param name="Capacity">How many there can be.</param>
public sealed record IpamRange(IPNetwork Range, string Node, string Source, int Used, long Capacity);

/// <summary>Something that is wrong with who has which address.</summary>
/// <param name="Kind"><c>leak</c> or <c>conflict</c>.</param>
/// <param name="Message">What, where and what to do.</param>
/// <param name="Block">The block that is leaked; null where it is something else.</param>
public sealed record IpamFinding(string Kind, string Message, BlockRecord? Block = null);

/// <summary>Who has which pod addresses in the whole cluster, and what is wrong with it.</summary>
public sealed record IpamReport(EquatableArray<IpamRange> Ranges, EquatableArray<IpamFinding> Findings)
{
    public static IpamReport Compile(IReadOnlyCollection<Node> nodes, IReadOnlyCollection<Pod> pods, IReadOnlyCollection<BlockRecord> blocks)
    {
        var addresses = pods.Where(HasAddress)
            .SelectMany(p => p.Status.PodIPs.Select(ip => (Pod: p, Address: IPAddress.TryParse(ip.Ip, out var a) ? a : null)))
            .Where(p => p.Address is not null).Select(p => (p.Pod, Address: p.Address!)).ToList();
        var ranges = nodes.SelectMany(RangesOf).OrderBy(r => r.Node, StringComparer.Ordinal).ThenBy(r => r.Range.BaseAddress.Family)
            .ThenBy(r => r.Range.ToString(), StringComparer.Ordinal)
            .Select(r => new IpamRange(r.Range, r.Node, r.Source, addresses.Count(a => r.Range.Contains(a.Address)), BlockPool.Capacity(r.Range))).ToList();
        return new(ranges.ToEquatableArray(), Leaks(nodes, blocks).Concat(Conflicts(ranges, addresses, blocks)).ToEquatableArray());
    }

    private static IEnumerable<(IPNetwork Range, string Node, string Source)> RangesOf(Node node)
    {
        var own = node.Metadata.Annotations.ContainsKey(PublishedRanges.Annotation);
        var spec = own ? PublishedRanges.AsSpec(node).Spec : node.Spec;
        foreach (var text in spec.PodCIDRs.IsEmpty && spec.PodCIDR.Length > 0 ? [spec.PodCIDR] : spec.PodCIDRs)
        {
            if (IPNetwork.TryParse(text, out var range))
            {
                yield return (range, node.Metadata.Name, own ? "fairlead" : "cluster");
            }
        }
    }

    private static IEnumerable<IpamFinding> Leaks(IReadOnlyCollection<Node> nodes, IReadOnlyCollection<BlockRecord> blocks)
    {
        var live = nodes.ToDictionary(n => n.Metadata.Name, n => n.Metadata.Uid, StringComparer.Ordinal);
        return blocks.Where(b => live.GetValueOrDefault(b.Node) != b.NodeUid).OrderBy(b => b.Lease.Metadata.Name, StringComparer.Ordinal)
            .Select(b => new IpamFinding("leak", $"block {b.Block} is held by node {b.Node}, which is gone; fairlead ipam reclaim frees it", b));
    }

    private static IEnumerable<IpamFinding> Conflicts(List<IpamRange> ranges, List<(Pod Pod, IPAddress Address)> addresses, IReadOnlyCollection<BlockRecord> blocks)
    {
        for (var i = 0; i < ranges.Count; i++)
        {
            foreach (var other in ranges.Skip(i + 1).Where(o => o.Node != ranges[i].Node && PodRanges.Overlap(o.Range, ranges[i].Range)))
            {
                yield return new("conflict", $"nodes {ranges[i].Node} ({ranges[i].Range}) and {other.Node} ({other.Range}) have overlapping ranges; delete the Node object of one and let it register again");
            }
        }

        foreach (var range in ranges.Where(r => r.Source == "fairlead" && !blocks.Any(b => b.Block == r.Range && b.Node == r.Node)))
        {
            yield return new("conflict", $"node {range.Node} uses block {range.Range}, which it does not hold; restart its agent, which takes it or another");
        }

        foreach (var shared in addresses.GroupBy(a => a.Address).Where(g => g.Count() > 1).OrderBy(g => g.Key.ToString(), StringComparer.Ordinal))
        {
            yield return new("conflict", $"pods {string.Join(", ", shared.Select(a => Name(a.Pod)).Order(StringComparer.Ordinal))} all have {shared.Key}; delete all but one");
        }

        var byNode = ranges.ToLookup(r => r.Node, StringComparer.Ordinal);
        foreach (var (pod, address) in addresses.OrderBy(a => Name(a.Pod), StringComparer.Ordinal))
        {
            var mine = byNode[pod.Spec.NodeName ?? ""].Where(r => r.Range.BaseAddress.Family == address.Family).ToList();
            if (mine.Count > 0 && !mine.Exists(r => r.Range.Contains(address)))
            {
                yield return new("conflict", $"pod {Name(pod)} has {address}, which is in no range of its node {pod.Spec.NodeName} ({string.Join(", ", mine.Select(r => r.Range))}); delete it, its successor gets one");
            }
        }
    }

    private static bool HasAddress(Pod pod) => pod.Spec.HostNetwork != true && pod.Status.Phase is not ("Succeeded" or "Failed");

    private static string Name(Pod pod) => $"{pod.Metadata.Namespace}/{pod.Metadata.Name}";
}
