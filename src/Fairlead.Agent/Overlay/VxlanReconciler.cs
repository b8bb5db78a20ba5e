using Fairlead.Core.Nodes;
using Fairlead.Core.Services;
using Fairlead.Core.State;
using Fairlead.Kube.State;
using Fairlead.Linux;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;
using Microsoft.Extensions.Logging;

namespace Fairlead.Agent.Overlay;

/// <summary>Keeps the overlay's link, addresses, neighbours, forwarding entries and routes as the topology says.</summary>
/// <remarks>
/// What is there is read from the kernel each time, so an agent that starts anew finds its predecessor's work and leaves it be.
/// Owned: the link <c>fairlead.1</c> with our alias, and all on it. Routes are ours where they lead to it with our protocol number.
/// </remarks>
public sealed partial class VxlanReconciler(NetworkNamespace? network, ILogger<VxlanReconciler> logger) : IReconciler<NodeTopology>
{
    /// <summary>The link's alias, given last: a link without it was left half made by an agent that was killed.</summary>
    private const string Finished = "fairlead: pod network overlay";

    /// <summary>EAFNOSUPPORT.</summary>
    private const int AddressFamilyNotSupported = 97;

    private static readonly EqualityComparer<FdbEntry> s_sameDestination =
        EqualityComparer<FdbEntry>.Create((a, b) => Equals(a?.Destination, b?.Destination), e => e.Destination?.GetHashCode() ?? 0);

    private static readonly EqualityComparer<Route> s_sameWay =
        EqualityComparer<Route>.Create((a, b) => Equals(a?.Gateway, b?.Gateway) && a?.OnLink == b?.OnLink, r => r.Gateway?.GetHashCode() ?? 0);

    public string Name => "overlay";

    public Task ReconcileAsync(NodeTopology desired, CancellationToken ct)
    {
        // Without a range or an address nothing is known to be wrong either: what is there stays. The diagnostics tell why.
        if (desired.Self is { } self)
        {
            using var routes = RouteSocket.Open(network);
            var underlay = Underlay.Find(routes, self.Addresses);
            var link = KeepLink(routes, VxlanPlanner.Link(self, underlay));
            Apply(routes, Addresses(routes, link, self));
            Apply(routes, Peers(routes, link, desired.Peers, underlay));
        }

        return Task.CompletedTask;
    }

    public Task CleanAsync(CancellationToken ct)
    {
        using var routes = RouteSocket.Open(network);
        if (routes.FindLink(VxlanPlanner.LinkName) is { } link && IsOurs(link))
        {
            // Routes, neighbours and entries go with it.
            routes.DeleteLink(link.Index);
        }

        return Task.CompletedTask;
    }

    private Link KeepLink(RouteSocket routes, VxlanSpec spec)
    {
        var link = routes.FindLink(spec.Name);
        if (link is not null && !IsOurs(link))
        {
            throw new OverlayException($"there is an interface {spec.Name} which is not ours; remove or rename it");
        }

        if (link is not null && !IsSameTunnel(link.Vxlan!, spec))
        {
            // What a tunnel is made with cannot be changed on one that is there.
            routes.DeleteLink(link.Index);
            LogRebuilt(spec.Name, link.Vxlan!, spec.Local);
            link = null;
        }

        if (link is null)
        {
            link = Create(routes, spec);
            LogCreated(spec.Name, spec.Vni, spec.UdpPort, spec.Local, spec.Mtu);
        }
        else if (link.Mac != spec.Mac || link.Mtu != spec.Mtu || !link.Up || link.Alias != Finished)
        {
            routes.SetLink(link.Index, new LinkChange { Mac = spec.Mac, Mtu = spec.Mtu, Up = true });
            Finish(routes, link);
            LogChanged(spec.Name, spec.Mtu, spec.Mac);
        }

        return link;
    }

    private Link Create(RouteSocket routes, VxlanSpec spec)
    {
        try
        {
            var link = routes.CreateVxlan(spec);
            Finish(routes, link);
            return link;
        }
        catch (LinuxException e) when (e.IsExists)
        {
            var other = routes.Links().FirstOrDefault(l => l.Vxlan is { } v && v.Vni == spec.Vni && v.UdpPort == spec.UdpPort)?.Name ?? "another interface";
            throw new OverlayException($"{other} already is a VXLAN with VNI {spec.Vni} on UDP port {spec.UdpPort} (flannel's, perhaps); remove it first", e);
        }
        catch (LinuxException e) when (e.IsNotSupported)
        {
            throw new OverlayException("this kernel cannot make VXLAN interfaces (module vxlan); load it or choose another --overlay", e);
        }
    }

    /// <summary>What the kernel does not take together with the link itself.</summary>
    private void Finish(RouteSocket routes, Link link)
    {
        NoLinkLocalAddress(routes, link);

        // Answers may come back another way than the strict check expects; loose still asks for a route to the source.
        var setting = $"net/ipv4/conf/{link.Name}/rp_filter";
        if (Sysctl.Find("net/ipv4/conf/all/rp_filter", network) == "1" || Sysctl.Find(setting, network) == "1")
        {
            Sysctl.Write(setting, "2", network);
        }

        routes.SetLink(link.Index, new LinkChange { Alias = Finished });
    }

    /// <summary>Keeps IPv6 from talking on the link by itself; a kernel without IPv6 does not anyway, and says so.</summary>
    private static void NoLinkLocalAddress(RouteSocket routes, Link link)
    {
        try
        {
            routes.SetLink(link.Index, new LinkChange { LinkLocalAddress = false });
        }
        catch (LinuxException e) when (e.Errno == AddressFamilyNotSupported)
        {
            // Nothing to switch off.
        }
    }

    /// <summary>By its alias. One without any was left by an agent that was killed before it gave it, if it is otherwise as we make them.</summary>
    private static bool IsOurs(Link link)
        => link.Alias == Finished
            || (string.IsNullOrEmpty(link.Alias) && link.Vxlan is { Vni: VxlanPlanner.Vni, UdpPort: VxlanPlanner.UdpPort, Learning: false });

    private static bool IsSameTunnel(VxlanDetails have, VxlanSpec want)
        => have.Vni == want.Vni && have.UdpPort == want.UdpPort && Equals(have.Local, want.Local) && have.Device == want.Device && !have.Learning;

    private static List<RouteOperation> Addresses(RouteSocket routes, Link link, NodeSelf self)
    {
        var wanted = VxlanPlanner.Addresses(self).Select(a => new LinkAddress(link.Index, a));
        var delta = Delta.Between(wanted, routes.Addresses(link.Index), a => a.Address, EqualityComparer<LinkAddress>.Create((_, _) => true, _ => 0));
        return [.. delta.Add.Select(a => new ReplaceAddress(a)), .. delta.Remove.Select(a => new DeleteAddress(a))];
    }

    /// <summary>First what lets packets through, then the routes that send them, and what is no longer wanted last, routes first.</summary>
    private static List<RouteOperation> Peers(RouteSocket routes, Link link, EquatableArray<NodePeer> peers, Underlay underlay)
    {
        var neighbours = Delta.Between(
            VxlanPlanner.Neighbours(peers, link.Index), routes.Neighbours(link.Index).Where(n => n.State.HasFlag(NeighbourState.Permanent)), n => n.Address);
        var forwarding = Delta.Between(
            VxlanPlanner.Forwarding(peers, link.Index, underlay.Address.Family), routes.Fdb(link.Index).Where(e => e is { Self: true, Destination: not null }), e => e.Mac, s_sameDestination);
        var ways = Delta.Between(
            VxlanPlanner.Routes(peers, link.Index), routes.Routes(RouteProtocol.Fairlead, Route.MainTable).Where(r => r.Link == link.Index), r => r.Destination, s_sameWay);
        return
        [
            .. neighbours.Add.Concat(neighbours.Change.Select(c => c.New)).Select(n => new ReplaceNeighbour(n)),
            .. forwarding.Add.Concat(forwarding.Change.Select(c => c.New)).Select(e => new ReplaceFdb(e)),
            .. ways.Add.Concat(ways.Change.Select(c => c.New)).Select(r => new ReplaceRoute(r)),
            .. ways.Remove.Select(r => new DeleteRoute(r)),
            .. forwarding.Remove.Select(e => new DeleteFdb(e)),
            .. neighbours.Remove.Select(n => new DeleteNeighbour(n)),
        ];
    }

    /// <summary>Does all of them, going on past a failure, and reports the failures together.</summary>
    private void Apply(RouteSocket routes, List<RouteOperation> operations)
    {
        if (operations.Count == 0)
        {
            return;
        }

        var results = routes.Apply([.. operations]);
        var failures = results
            .Where((error, i) => error is not null && !(error.IsNotFound && operations[i] is DeleteRoute or DeleteFdb or DeleteNeighbour or DeleteAddress))
            .ToList();
        if (failures.Count > 0)
        {
            throw new AggregateException($"{failures.Count} of {operations.Count} changes to the overlay failed", failures!);
        }

        LogApplied(operations.Count);
    }

    [LoggerMessage(LogLevel.Information, "Overlay {Link} made: VNI {Vni}, UDP port {Port}, from {Local}, MTU {Mtu}")]
    private partial void LogCreated(string link, int vni, int port, System.Net.IPAddress? local, int? mtu);

    [LoggerMessage(LogLevel.Warning, "Overlay {Link} was {Before} and is made anew from {Local}")]
    private partial void LogRebuilt(string link, VxlanDetails before, System.Net.IPAddress? local);

    [LoggerMessage(LogLevel.Information, "Overlay {Link} set to MTU {Mtu}, address {Mac}, up")]
    private partial void LogChanged(string link, int? mtu, MacAddress? mac);

    [LoggerMessage(LogLevel.Information, "Overlay: applied {Count} operations")]
    private partial void LogApplied(int count);
}
