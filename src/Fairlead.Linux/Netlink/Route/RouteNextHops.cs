using System.Net;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Fairlead.Linux.Netlink.Route;

/// <summary>The several ways of a route to and from RTA_MULTIPATH: fixed parts, each with attributes of its own behind it.</summary>
internal static class RouteNextHops
{
    private static int HeaderLength => Unsafe.SizeOf<NextHopHeader>();

    internal static void Write(ref NetlinkWriter writer, Route route)
    {
        var list = writer.BeginNested(RouteConstants.RtaMultipath);
        foreach (var hop in route.NextHops)
        {
            var start = writer.Length;
            writer.Header(new NextHopHeader
            {
                Flags = (byte)(hop.OnLink ? RouteConstants.RtnhOnLink : 0),
                Hops = (byte)(Math.Clamp(hop.Weight, 1, 256) - 1),
                Index = hop.Link ?? 0,
            });
            if (hop.Gateway is { } gateway)
            {
                RouteMessages.WriteGateway(ref writer, route.IsIPv6, gateway);
            }

            writer.EndNested(start);
        }

        writer.EndNested(list);
    }

    internal static ValueArray<NextHop> Read(ReadOnlySpan<byte> value)
    {
        if (value.IsEmpty)
        {
            return [];
        }

        var hops = new List<NextHop>();
        while (TryRead(ref value, out var header, out var attributes))
        {
            var gateway = GatewayOf(attributes);
            hops.Add(new()
            {
                Gateway = gateway.Length is 4 or 16 ? new IPAddress(gateway) : null,
                Link = header.Index == 0 ? null : header.Index,
                Weight = header.Hops + 1,
                OnLink = (header.Flags & RouteConstants.RtnhOnLink) != 0,
            });
        }

        return [.. hops];
    }

    internal static bool AnyGateway(ReadOnlySpan<byte> value)
    {
        while (TryRead(ref value, out _, out var attributes))
        {
            if (!GatewayOf(attributes).IsEmpty)
            {
                return true;
            }
        }

        return false;
    }

    private static bool TryRead(ref ReadOnlySpan<byte> rest, out NextHopHeader header, out AttributeReader attributes)
    {
        header = default;
        attributes = default;
        if (rest.Length < HeaderLength)
        {
            return false;
        }

        header = MemoryMarshal.Read<NextHopHeader>(rest);
        if (header.Length < HeaderLength || header.Length > rest.Length)
        {
            return false;
        }

        attributes = new(rest[HeaderLength..header.Length]);
        rest = rest[Math.Min(NetlinkConstants.Align(header.Length), rest.Length)..];
        return true;
    }

    private static ReadOnlySpan<byte> GatewayOf(AttributeReader attributes)
    {
        while (attributes.TryRead(out var a))
        {
            if (a.Type == RouteConstants.RtaGateway)
            {
                return a.Value;
            }

            if (a.Type == RouteConstants.RtaVia && a.Value.Length is 6 or 18)
            {
                return a.Value[2..];
            }
        }

        return default;
    }
}
