using Fairlead.Core.State;
using Fairlead.Linux;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;
using Microsoft.Extensions.Logging;

namespace Fairlead.Agent.Overlay;

/// <summary>Keeps the VXLAN's link, addresses, neighbours and forwarding entries as the topology says.</summary>
/// <remarks>Owned: the link <c>fairlead.1</c> with our alias, and all on it.</remarks>
internal sealed partial class VxlanMode(NetworkNamespace? network, ILogger<VxlanMode> logger) : IOverlayMode
{
    private static readonly EqualityComparer<FdbEntry> s_sameDestination =
        EqualityComparer<FdbEntry>.Create((a, b) => Equals(a?.Destination, b?.Destination), e => e.Destination?.GetHashCode() ?? 0);

    private static readonly EqualityComparer<Neighbour> s_sameMac =
        EqualityComparer<Neighbour>.Create((a, b) => a?.Mac == b?.Mac, n => n.Mac.GetHashCode());

    public OverlayKind Kind => OverlayKind.Vxlan;

    public string LinkName => VxlanPlanner.LinkName;

    public int Mtu(Underlays underlays) => VxlanPlanner.Mtu(underlays.Tunnel);

    public OverlayWays Prepare(OverlayView view)
    {
        var link = KeepLink(view.Routes, VxlanPlanner.Link(view.Self, view.Underlays.Tunnel)).Index;
        var addresses = Addresses(view, link);
        var (neighbours, forwarding) = (Neighbours(view, link), Forwarding(view, link));
        view.Routes.ApplyThrowing(
        [
            .. addresses.Add.Select(a => new ReplaceAddress(a)),
            .. neighbours.Add.Concat(neighbours.Change.Select(c => c.New)).Select(n => new ReplaceNeighbour(n)),
            .. forwarding.Add.Concat(forwarding.Change.Select(c => c.New)).Select(e => new ReplaceFdb(e)),
        ]);
        return new([.. VxlanPlanner.Routes(view, link)], [.. VxlanPlanner.Problems(view)]);
    }

    public void Trim(OverlayView view)
    {
        var link = view.Routes.GetLink(LinkName).Index;
        view.Routes.ApplyThrowing(
        [
            .. Forwarding(view, link).Remove.Select(e => new DeleteFdb(e)),
            .. Neighbours(view, link).Remove.Select(n => new DeleteNeighbour(n)),
            .. Addresses(view, link).Remove.Select(a => new DeleteAddress(a)),
        ]);
    }

    public void Remove(RouteSocket routes)
    {
        if (routes.FindLink(LinkName) is { } link && IsOurs(link))
        {
            // Routes, neighbours and entries go with it.
            routes.DeleteLink(link.Index);
            LogRemoved(LinkName);
        }
    }

    private static Delta<LinkAddress> Addresses(OverlayView view, int link)
        => Delta.Between(
            VxlanPlanner.Addresses(view.Self).Select(a => new LinkAddress(link, a) { Flags = AddressFlags.NoDuplicateDetection }),
            view.Routes.Addresses(link), a => a.Address, EqualityComparer<LinkAddress>.Create((_, _) => true, _ => 0));

    private static Delta<Neighbour> Neighbours(OverlayView view, int link)
        => Delta.Between(
            VxlanPlanner.Neighbours(view.Peers, link), view.Routes.Neighbours(link).Where(n => n.State.HasFlag(NeighbourState.Permanent)), n => n.Address, s_sameMac);

    private static Delta<FdbEntry> Forwarding(OverlayView view, int link)
        => Delta.Between(
            VxlanPlanner.Forwarding(view, link), view.Routes.Fdb(link).Where(e => e is { Self: true, Destination: not null }), e => e.Mac, s_sameDestination);

    private Link KeepLink(RouteSocket routes, VxlanSpec spec)
    {
        var link = routes.FindLink(spec.Name);
        if (link is not null && !IsOurs(link))
        {
            throw new OverlayException("OverlayLinkTaken", $"there is an interface {spec.Name} which is not ours; remove or rename it");
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
        else if (link.Mac != spec.Mac || link.Mtu != spec.Mtu || !link.Up || link.Alias != TunnelLink.Finished)
        {
            routes.SetLink(link.Index, new LinkChange { Mac = spec.Mac, Mtu = spec.Mtu, Up = true });
            TunnelLink.Finish(routes, link, network);
            LogChanged(spec.Name, spec.Mtu, spec.Mac);
        }

        return link;
    }

    private Link Create(RouteSocket routes, VxlanSpec spec)
    {
        try
        {
            var link = routes.CreateVxlan(spec);
            TunnelLink.Finish(routes, link, network);
            return link;
        }
        catch (LinuxException e) when (e.IsExists)
        {
            var other = routes.Links().FirstOrDefault(l => l.Vxlan is { } v && v.Vni == spec.Vni && v.UdpPort == spec.UdpPort)?.Name ?? "another interface";
            throw new OverlayException("OverlayPortTaken", $"{other} already is a VXLAN with VNI {spec.Vni} on UDP port {spec.UdpPort} (flannel's, perhaps); remove it first", e);
        }
        catch (LinuxException e) when (e.IsNotSupported)
        {
            throw new OverlayException("OverlayNotSupported", "this kernel cannot make VXLAN interfaces (module vxlan); load it or choose another --overlay", e);
        }
    }

    /// <summary>By its alias. One without any was left by an agent that was killed before it gave it, if it is otherwise as we make them.</summary>
    private static bool IsOurs(Link link)
        => link.Alias == TunnelLink.Finished
            || (string.IsNullOrEmpty(link.Alias) && link.Vxlan is { Vni: VxlanPlanner.Vni, UdpPort: VxlanPlanner.UdpPort, Learning: false });

    private static bool IsSameTunnel(VxlanDetails have, VxlanSpec want)
        => have.Vni == want.Vni && have.UdpPort == want.UdpPort && Equals(have.Local, want.Local) && have.Device == want.Device && !have.Learning;

    [LoggerMessage(LogLevel.Information, "Overlay {Link} made: VNI {Vni}, UDP port {Port}, from {Local}, MTU {Mtu}")]
    private partial void LogCreated(string link, int vni, int port, System.Net.IPAddress? local, int? mtu);

    [LoggerMessage(LogLevel.Warning, "Overlay {Link} was {Before} and is made anew from {Local}")]
    private partial void LogRebuilt(string link, VxlanDetails before, System.Net.IPAddress? local);

    [LoggerMessage(LogLevel.Information, "Overlay {Link} set to MTU {Mtu}, address {Mac}, up")]
    private partial void LogChanged(string link, int? mtu, MacAddress? mac);

    [LoggerMessage(LogLevel.Information, "Overlay {Link} removed")]
    private partial void LogRemoved(string link);
}
