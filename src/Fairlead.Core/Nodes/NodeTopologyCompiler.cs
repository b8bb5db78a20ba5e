using System.Net;
using Fairlead.Core.Services;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;

namespace Fairlead.Core.Nodes;

/// <summary>Turns all Node objects into the topology that one node sees.</summary>
/// <remarks>
/// Total: a node that makes no sense is left out with a diagnostic. Where two nodes claim overlapping ranges the one whose name
/// sorts first keeps it on every node alike, except that a node never gives up its own.
/// </remarks>
public static class NodeTopologyCompiler
{
    /// <summary>The topology that a node sees.</summary>
    /// <param name="clusterRanges">The cluster's, of either family or both.</param>
    public static NodeTopology Compile(IEnumerable<Node> nodes, string self, params ReadOnlySpan<IPNetwork> clusterRanges)
    {
        var diagnostics = new List<NodeDiagnostic>();
        var claims = new List<(string Node, IPNetwork Range)>();
        var ordered = nodes.OrderBy(n => n.Metadata.Name, StringComparer.Ordinal).ToList();
        var here = ordered.Find(n => n.Metadata.Name == self);
        NodeSelf? me = null;
        if (here is null)
        {
            diagnostics.Add(new(self, "NodeNotFound", $"there is no Node object {self}: register the node, or start the agent with the name of one that is"));
        }
        else if (Read(here, diagnostics) is { } facts)
        {
            me = new NodeSelf(self, facts.Addresses, facts.Ranges, VtepAddress.Of(self), VtepAddress.TryParse(here.Metadata.Annotations.Find(VtepAddress.Annotation)))
            {
                PublishedOverlay = here.Metadata.Annotations.Find(NodeAnnotations.Overlay), PublishedKey = here.Metadata.Annotations.Find(NodeAnnotations.WireGuardKey),
            };
            claims.AddRange(facts.Ranges.Select(r => (self, r)));
            foreach (var cluster in clusterRanges)
            {
                foreach (var range in facts.Ranges.Of(cluster.BaseAddress.Family).Where(r => !PodRanges.Holds(cluster, r)))
                {
                    diagnostics.Add(new(self, "PodRangeOutsideCluster",
                        $"pod range {range} is not inside the cluster's {cluster}: traffic between such pods and the rest is masqueraded; start the agent with the right --cluster-cidr"));
                }
            }
        }

        var peers = new List<NodePeer>();
        foreach (var node in ordered.Where(n => n.Metadata.Name != self))
        {
            if (Peer(node, me, claims, diagnostics) is { } peer)
            {
                peers.Add(peer);
                claims.AddRange(peer.PodRanges.Select(r => (peer.Name, r)));
            }
        }

        return new NodeTopology { IsKnown = true, Self = me, Peers = peers.ToEquatableArray(), Diagnostics = diagnostics.ToEquatableArray() };
    }

    private static NodePeer? Peer(Node node, NodeSelf? self, List<(string Node, IPNetwork Range)> claims, List<NodeDiagnostic> diagnostics)
    {
        var name = node.Metadata.Name;
        if (Read(node, diagnostics) is not { } facts)
        {
            return null;
        }

        var free = facts.Ranges.Where(r => IsFree(name, r, self?.Name, claims, diagnostics)).ToEquatableArray();
        if (free.IsEmpty)
        {
            return null;
        }

        if (self is not null && facts.Addresses.Overlap(self.Addresses))
        {
            diagnostics.Add(new(name, "NodeAddressClaimedTwice", $"node {name} has this node's own address {facts.Addresses}; it gets no route"));
            return null;
        }

        var annotation = node.Metadata.Annotations.Find(VtepAddress.Annotation);
        if (annotation is null)
        {
            diagnostics.Add(new(name, "PeerNotReady", $"node {name} has not published its overlay address yet; it gets a route when it has"));
            return null;
        }

        if (VtepAddress.TryParse(annotation) is not { } vtep)
        {
            diagnostics.Add(new(name, "InvalidVtep", $"annotation {VtepAddress.Annotation} of node {name} is \"{annotation}\", which is no hardware address; it gets no route"));
            return null;
        }

        return new NodePeer(name, facts.Addresses, free, vtep)
        {
            Overlay = node.Metadata.Annotations.Find(NodeAnnotations.Overlay), WireGuardKey = node.Metadata.Annotations.Find(NodeAnnotations.WireGuardKey),
        };
    }

    private static bool IsFree(string name, IPNetwork range, string? self, List<(string Node, IPNetwork Range)> claims, List<NodeDiagnostic> diagnostics)
    {
        if (claims.Find(c => PodRanges.Overlap(c.Range, range)) is not { Node: not null } other)
        {
            return true;
        }

        // Where this node is one of the two it is this node's trouble as well, and each of the two says so on its own object.
        diagnostics.Add(new(other.Node == self ? other.Node : name, "PodRangeClaimedTwice",
            $"nodes {other.Node} ({other.Range}) and {name} ({range}) claim overlapping pod ranges; {other.Node} keeps it, {name} gets no route; delete the Node object of one and let it register again"));
        return false;
    }

    /// <summary>The addresses and ranges of a node: of the addresses the first of each family, of the ranges all.</summary>
    private static (NodeAddresses Addresses, EquatableArray<IPNetwork> Ranges)? Read(Node node, List<NodeDiagnostic> diagnostics)
    {
        var name = node.Metadata.Name;
        var texts = node.Spec.PodCIDRs.IsEmpty && node.Spec.PodCIDR.Length > 0 ? [node.Spec.PodCIDR] : node.Spec.PodCIDRs.AsImmutableArray();
        var ranges = new List<IPNetwork>();
        foreach (var text in texts)
        {
            if (IPNetwork.TryParse(text, out var parsed))
            {
                ranges.Add(parsed);
            }
            else
            {
                diagnostics.Add(new(name, "InvalidPodRange", $"node {name} has podCIDR \"{text}\", which is no network such as 10.32.1.0/24"));
            }
        }

        if (ranges.Count == 0)
        {
            diagnostics.Add(new(name, "NoPodRange",
                $"node {name} has no spec.podCIDR yet; the cluster gives it one (kube-controller-manager --allocate-node-cidrs), an administrator does, or with --ipam fairlead its own agent takes one"));
        }

        var addresses = NodeAddresses.Of(node.Status.Addresses.Where(a => a.Type == "InternalIP").Select(a => IPAddress.TryParse(a.Address, out var ip) ? ip : null).OfType<IPAddress>());
        if (addresses.IsEmpty)
        {
            diagnostics.Add(new(name, "NoNodeAddress", $"node {name} has no InternalIP in status.addresses yet"));
        }

        return ranges.Count > 0 && !addresses.IsEmpty ? (addresses, PodRanges.Sorted(ranges)) : null;
    }
}
