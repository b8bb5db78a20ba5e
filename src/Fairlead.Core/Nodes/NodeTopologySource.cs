using System.Net;
using Fairlead.Core.Services;
using Fairlead.Kube.Informers;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;

namespace Fairlead.Core.Nodes;

/// <summary>Follows the store of Nodes and keeps the topology of it; a node's heartbeat costs nothing.</summary>
/// <remarks>Not for several threads at once: one loop owns it.</remarks>
public sealed class NodeTopologySource(string self, params IPNetwork[] clusterRanges)
{
    /// <summary>The name of the node whose view it is.</summary>
    public string Self => self;

    private Store<Node> _nodes = Store.Empty<Node>();

    /// <summary>The topology of what <see cref="Update"/> was last given.</summary>
    public NodeTopology Topology { get; private set; } = NodeTopology.Unknown;

    /// <summary>Takes the newest store in. The result is the same object while it means the same.</summary>
    public NodeTopology Update(Store<Node> nodes)
    {
        if (!nodes.Synced)
        {
            return Topology;
        }

        var isNews = !Topology.IsKnown || nodes.ChangesSince(_nodes).Any(key => !Equals(nodes.Find(key), _nodes.Find(key)));
        _nodes = nodes;
        if (isNews)
        {
            var next = NodeTopologyCompiler.Compile(nodes.Values, self, clusterRanges);
            Topology = next.Equals(Topology) ? Topology : next;
        }

        return Topology;
    }

    /// <summary>Cuts a Node down to what the topology and the health answers are made of.</summary>
    /// <remarks>The version goes too, so that two states of a node that mean the same are equal.</remarks>
    public static Node Trim(Node node) => new()
    {
        Metadata = new ObjectMeta
        {
            Name = node.Metadata.Name,
            Uid = node.Metadata.Uid,
            DeletionTimestamp = node.Metadata.DeletionTimestamp,
            Labels = EquatableMap.Create(node.Metadata.Labels.Where(l => l.Key == NodeFacts.ZoneLabel)),
            Annotations = EquatableMap.Create(node.Metadata.Annotations.Where(a => NodeAnnotations.All.Contains(a.Key, StringComparer.Ordinal))),
        },
        Spec = new NodeSpec { PodCIDR = node.Spec.PodCIDR, PodCIDRs = node.Spec.PodCIDRs, Taints = node.Spec.Taints },
        Status = new NodeStatus { Addresses = node.Status.Addresses },
    };
}
