using System.Net;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;

namespace Fairlead.Core.Nodes.Blocks;

/// <summary>A block and the node that holds it, as its object in the API says.</summary>
/// <remarks>
/// The object is a Lease whose name is the block: two nodes cannot create the same one, and that is all there is to it. Nobody renews it;
/// a node that is silent keeps what it has. It is free once the Node object with that name and uid is gone.
/// </remarks>
/// <param name="Block">The block.</param>
/// <param name="Node">The name of the node that holds it.</param>
/// <param name="NodeUid">The uid of its Node object: another one of the same name is another node.</param>
/// <param name="Lease">The object.</param>
public sealed record BlockRecord(IPNetwork Block, string Node, string NodeUid, Lease Lease)
{
    /// <summary>Where the objects are: the namespace that every cluster has.</summary>
    public const string Namespace = "kube-system";

    public const string NamePrefix = "fairlead-block-";

    /// <summary>Says that blocks are given out, and of which size: it is made once, before the first block.</summary>
    public const string PoolName = "fairlead-blocks";

    public const string KindLabel = "fairlead.dev/ipam";

    public const string NodeLabel = "fairlead.dev/node";

    public const string BlockAnnotation = "fairlead.dev/block";

    public const string UidAnnotation = "fairlead.dev/node-uid";

    /// <summary>All blocks.</summary>
    public const string Selector = $"{KindLabel}=block";

    /// <summary>The object of a block, to be created.</summary>
    public static BlockRecord Of(IPNetwork block, string node, string uid, DateTimeOffset now) => new(block, node, uid, new Lease
    {
        Metadata = new()
        {
            Name = NamePrefix + BlockPool.NameOf(block),
            Namespace = Namespace,
            Labels = EquatableMap.Of((KindLabel, "block"), (NodeLabel, Label(node))),
            Annotations = EquatableMap.Of((BlockAnnotation, block.ToString()), (UidAnnotation, uid)),
        },
        Spec = new() { HolderIdentity = node, AcquireTime = now },
    });

    /// <summary>What an object says; null where it is none of a block.</summary>
    public static BlockRecord? TryRead(Lease lease)
        => lease.Metadata.Name.StartsWith(NamePrefix, StringComparison.Ordinal)
            && IPNetwork.TryParse(lease.Metadata.Annotations.Find(BlockAnnotation), out var block)
            && lease.Metadata.Name == NamePrefix + BlockPool.NameOf(block)
            ? new(block, lease.Spec.HolderIdentity ?? "", lease.Metadata.Annotations.Find(UidAnnotation) ?? "", lease)
            : null;

    /// <summary>The blocks of one node.</summary>
    public static string SelectorOf(string node) => $"{Selector},{NodeLabel}={Label(node)}";

    /// <summary>A node's name may be longer than a label's value; the holder in the spec decides, the label only finds.</summary>
    private static string Label(string node) => node.Length <= 63 ? node : node[..63].TrimEnd('.', '-', '_');
}
