using Fairlead.Agent.Problems;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Agent.Overlay;

/// <summary>Packets go as they are: each node is the gateway to its pods, for nodes on the same subnet.</summary>
/// <remarks>Nothing grows, nothing is copied; but the network between must take packets with pods' addresses, which clouds as a rule do not.</remarks>
internal sealed class HostGatewayMode : IOverlayMode
{
    public OverlayKind Kind => OverlayKind.HostGateway;

    public string? LinkName => null;

    public int Mtu(Underlays underlays) => underlays.Mtu;

    public OverlayWays Prepare(OverlayView view)
    {
        var problems = new List<Problem>();
        foreach (var (peer, range) in view.Ranges.Where(r => view.Underlays.Direct(r.Peer, r.Range) is null))
        {
            problems.Add(new(
                "NoDirectPath",
                $"pods {range} of node {peer.Name} ({peer.Addresses}) are behind a router, or an address of their family is missing: --overlay host-gw cannot reach them; use --overlay vxlan",
                Node: peer.Name));
        }

        return new([.. view.Ranges.Select(r => view.Direct(r.Peer, r.Range)).OfType<Route>()], problems);
    }

    public void Trim(OverlayView view)
    {
    }

    public void Remove(RouteSocket routes)
    {
    }
}
