using System.Net;

namespace Fairlead.Linux.Netlink.Route;

/// <summary>Routes to and from rtnetlink messages.</summary>
internal static class RouteMessages
{
    /// <summary>What IPv6 takes where no metric is given. It reads as none, so that a route read equals the one written.</summary>
    private const uint DefaultMetric6 = 1024;

    internal static void Write(NetlinkBatch batch, ushort type, NetlinkFlags flags, Route route)
    {
        var writer = batch.Begin(type, flags);
        var deleting = type == RouteConstants.RtmDelRoute;
        writer.Header(new RouteHeader
        {
            Family = route.IsIPv6 ? RouteConstants.AfInet6 : RouteConstants.AfInet,
            DestinationLength = (byte)route.Destination.PrefixLength,
            Table = (byte)(route.Table <= byte.MaxValue ? route.Table : 0),
            Protocol = (byte)route.Protocol,
            Scope = (byte)(route.Scope ?? (deleting ? RouteScope.Nowhere : ImpliedScope(route.IsIPv6, route.Type, route.Gateway is not null))),
            Type = (byte)route.Type,
            Flags = route.OnLink ? RouteConstants.RtnhOnLink : 0,
        });
        if (route.Destination.PrefixLength > 0)
        {
            writer.Attribute(RouteConstants.RtaDst, route.Destination.BaseAddress);
        }

        writer.Attribute(RouteConstants.RtaTable, route.Table);
        if (route.Gateway is { } gateway)
        {
            WriteGateway(ref writer, route, gateway);
        }

        if (route.Link is { } link)
        {
            writer.Attribute(RouteConstants.RtaOif, (uint)link);
        }

        if (route.Source is { } source)
        {
            writer.Attribute(RouteConstants.RtaPrefSrc, source);
        }

        if (route.Metric != 0)
        {
            writer.Attribute(RouteConstants.RtaPriority, route.Metric);
        }

        if (route.Mtu is { } mtu && !deleting)
        {
            var metrics = writer.BeginNested(RouteConstants.RtaMetrics);
            writer.Attribute(RouteConstants.RtaxMtu, (uint)mtu);
            writer.EndNested(metrics);
        }

        batch.End(writer);
    }

    internal static void WriteDump(NetlinkBatch batch, RouteProtocol protocol)
    {
        var writer = batch.Begin(RouteConstants.RtmGetRoute, NetlinkFlags.Dump);
        writer.Header(new RouteHeader { Protocol = (byte)protocol });
        batch.End(writer);
    }

    /// <summary>Asks which route the kernel would take to an address.</summary>
    internal static void WriteLookup(NetlinkBatch batch, IPAddress destination, IPAddress? source)
    {
        var v4 = destination.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork;
        var bits = (byte)(v4 ? 32 : 128);
        var writer = batch.Begin(RouteConstants.RtmGetRoute, NetlinkFlags.Ack);
        writer.Header(new RouteHeader
        {
            Family = v4 ? RouteConstants.AfInet : RouteConstants.AfInet6,
            DestinationLength = bits,
            SourceLength = source is null ? (byte)0 : bits,
        });
        writer.Attribute(RouteConstants.RtaDst, destination);
        if (source is not null)
        {
            writer.Attribute(RtaSrc, source);
        }

        batch.End(writer);
    }

    internal static Route? Read(scoped NetlinkMessage message) => Read(message, cached: false);

    internal static Route? Read(scoped NetlinkMessage message, bool cached)
    {
        var attributes = message.Attributes<RouteHeader>(out var header);
        var v6 = header.Family == RouteConstants.AfInet6;
        if (message.Type is not (RouteConstants.RtmNewRoute or RouteConstants.RtmDelRoute)
            || header.Family is not (RouteConstants.AfInet or RouteConstants.AfInet6)
            || header.DestinationLength > (v6 ? 128 : 32)
            || ((header.Flags & RouteConstants.RtmCloned) != 0 && !cached))
        {
            return null;
        }

        var destination = v6 ? IPAddress.IPv6Any : IPAddress.Any;
        var route = new Route(new IPNetwork(destination, 0))
        {
            Table = header.Table,
            Protocol = (RouteProtocol)header.Protocol,
            Type = (RouteType)header.Type,
            OnLink = (header.Flags & RouteConstants.RtnhOnLink) != 0,
        };
        while (attributes.TryRead(out var a))
        {
            switch (a.Type)
            {
                case RouteConstants.RtaDst when a.Address is { } address:
                    destination = address;
                    break;
                case RouteConstants.RtaGateway:
                    route = route with { Gateway = a.Address };
                    break;
                case RouteConstants.RtaVia when a.Value.Length is 6 or 18:
                    route = route with { Gateway = new IPAddress(a.Value[2..]) };
                    break;
                case RouteConstants.RtaOif:
                    route = route with { Link = a.Int32 };
                    break;
                case RouteConstants.RtaPrefSrc:
                    route = route with { Source = a.Address };
                    break;
                case RouteConstants.RtaPriority:
                    route = route with { Metric = v6 && a.UInt32 == DefaultMetric6 ? 0 : a.UInt32 };
                    break;
                case RouteConstants.RtaTable:
                    route = route with { Table = a.UInt32 };
                    break;
                case RouteConstants.RtaMetrics:
                    route = route with { Mtu = ReadMtu(a.Nested) };
                    break;
            }
        }

        if (destination.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 != v6)
        {
            return null;
        }

        var scope = (RouteScope)header.Scope;
        return route with
        {
            Destination = new InterfaceAddress(destination, header.DestinationLength).Network,
            Scope = scope == ImpliedScope(v6, route.Type, route.Gateway is not null) ? null : scope,

            // IPv6 ties what leads nowhere to the loopback.
            Link = route.Type is RouteType.Blackhole or RouteType.Unreachable or RouteType.Prohibit or RouteType.Throw ? null : route.Link,
        };
    }

    private const ushort RtaSrc = 2;

    private static RouteScope ImpliedScope(bool v6, RouteType type, bool gateway) => type switch
    {
        _ when v6 => RouteScope.Universe,
        RouteType.Local => RouteScope.Host,
        RouteType.Broadcast or RouteType.Multicast or RouteType.Anycast => RouteScope.Link,
        RouteType.Unicast when !gateway => RouteScope.Link,
        _ => RouteScope.Universe,
    };

    /// <summary>An IPv4 route may have an IPv6 gateway (RFC 5549), which has another attribute.</summary>
    private static void WriteGateway(ref NetlinkWriter writer, Route route, IPAddress gateway)
    {
        var v6 = gateway.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6;
        if (v6 == route.IsIPv6)
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

    private static int? ReadMtu(AttributeReader metrics)
    {
        while (metrics.TryRead(out var a))
        {
            if (a.Type == RouteConstants.RtaxMtu)
            {
                return a.Int32;
            }
        }

        return null;
    }
}
