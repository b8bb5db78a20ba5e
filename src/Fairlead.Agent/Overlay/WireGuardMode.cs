using System.Net;
using Fairlead.Agent.Problems;
using Fairlead.Core.Nodes;
using Fairlead.Core.Services;
using Fairlead.Core.State;
using Fairlead.Linux;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Generic;
using Fairlead.Linux.Netlink.Route;
using Microsoft.Extensions.Logging;

namespace Fairlead.Agent.Overlay;

/// <summary>Packets go encrypted: each node has a key, publishes its public half, and takes from a peer only what comes from that peer's pods.</summary>
/// <remarks>
/// Owned: the link <c>fairlead-wg</c> with our alias, and all on it. The kernel tells nobody when its peers are changed; that is found at the
/// next look. Where a peer moves before its Node object says so, the kernel follows it by itself.
/// </remarks>
internal sealed partial class WireGuardMode(NetworkNamespace? network, WireGuardKeyFile keys, ILogger<WireGuardMode> logger) : IOverlayMode
{
    public const string Name = "fairlead-wg";

    /// <summary>Not 51820, which an administrator's own tunnel has as a rule.</summary>
    public const int UdpPort = 51871;

    public OverlayKind Kind => OverlayKind.WireGuard;

    public string LinkName => Name;

    /// <summary>Outer IP and UDP headers, and WireGuard's own with its check sum (16 + 16).</summary>
    public static int Overhead(IPFamily underlay) => (underlay == IPFamily.IPv4 ? 20 : 40) + 8 + 32;

    public int Mtu(Underlays underlays) => underlays.Tunnel.Mtu - Overhead(underlays.Tunnel.Address.Family);

    public OverlayWays Prepare(OverlayView view)
    {
        var link = KeepLink(view).Index;
        var addresses = Addresses(view, link);
        view.Routes.ApplyThrowing([.. addresses.Add.Select(a => new ReplaceAddress(a))]);
        using var socket = WireGuardSocket.Open(network);
        var key = keys.LoadOrCreate();
        var device = socket.Get(link);
        var peers = Peers(view, device);
        var change = new WireGuardChange
        {
            PrivateKey = device.PrivateKey == key ? null : key,
            ListenPort = device.ListenPort == UdpPort ? null : UdpPort,
            Set = [.. peers.Add, .. peers.Change.Select(c => c.New)],
        };
        Change(socket, link, change);

        // Up only now: with the port taken by somebody else it would not come up, and the message would say less.
        view.Routes.SetUp(link);
        var publicKey = device.PublicKey is { } known && change.PrivateKey is null ? known : socket.Get(link).PublicKey;
        return new(
            [.. view.Ranges.Where(r => CanReach(view, r.Peer)).Select(r => new Route(r.Range) { Link = link })],
            [.. view.Peers.Where(p => !CanReach(view, p)).Select(p => Why(view, p))],
            publicKey?.ToString());
    }

    public void Trim(OverlayView view)
    {
        var link = view.Routes.GetLink(Name).Index;
        using var socket = WireGuardSocket.Open(network);
        if (Peers(view, socket.Get(link)).Remove is { Length: > 0 } gone)
        {
            socket.Change(link, new WireGuardChange { Remove = [.. gone.Select(p => p.Key)] });
        }

        view.Routes.ApplyThrowing([.. Addresses(view, link).Remove.Select(a => new DeleteAddress(a))]);
    }

    public void Remove(RouteSocket routes)
    {
        if (routes.FindLink(Name) is { } link && IsOurs(link))
        {
            routes.DeleteLink(link.Index);
            LogRemoved(Name);
        }

        keys.Remove();
    }

    private static bool CanReach(OverlayView view, NodePeer peer) => WireGuardKey.TryParse(peer.WireGuardKey, out _) && Outer(view, peer) is not null;

    private static IPAddress? Outer(OverlayView view, NodePeer peer) => peer.Addresses.Find(view.Underlays.Tunnel.Address.Family);

    private static Problem Why(OverlayView view, NodePeer peer)
        => Outer(view, peer) is null
            ? new("NoCommonFamily", $"node {peer.Name} has no {view.Underlays.Tunnel.Address.Family} address ({peer.Addresses}), which the tunnel from here needs: its pods get no route; give it one in status.addresses", Node: peer.Name)
            : new("NoWireGuardKey", $"node {peer.Name} has published no key in annotation {NodeAnnotations.WireGuardKey}: its pods get no route, for nothing is sent unencrypted; start its agent with --overlay wireguard", Node: peer.Name);

    private static Delta<WireGuardPeer> Peers(OverlayView view, WireGuardDevice device)
        => Delta.Between(
            view.Peers.Where(p => CanReach(view, p)).Select(p => new WireGuardPeer(WireGuardKey.TryParse(p.WireGuardKey, out var key) ? key : default)
            {
                Endpoint = new(Outer(view, p)!, UdpPort), AllowedIps = [.. p.PodRanges.OrderBy(r => r.ToString(), StringComparer.Ordinal)],
            }),
            device.Peers, p => p.Key);

    private static Delta<LinkAddress> Addresses(OverlayView view, int link)
        => Delta.Between(
            VxlanPlanner.Addresses(view.Self).Select(a => new LinkAddress(link, a) { Flags = AddressFlags.NoDuplicateDetection }),
            view.Routes.Addresses(link), a => a.Address, EqualityComparer<LinkAddress>.Create((_, _) => true, _ => 0));

    private static bool IsOurs(Link link) => link.Kind == "wireguard" && (link.Alias == TunnelLink.Finished || string.IsNullOrEmpty(link.Alias));

    private Link KeepLink(OverlayView view)
    {
        var mtu = Mtu(view.Underlays);
        var link = view.Routes.FindLink(Name);
        if (link is not null && !IsOurs(link))
        {
            throw new OverlayException("OverlayLinkTaken", $"there is an interface {Name} which is not ours; remove or rename it");
        }

        if (link is null)
        {
            link = Create(view.Routes, mtu);
            LogCreated(Name, UdpPort, view.Underlays.Tunnel.Address, mtu);
        }
        else if (link.Mtu != mtu)
        {
            view.Routes.SetLink(link.Index, new LinkChange { Mtu = mtu });
        }

        if (link.Alias != TunnelLink.Finished)
        {
            TunnelLink.Finish(view.Routes, link, network);
        }

        return link;
    }

    private static Link Create(RouteSocket routes, int mtu)
    {
        try
        {
            return routes.CreateLink(new WireGuardSpec(Name) { Mtu = mtu });
        }
        catch (LinuxException e) when (e.IsNotSupported)
        {
            throw new OverlayException(
                "WireGuardNotSupported", "this kernel has no WireGuard (module wireguard, CONFIG_WIREGUARD); load it, or use --overlay vxlan, which does not encrypt", e);
        }
    }

    private static void Change(WireGuardSocket socket, int link, WireGuardChange change)
    {
        if (change is { PrivateKey: null, ListenPort: null, Set.Count: 0 })
        {
            return;
        }

        try
        {
            socket.Change(link, change);
        }
        catch (LinuxException e) when (e.Errno == Errno.AddressInUse)
        {
            throw new OverlayException("OverlayPortTaken", $"UDP port {UdpPort} is somebody else's on this machine; free it", e);
        }
    }

    [LoggerMessage(LogLevel.Information, "Overlay {Link} made: WireGuard on UDP port {Port}, from {Local}, MTU {Mtu}")]
    private partial void LogCreated(string link, int port, IPAddress local, int mtu);

    [LoggerMessage(LogLevel.Information, "Overlay {Link} removed")]
    private partial void LogRemoved(string link);
}
