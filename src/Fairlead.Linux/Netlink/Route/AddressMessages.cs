using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Fairlead.Linux.Netlink.Route;

/// <summary>Addresses to and from rtnetlink messages.</summary>
internal static class AddressMessages
{
    internal static void Write(NetlinkBatch batch, ushort type, NetlinkFlags flags, LinkAddress address)
    {
        var ip = address.Address.Address;
        var v4 = ip.AddressFamily == AddressFamily.InterNetwork;
        var writer = batch.Begin(type, flags);
        writer.Header(new AddressHeader
        {
            Family = v4 ? RouteConstants.AfInet : RouteConstants.AfInet6,
            PrefixLength = (byte)address.Address.PrefixLength,
            Scope = (byte)address.Scope,
            Index = address.Link,
        });
        writer.Attribute(RouteConstants.IfaLocal, ip);
        writer.Attribute(RouteConstants.IfaAddress, address.Peer ?? ip);
        if (type == RouteConstants.RtmNewAddr)
        {
            if ((address.Broadcast ?? (v4 && address.Peer is null ? BroadcastOf(address.Address) : null)) is { } broadcast)
            {
                writer.Attribute(RouteConstants.IfaBroadcast, broadcast);
            }

            if (address.Flags != AddressFlags.None)
            {
                writer.Attribute(RouteConstants.IfaFlags, (uint)address.Flags);
            }
        }

        batch.End(writer);
    }

    internal static void WriteDump(NetlinkBatch batch, int link)
    {
        var writer = batch.Begin(RouteConstants.RtmGetAddr, NetlinkFlags.Dump);
        writer.Header(new AddressHeader { Index = link });
        batch.End(writer);
    }

    internal static LinkAddress? Read(scoped NetlinkMessage message)
    {
        var attributes = message.Attributes<AddressHeader>(out var header);
        if (message.Type is not (RouteConstants.RtmNewAddr or RouteConstants.RtmDelAddr)
            || header.Family is not (RouteConstants.AfInet or RouteConstants.AfInet6))
        {
            return null;
        }

        IPAddress? local = null;
        IPAddress? address = null;
        IPAddress? broadcast = null;
        var flags = (AddressFlags)header.Flags;
        while (attributes.TryRead(out var a))
        {
            switch (a.Type)
            {
                case RouteConstants.IfaLocal:
                    local = a.Address;
                    break;
                case RouteConstants.IfaAddress:
                    address = a.Address;
                    break;
                case RouteConstants.IfaBroadcast:
                    broadcast = a.Address;
                    break;
                case RouteConstants.IfaFlags:
                    flags = (AddressFlags)a.UInt32;
                    break;
            }
        }

        // IPv6 gives no local address where there is no peer.
        var own = local ?? address;
        return own is null || header.PrefixLength > (own.AddressFamily == AddressFamily.InterNetwork ? 32 : 128)
            ? null
            : new LinkAddress(header.Index, new(own, header.PrefixLength))
            {
                Flags = flags,
                Scope = (RouteScope)header.Scope,
                Broadcast = broadcast,
                Peer = address is not null && !address.Equals(own) ? address : null,
            };
    }

    private static IPAddress? BroadcastOf(InterfaceAddress address)
    {
        if (address.PrefixLength >= 31)
        {
            return null;
        }

        Span<byte> bytes = stackalloc byte[4];
        _ = address.Address.TryWriteBytes(bytes, out _);
        BinaryPrimitives.WriteUInt32BigEndian(bytes, BinaryPrimitives.ReadUInt32BigEndian(bytes) | (uint.MaxValue >> address.PrefixLength));
        return new(bytes);
    }
}
