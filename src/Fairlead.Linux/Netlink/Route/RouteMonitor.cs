using System.Runtime.CompilerServices;
using Fairlead.Linux.Namespaces;

namespace Fairlead.Linux.Netlink.Route;

/// <summary>Listens to the changes of one network namespace, from when it is opened.</summary>
/// <remarks>Open it, read the lists, then read the events: so nothing falls between.</remarks>
public sealed class RouteMonitor : IDisposable
{
    private readonly NetlinkListener _listener;

    private RouteMonitor(NetlinkListener listener) => _listener = listener;

    public static RouteMonitor Open(NetworkNamespace? network = null, RouteGroups groups = RouteGroups.All)
        => new(NetlinkListener.Open(NetlinkProtocol.Route, GroupBits(groups), network));

    /// <summary>The changes, until cancelled; then the monitor is closed.</summary>
    /// <exception cref="NetlinkOverrunException">Events were lost: read everything anew and listen again.</exception>
    public async IAsyncEnumerable<RouteEvent> ReadAllAsync([EnumeratorCancellation] CancellationToken ct = default)
    {
        using (this)
        {
            while (true)
            {
                foreach (var change in Read((await _listener.ReceiveAsync(ct)).Span))
                {
                    yield return change;
                }
            }
        }
    }

    public void Dispose() => _listener.Dispose();

    internal static List<RouteEvent> Read(ReadOnlySpan<byte> datagram)
    {
        var events = new List<RouteEvent>();
        var reader = new NetlinkReader(datagram);
        while (reader.TryRead(out var message))
        {
            if (Read(message) is { } change)
            {
                events.Add(change);
            }
        }

        return events;
    }

    private static RouteEvent? Read(NetlinkMessage message) => message.Type switch
    {
        RouteConstants.RtmNewLink or RouteConstants.RtmDelLink => LinkMessages.Read(message) is { } link
            ? new LinkEvent(link, message.Type == RouteConstants.RtmDelLink)
            : null,
        RouteConstants.RtmNewAddr or RouteConstants.RtmDelAddr => AddressMessages.Read(message) is { } address
            ? new AddressEvent(address, message.Type == RouteConstants.RtmDelAddr)
            : null,
        RouteConstants.RtmNewRoute or RouteConstants.RtmDelRoute => RouteMessages.Read(message) is { } route
            ? new RouteChangeEvent(route, message.Type == RouteConstants.RtmDelRoute)
            : null,
        RouteConstants.RtmNewNeigh or RouteConstants.RtmDelNeigh => ReadNeighbour(message, message.Type == RouteConstants.RtmDelNeigh),
        _ => null,
    };

    private static RouteEvent? ReadNeighbour(NetlinkMessage message, bool removed)
        => NeighbourMessages.Read(message) is { } neighbour ? new NeighbourEvent(neighbour, removed)
            : NeighbourMessages.ReadFdb(message) is { } entry ? new FdbEvent(entry, removed)
            : null;

    /// <summary>RTNLGRP_LINK, _NEIGH, _IPV4_IFADDR, _IPV4_ROUTE, _IPV6_IFADDR, _IPV6_ROUTE, each one bit.</summary>
    private static uint GroupBits(RouteGroups groups)
        => (groups.HasFlag(RouteGroups.Links) ? 1u << 0 : 0)
            | (groups.HasFlag(RouteGroups.Neighbours) ? 1u << 2 : 0)
            | (groups.HasFlag(RouteGroups.Addresses) ? (1u << 4) | (1u << 8) : 0)
            | (groups.HasFlag(RouteGroups.Routes) ? (1u << 6) | (1u << 10) : 0);
}
