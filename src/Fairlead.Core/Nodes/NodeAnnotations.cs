using Fairlead.Core.Nodes.Blocks;

namespace Fairlead.Core.Nodes;

/// <summary>What an agent says of its node to the others, on the Node object. The hardware address is <see cref="VtepAddress.Annotation"/>, the ranges are <see cref="PublishedRanges.Annotation"/>.</summary>
public static class NodeAnnotations
{
    /// <summary>How it carries packets to other nodes' pods.</summary>
    public const string Overlay = "fairlead.dev/overlay";

    /// <summary>The key by which others encrypt for it.</summary>
    public const string WireGuardKey = "fairlead.dev/wireguard-public-key";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<string> All { get; } = [VtepAddress.Annotation, Overlay, WireGuardKey, PublishedRanges.Annotation];
}
