using System.Buffers.Binary;
using System.Net.Sockets;

namespace Fairlead.Linux.Netlink.Route;

/// <summary>Addresses to rtnetlink messages; the way back is <see cref="AddressView"/>.</summary>
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
            WriteProperties(ref writer, address, v4);
        }

        batch.End(writer);
    }

    internal static void WriteDump(NetlinkBatch batch, int link)
    {
        var writer = batch.Begin(RouteConstants.RtmGetAddr, NetlinkFlags.Dump);
        writer.Header(new AddressHeader { Index = link });
        batch.End(writer);
    }

    internal static LinkAddress? Read(scoped NetlinkMessage message) => AddressView.TryRead(message, out var view) ? view.ToAddress() : null;

    private static void WriteProperties(ref NetlinkWriter writer, LinkAddress address, bool v4)
    {
        if (address.Broadcast is { } broadcast)
        {
            writer.Attribute(RouteConstants.IfaBroadcast, broadcast);
        }
        else if (v4 && address.Peer is null && address.Address.PrefixLength < 31)
        {
            Span<byte> bytes = stackalloc byte[4];
            _ = address.Address.Address.TryWriteBytes(bytes, out _);
            writer.Attribute(
                RouteConstants.IfaBroadcast,
                BinaryPrimitives.ReverseEndianness(BinaryPrimitives.ReadUInt32BigEndian(bytes) | (uint.MaxValue >> address.Address.PrefixLength)));
        }

        if (address.Label is { } label)
        {
            writer.Attribute(RouteConstants.IfaLabel, label);
        }

        if (address.Flags != AddressFlags.None)
        {
            writer.Attribute(RouteConstants.IfaFlags, (uint)address.Flags);
        }

        if (address.Preferred is not null || address.Valid is not null)
        {
            writer.Attribute(
                RouteConstants.IfaCacheInfo, new AddressLifetimes { Preferred = Seconds(address.Preferred ?? address.Valid), Valid = Seconds(address.Valid) });
        }

        if (address.Metric != 0)
        {
            writer.Attribute(RouteConstants.IfaRtPriority, address.Metric);
        }
    }

    private static uint Seconds(TimeSpan? time) => time is { } t ? (uint)Math.Min(t.TotalSeconds, uint.MaxValue - 1) : uint.MaxValue;
}
