using System.Net;
using System.Net.Sockets;

namespace Fairlead.Linux.Netlink.Route;

/// <summary>Routes to rtnetlink messages; the way back is <see cref="RouteView"/>.</summary>
internal static class RouteMessages
{
    internal static void Write(NetlinkBatch batch, ushort type, NetlinkFlags flags, Route route) => Write(batch, type, flags, route, route.Destination);

    /// <summary>As the other, but to another destination of the same family.</summary>
    internal static void Write(NetlinkBatch batch, ushort type, NetlinkFlags flags, Route route, IPNetwork destination)
    {
        var writer = batch.Begin(type, flags);
        var deleting = type == RouteConstants.RtmDelRoute;
        var gateways = route.Gateway is not null || HasGateway(route.NextHops);
        writer.Header(new RouteHeader
        {
            Family = route.IsIPv6 ? RouteConstants.AfInet6 : RouteConstants.AfInet,
            DestinationLength = (byte)destination.PrefixLength,
            Tos = route.Tos,
            Table = (byte)(route.Table <= byte.MaxValue ? route.Table : 0),
            Protocol = (byte)route.Protocol,
            Scope = (byte)(route.Scope ?? (deleting ? RouteScope.Nowhere : ImpliedScope(route.IsIPv6, route.Type, gateways))),
            Type = (byte)route.Type,
            Flags = route.OnLink ? RouteConstants.RtnhOnLink : 0,
        });
        if (destination.PrefixLength > 0)
        {
            writer.Attribute(RouteConstants.RtaDst, destination.BaseAddress);
        }

        writer.Attribute(RouteConstants.RtaTable, route.Table);
        if (route.Gateway is { } gateway)
        {
            WriteGateway(ref writer, route.IsIPv6, gateway);
        }

        if (route.Link is { } link)
        {
            writer.Attribute(RouteConstants.RtaOif, (uint)link);
        }

        if (route.NextHops.Count > 0)
        {
            RouteNextHops.Write(ref writer, route);
        }

        if (route.Source is { } source)
        {
            writer.Attribute(RouteConstants.RtaPrefSrc, source);
        }

        if (route.Metric != 0)
        {
            writer.Attribute(RouteConstants.RtaPriority, route.Metric);
        }

        if (!deleting)
        {
            RouteMetricsCodec.Write(ref writer, route);
            if (route.Expires is { } expires)
            {
                writer.Attribute(RouteConstants.RtaExpires, (uint)expires.TotalSeconds);
            }
        }

        batch.End(writer);
    }

    internal static void WriteDump(NetlinkBatch batch, RouteProtocol protocol, uint table = 0, byte family = RouteConstants.AfUnspec)
    {
        var writer = batch.Begin(RouteConstants.RtmGetRoute, NetlinkFlags.Dump);
        writer.Header(new RouteHeader { Family = family, Protocol = (byte)protocol });
        if (table != 0)
        {
            writer.Attribute(RouteConstants.RtaTable, table);
        }

        batch.End(writer);
    }

    /// <summary>Asks which route the kernel would take to an address.</summary>
    internal static void WriteLookup(NetlinkBatch batch, IPAddress destination, IPAddress? source)
    {
        var v4 = destination.AddressFamily == AddressFamily.InterNetwork;
        var bits = (byte)(v4 ? 32 : 128);
        var writer = batch.Begin(RouteConstants.RtmGetRoute, NetlinkFlags.None);
        writer.Header(new RouteHeader
        {
            Family = v4 ? RouteConstants.AfInet : RouteConstants.AfInet6,
            DestinationLength = bits,
            SourceLength = source is null ? (byte)0 : bits,
        });
        writer.Attribute(RouteConstants.RtaDst, destination);
        if (source is not null)
        {
            writer.Attribute(RouteConstants.RtaSrc, source);
        }

        batch.End(writer);
    }

    internal static Route? Read(scoped NetlinkMessage message) => Read(message, cached: false);

    internal static Route? Read(scoped NetlinkMessage message, bool cached)
        => RouteView.TryRead(message, out var view, cached) ? view.ToRoute() : null;

    internal static RouteScope ImpliedScope(bool v6, RouteType type, bool gateway) => type switch
    {
        _ when v6 => RouteScope.Universe,
        RouteType.Local => RouteScope.Host,
        RouteType.Broadcast or RouteType.Multicast or RouteType.Anycast => RouteScope.Link,
        RouteType.Unicast when !gateway => RouteScope.Link,
        _ => RouteScope.Universe,
    };

    /// <summary>An IPv4 route may have an IPv6 gateway (RFC 5549), which has another attribute.</summary>
    internal static void WriteGateway(ref NetlinkWriter writer, bool routeIsV6, IPAddress gateway)
    {
        var v6 = gateway.AddressFamily == AddressFamily.InterNetworkV6;
        if (v6 == routeIsV6)
        {
            writer.Attribute(RouteConstants.RtaGateway, gateway);
            return;
        }

        Span<byte> via = stackalloc byte[18];
        via[0] = v6 ? RouteConstants.AfInet6 : RouteConstants.AfInet;
        via[1] = 0;
        _ = gateway.TryWriteBytes(via[2..], out var length);
        writer.Attribute(RouteConstants.RtaVia, via[..(2 + length)]);
    }

    private static bool HasGateway(ValueArray<NextHop> hops)
    {
        foreach (var hop in hops)
        {
            if (hop.Gateway is not null)
            {
                return true;
            }
        }

        return false;
    }
}
