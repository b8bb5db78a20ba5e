using Fairlead.Agent.Problems;
using Fairlead.Core.Nodes;
using Fairlead.Core.Services;
using Fairlead.Core.State;
using Fairlead.Kube.State;
using Fairlead.Linux;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;
using Microsoft.Extensions.Logging;

namespace Fairlead.Agent.Overlay;

/// <summary>Keeps the way to other nodes' pods as the topology says, by the mode that was asked for or that the underlay allows.</summary>
/// <remarks>
/// What is there is read from the kernel each time. Routes are ours by protocol number, where they lead to a link of ours or straight to a
/// neighbour. After a change of mode the routes are replaced one by one, never missing; the old mode's link goes when no other node says any
/// more that it sends through it.
/// </remarks>
internal sealed partial class OverlayReconciler(
    OverlayKind? asked, IReadOnlyList<IOverlayMode> modes, ProblemBoard board, NetworkNamespace? network, ILogger<OverlayReconciler> logger) : IReconciler<NodeTopology>
{
    /// <summary>The least that IPv6 works with (RFC 8200 §5).</summary>
    private const int LeastMtuOfIPv6 = 1280;

    /// <summary>What every IPv4 host takes (RFC 791).</summary>
    private const int LeastMtuOfIPv4 = 576;

    public string Name => "overlay";

    /// <summary>What has been brought about.</summary>
    public Snapshot<OverlayInForce> InForce { get; } = new(OverlayInForce.NotYet);

    public Task ReconcileAsync(NodeTopology desired, CancellationToken ct)
    {
        // Without a range or an address nothing is known to be wrong either: what is there stays. The diagnostics tell why.
        if (desired.Self is not { } self)
        {
            return Task.CompletedTask;
        }

        try
        {
            using var routes = RouteSocket.Open(network);
            Reconcile(desired, new OverlayView(routes, self, desired.Peers, Underlays.Find(routes, self.Addresses)));
        }
        catch (OverlayException e)
        {
            // Trying again changes nothing until the machine or its Node object does, which is heard.
            board.Set(Name, new Problem(e.Reason, e.Message, Blocks: true));
        }

        return Task.CompletedTask;
    }

    public Task CleanAsync(CancellationToken ct)
    {
        using var routes = RouteSocket.Open(network);
        routes.KeepRoutes([], Links(routes));
        foreach (var mode in modes)
        {
            mode.Remove(routes);
        }

        return Task.CompletedTask;
    }

    private void Reconcile(NodeTopology topology, OverlayView view)
    {
        var mode = Choose(view);
        var mtu = asked is null ? modes.Where(m => m.Kind is OverlayKind.Vxlan or OverlayKind.HostGateway).Min(m => m.Mtu(view.Underlays)) : mode.Mtu(view.Underlays);
        CheckMtu(view, mode, mtu);
        CheckIPv6(view);
        var ways = mode.Prepare(view);
        var changed = view.Routes.KeepRoutes(ways.Routes, Links(view.Routes));
        mode.Trim(view);
        foreach (var old in modes.Where(m => m != mode && !view.Peers.Any(p => p.Overlay == m.Kind.Name())))
        {
            old.Remove(view.Routes);
        }

        if (changed > 0)
        {
            LogApplied(mode.Kind.Name(), changed);
        }

        board.Set(Name, [.. ways.Problems, .. Disagreements(view, mode.Kind), .. DownUnderlays(view)]);
        if (!InForce.Current.Topology.IsKnown || InForce.Current.Kind != mode.Kind)
        {
            LogMode(mode.Kind.Name(), string.Join(", ", view.Underlays.All.Select(u => u.Name)), mtu);
        }

        InForce.Publish(new OverlayInForce(topology, mode.Kind, mtu, view.Underlays, ways.PublicKey) { LinkName = mode.LinkName });
    }

    /// <summary>The one asked for; else host-gw while all nodes are on one subnet, and vxlan for good once one is not.</summary>
    /// <remarks>
    /// For good: the tunnel's link, or another node that says it uses one, keeps it, so that nodes that come and go change nothing twice.
    /// Straight routes between nodes on one subnet are the same in both, and so is the pods' MTU.
    /// </remarks>
    private IOverlayMode Choose(OverlayView view)
    {
        var tunnel = Mode(OverlayKind.Vxlan);
        return asked is { } kind ? Mode(kind)
            : view.Routes.FindLink(tunnel.LinkName!) is not null
                || view.Peers.Any(p => p.Overlay == OverlayKind.Vxlan.Name())
                || view.Ranges.Any(r => view.Underlays.Direct(r.Peer, r.Range) is null) ? tunnel
            : Mode(OverlayKind.HostGateway);
    }

    private IOverlayMode Mode(OverlayKind kind) => modes.First(m => m.Kind == kind);

    private HashSet<int> Links(RouteSocket routes) => [.. modes.Select(m => m.LinkName).OfType<string>().Select(name => routes.FindLink(name)?.Index).OfType<int>()];

    private void CheckIPv6(OverlayView view)
    {
        if (view.Self.PodRanges.Of(IPFamily.IPv6).Any() && Sysctl.Find("net/ipv6/conf/all/disable_ipv6", network) != "0")
        {
            throw new OverlayException(
                "IPv6Disabled", "pods of this node have IPv6 addresses, and IPv6 is off on this machine: set net.ipv6.conf.all.disable_ipv6 to 0, or boot without ipv6.disable=1");
        }
    }

    private static void CheckMtu(OverlayView view, IOverlayMode mode, int mtu)
    {
        var least = view.Self.PodRanges.Of(IPFamily.IPv6).Any() ? LeastMtuOfIPv6 : LeastMtuOfIPv4;
        if (mtu < least)
        {
            throw new OverlayException(
                "MtuTooSmall",
                $"{string.Join(", ", view.Underlays.All.Select(u => $"{u.Name} has MTU {u.Mtu}"))}, which leaves {mtu} for pods with overlay {mode.Kind.Name()}; they need {least}: raise it on the network between the nodes");
        }
    }

    private static IEnumerable<Problem> Disagreements(OverlayView view, OverlayKind kind)
        => view.Peers.Where(p => p.Overlay is not null && p.Overlay != kind.Name()).Select(p => new Problem(
            "OverlayDiffers", $"node {p.Name} carries pods' packets by {p.Overlay}, this node by {kind.Name()}: start all agents with the same --overlay", Node: p.Name));

    private static IEnumerable<Problem> DownUnderlays(OverlayView view)
        => view.Underlays.All.Where(u => !u.Up).Select(u => new Problem(
            "UnderlayDown", $"interface {u.Name}, which has node address {u.Address}, is down: other nodes are not reached; set it up"));

    [LoggerMessage(LogLevel.Information, "Pods on other nodes are reached by {Mode} over {Interfaces}; pods' MTU is {Mtu}")]
    private partial void LogMode(string mode, string interfaces, int mtu);

    [LoggerMessage(LogLevel.Information, "Overlay {Mode}: changed {Count} routes")]
    private partial void LogApplied(string mode, int count);
}
