using Fairlead.Agent.Problems;
using Fairlead.Core.Nodes;
using Fairlead.Core.Services;
using Fairlead.Kube.State;
using Fairlead.Linux;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Agent.Overlay;

// How a packet gets from a pod here to a pod there:
//
//   pod 10.32.1.7 ─ cni0 ─ route 10.32.2.0/24 via 10.32.2.0 dev fairlead.1 onlink
//        ─ neighbour 10.32.2.0 has MAC of n2 ─ forwarding entry: MAC of n2 is behind 198.19.1.2
//        ─ UDP 8472 over the underlay ─ fairlead.1 of n2 ─ cni0 of n2 ─ pod 10.32.2.9
//
// Everything is told by the Node objects, nothing is learnt: no broadcast, no multicast, no ARP crosses the overlay, and a
// node that is gone from the API is gone from the tables. The address of a node's end is the network address of its pod
// range, which no pod ever has; it is what this node's own traffic to pods elsewhere comes from, so answers find back.

/// <summary>Turns the topology into what the overlay needs in the kernel: one link, and for each peer three entries.</summary>
internal static class VxlanPlanner
{
    public const string LinkName = "fairlead.1";
    public const int Vni = 1;
    public const int UdpPort = 8472;

    /// <summary>Outer IP, UDP and VXLAN headers and the inner Ethernet header: what a packet grows by.</summary>
    public static int Overhead(IPFamily underlay) => (underlay == IPFamily.IPv4 ? 20 : 40) + 8 + 8 + 14;

    public static int Mtu(Underlay underlay) => underlay.Mtu - Overhead(underlay.Address.Family);

    public static VxlanSpec Link(NodeSelf self, Underlay underlay) => new(LinkName)
    {
        Vni = Vni,
        UdpPort = UdpPort,
        Local = underlay.Address,
        Device = underlay.Link,
        Mac = new MacAddress(self.Vtep.GetAddressBytes()),
        Mtu = Mtu(underlay),
        Learning = false,
        Up = true,
    };

    public static IEnumerable<InterfaceAddress> Addresses(NodeSelf self) => self.PodRanges.Select(r => InterfaceAddress.Host(r.BaseAddress));

    public static IEnumerable<Neighbour> Neighbours(EquatableArray<NodePeer> peers, int link)
        => peers.SelectMany(p => p.PodRanges.Select(r => new Neighbour(link, r.BaseAddress, Mac(p))));

    /// <summary>Where each peer is. One that has no address of the underlay's family cannot be reached through the tunnel.</summary>
    public static IEnumerable<FdbEntry> Forwarding(OverlayView view, int link)
        => view.Peers.Where(p => Outer(view, p) is not null).Select(p => new FdbEntry(link, Mac(p)) { Destination = Outer(view, p) });

    /// <summary>Straight where no router is between, else through the tunnel: what need not grow does not.</summary>
    public static IEnumerable<Route> Routes(OverlayView view, int link)
        => view.Ranges.Select(r => view.Direct(r.Peer, r.Range)
            ?? (Outer(view, r.Peer) is null ? null : new Route(r.Range) { Gateway = r.Range.BaseAddress, Link = link, OnLink = true })).OfType<Route>();

    public static IEnumerable<Problem> Problems(OverlayView view)
        => view.Ranges.Where(r => view.Underlays.Direct(r.Peer, r.Range) is null && Outer(view, r.Peer) is null).Select(r => new Problem(
            "NoCommonFamily", $"node {r.Peer.Name} has no {view.Underlays.Tunnel.Address.Family} address ({r.Peer.Addresses}), which the tunnel from here needs: its pods {r.Range} get no route; give it one in status.addresses",
            Node: r.Peer.Name));

    private static System.Net.IPAddress? Outer(OverlayView view, NodePeer peer) => peer.Addresses.Find(view.Underlays.Tunnel.Address.Family);

    private static MacAddress Mac(NodePeer peer) => new(peer.Vtep.GetAddressBytes());
}
