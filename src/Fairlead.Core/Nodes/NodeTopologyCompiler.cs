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
    public static NodeTopology Compile(IEnumerable<Node> nodes, string self, IPNetwork clusterRange)
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
            me = new NodeSelf(self, facts.Address, facts.Range, VtepAddress.Of(self), VtepAddress.TryParse(here.Metadata.Annotations.Find(VtepAddress.Annotation)));
            claims.Add((self, facts.Range));
            if (!Contains(clusterRange, facts.Range))
            {
                diagnostics.Add(new(self, "PodRangeOutsideCluster",
                    $"pod range {facts.Range} is not inside the cluster's {clusterRange}: traffic between such pods and the rest is masqueraded; start the agent with the right --cluster-cidr"));
            }
        }

        var peers = new List<NodePeer>();
        foreach (var node in ordered.Where(n => n.Metadata.Name != self))
        {
            if (Peer(node, me, claims, diagnostics) is { } peer)
            {
                peers.Add(peer);
                claims.Add((peer.Name, peer.PodRange));
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

        if (claims.Find(c => Overlap(c.Range, facts.Range)) is { Node: not null } other)
        {
            diagnostics.Add(new(name, "PodRangeClaimedTwice",
                $"nodes {other.Node} ({other.Range}) and {name} ({facts.Range}) claim overlapping pod ranges; {other.Node} keeps it, {name} gets no route"));
            return null;
        }

        if (self is not null && facts.Address.Equals(self.Address))
        {
            diagnostics.Add(new(name, "NodeAddressClaimedTwice", $"node {name} has this node's own address {facts.Address}; it gets no route"));
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

        return new NodePeer(name, facts.Address, facts.Range, vtep);
    }

    /// <summary>The address and range of a node, IPv4 for now: dual-stack nodes get a second pair here.</summary>
    private static (IPAddress Address, IPNetwork Range)? Read(Node node, List<NodeDiagnostic> diagnostics)
    {
        var name = node.Metadata.Name;
        var texts = node.Spec.PodCIDRs.IsEmpty && node.Spec.PodCIDR.Length > 0 ? [node.Spec.PodCIDR] : node.Spec.PodCIDRs.AsImmutableArray();
        IPNetwork? range = null;
        foreach (var text in texts)
        {
            if (!IPNetwork.TryParse(text, out var parsed))
            {
                diagnostics.Add(new(name, "InvalidPodRange", $"node {name} has podCIDR \"{text}\", which is no network such as 10.32.1.0/24"));
            }
            else if (parsed.BaseAddress.Family == IPFamily.IPv4)
            {
                range ??= parsed;
            }
        }

        if (range is null)
        {
            diagnostics.Add(new(name, "NoPodRange",
                $"node {name} has no IPv4 spec.podCIDR yet; the cluster gives it one (kube-controller-manager --allocate-node-cidrs), or an administrator does"));
        }

        IPAddress? address = null;
        foreach (var candidate in node.Status.Addresses)
        {
            if (address is null && candidate.Type == "InternalIP" && IPAddress.TryParse(candidate.Address, out var parsed) && parsed.Family == IPFamily.IPv4)
            {
                address = parsed;
            }
        }

        if (address is null)
        {
            diagnostics.Add(new(name, "NoNodeAddress", $"node {name} has no IPv4 InternalIP in status.addresses yet"));
        }

        return range is { } r && address is not null ? (address, r) : null;
    }

    private static bool Overlap(IPNetwork a, IPNetwork b) => a.Contains(b.BaseAddress) || b.Contains(a.BaseAddress);

    private static bool Contains(IPNetwork outer, IPNetwork inner) => outer.PrefixLength <= inner.PrefixLength && outer.Contains(inner.BaseAddress);
}
