using System.Net;
using Fairlead.Agent.Problems;
using Fairlead.Core.Nodes;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Agent.Overlay;

/// <summary>Somebody else makes the routes: a cloud, a routing daemon, a person. The agent only says which are missing.</summary>
internal sealed class RoutedByOthersMode : IOverlayMode
{
    public OverlayKind Kind => OverlayKind.None;

    public string? LinkName => null;

    public int Mtu(Underlays underlays) => underlays.Mtu;

    public OverlayWays Prepare(OverlayView view)
    {
        var there = view.Routes.Routes().Where(r => r is { Type: RouteType.Unicast, Table: not Route.LocalTable } && r.Protocol != RouteProtocol.Fairlead)
            .Select(r => r.Destination).ToHashSet();

        // Behind a default route may well be a router that knows the pods, as in clouds. Where others have routes of their own it is not meant.
        var defaultCounts = !view.Ranges.Any(r => HasRoute(r.Range, 1));
        var problems = view.Ranges.Where(r => !HasRoute(r.Range, defaultCounts ? 0 : 1)).Select(r => new Problem(
            "NoRouteToPods", $"there is no route to pods {r.Range} of node {r.Peer.Name}, and --overlay none leaves routes to others: add one via {r.Peer.Addresses}, or use --overlay vxlan",
            Node: r.Peer.Name)).ToList();
        return new([], problems);

        bool HasRoute(IPNetwork range, int leastPrefix) => there.Any(d => d.PrefixLength >= leastPrefix && PodRanges.Holds(d, range));
    }

    public void Trim(OverlayView view)
    {
    }

    public void Remove(RouteSocket routes)
    {
    }
}
