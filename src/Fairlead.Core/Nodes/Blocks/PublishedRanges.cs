using System.Net;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;

namespace Fairlead.Core.Nodes.Blocks;

/// <summary>The pod ranges that a node has taken itself, as it publishes them on its Node object.</summary>
/// <remarks>
/// <c>spec.podCIDRs</c> cannot hold them: Kubernetes lets it be set once, and to one range of each family. The others need only follow
/// the Nodes, as they do anyway.
/// </remarks>
public static class PublishedRanges
{
    public const string Annotation = "fairlead.dev/pod-ranges";

    public static string Format(IEnumerable<IPNetwork> ranges) => string.Join(',', PodRanges.Sorted(ranges));

    /// <summary>The node as it would be if the cluster had given it the ranges that it has taken.</summary>
    public static Node AsSpec(Node node)
    {
        var text = node.Metadata.Annotations.Find(Annotation) ?? "";
        var ranges = text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).ToEquatableArray();
        return node with { Spec = node.Spec with { PodCIDR = ranges.IsEmpty ? "" : ranges[0], PodCIDRs = ranges } };
    }
}
