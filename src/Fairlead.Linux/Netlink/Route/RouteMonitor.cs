using System.Runtime.CompilerServices;
using Fairlead.Linux.Namespaces;

namespace Fairlead.Linux.Netlink.Route;

/// <summary>Listens to the changes of one network namespace, from when it is opened.</summary>
/// <remarks>Open it, read the lists, then read the events: so nothing falls between.</remarks>
public sealed class RouteMonitor : IChangeMonitor<RouteEvent>
{
    private readonly NetlinkListener _listener;

    private RouteMonitor(NetlinkListener listener) => _listener = listener;

    public static RouteMonitor Open(NetworkNamespace? network = null, RouteGroups groups = RouteGroups.All)
        => Open(network, groups, receiveBuffer: null);

    /// <summary>As the other, with room for so many bytes of waiting events.</summary>
    internal static RouteMonitor Open(NetworkNamespace? network, RouteGroups groups, int? receiveBuffer)
        => new(NetlinkListener.Open(NetlinkProtocol.Route, GroupBits(groups), network, receiveBuffer));

    /// <summary>
    /// The changes, until cancelled; then the monitor is closed. Where there were more than the reader took, the kernel drops some:
    /// then comes a <see cref="ResynchroniseEvent"/>, and it goes on with what came after.
    /// </summary>
    public async IAsyncEnumerable<RouteEvent> ReadAllAsync([EnumeratorCancellation] CancellationToken ct = default)
    {
        using (this)
        {
            while (true)
            {
                foreach (var change in await NextAsync(ct))
                {
                    yield return change;
                }
            }
        }
    }

    public void Dispose() => _listener.Dispose();

    private async ValueTask<IReadOnlyList<RouteEvent>> NextAsync(CancellationToken ct)
    {
        try
        {
            return Read((await _listener.ReceiveAsync(ct)).Span);
        }
        catch (NetlinkOverrunException)
        {
            return [new ResynchroniseEvent()];
        }
    }

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
        RouteConstants.RtmNewRule or RouteConstants.RtmDelRule => RuleMessages.Read(message) is { } rule
            ? new RuleEvent(rule, message.Type == RouteConstants.RtmDelRule)
            : null,
        RouteConstants.RtmNewNetConf => ReadSetting(message),
        _ => null,
    };

    private static SettingEvent ReadSetting(NetlinkMessage message)
    {
        // struct netconfmsg: one byte, the family.
        var attributes = message.Attributes<byte>(out var family);
        var setting = new SettingEvent(0, family == RouteConstants.AfInet6, null);
        while (attributes.TryRead(out var a))
        {
            setting = a.Type switch
            {
                RouteConstants.NetConfIfIndex => setting with { Link = a.Int32 },
                RouteConstants.NetConfForwarding => setting with { Forwarding = a.Int32 != 0 },
                _ => setting,
            };
        }

        return setting;
    }

    private static RouteEvent? ReadNeighbour(NetlinkMessage message, bool removed)
        => NeighbourMessages.Read(message) is { } neighbour ? new NeighbourEvent(neighbour, removed)
            : NeighbourMessages.ReadFdb(message) is { } entry ? new FdbEvent(entry, removed)
            : null;

    /// <summary>RTNLGRP_LINK, _NEIGH, _IPV4_IFADDR, _IPV4_ROUTE, _IPV4_RULE, _IPV6_IFADDR, _IPV6_ROUTE, _IPV6_RULE, _IPV4_NETCONF, _IPV6_NETCONF, each one bit.</summary>
    private static uint GroupBits(RouteGroups groups)
        => (groups.HasFlag(RouteGroups.Links) ? 1u << 0 : 0)
            | (groups.HasFlag(RouteGroups.Neighbours) ? 1u << 2 : 0)
            | (groups.HasFlag(RouteGroups.Addresses) ? (1u << 4) | (1u << 8) : 0)
            | (groups.HasFlag(RouteGroups.Routes) ? (1u << 6) | (1u << 10) : 0)
            | (groups.HasFlag(RouteGroups.Rules) ? (1u << 7) | (1u << 18) : 0)
            | (groups.HasFlag(RouteGroups.Settings) ? (1u << 23) | (1u << 24) : 0);
}
