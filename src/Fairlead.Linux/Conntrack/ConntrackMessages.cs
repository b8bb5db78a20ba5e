using System.Net;
using System.Net.Sockets;
using Fairlead.Linux.Netlink;
using Fairlead.Linux.Nftables;

namespace Fairlead.Linux.Conntrack;

/// <summary>Connections to and from ctnetlink messages (linux/netfilter/nfnetlink_conntrack.h).</summary>
internal static class ConntrackMessages
{
    private const ushort Subsystem = 1 << 8;
    private const ushort New = Subsystem | 0;
    private const ushort Get = Subsystem | 1;
    private const ushort Delete = Subsystem | 2;

    private const ushort TupleOriginal = 1;
    private const ushort TupleReply = 2;
    private const ushort Status = 3;
    private const ushort ProtocolInfo = 4;
    private const ushort Timeout = 7;
    private const ushort Mark = 8;
    private const ushort CountersOriginal = 9;
    private const ushort CountersReply = 10;
    private const ushort Id = 12;
    private const ushort Zone = 18;
    private const ushort MarkMask = 21;

    private const ushort Filter = 25;
    private const ushort FilterOriginal = 1;
    private const ushort FilterReply = 2;
    private const ushort StatusMask = 26;

    private const ushort TupleIp = 1;
    private const ushort TupleProtocol = 2;
    private const ushort Ipv4Source = 1;
    private const ushort Ipv4Destination = 2;
    private const ushort Ipv6Source = 3;
    private const ushort Ipv6Destination = 4;
    private const ushort ProtocolNumber = 1;
    private const ushort SourcePort = 2;
    private const ushort DestinationPort = 3;
    private const ushort IcmpId = 4;
    private const ushort IcmpType = 5;
    private const ushort IcmpCode = 6;
    private const ushort Icmp6Id = 7;
    private const ushort Icmp6Type = 8;
    private const ushort Icmp6Code = 9;

    private const byte Icmp6Protocol = 58;

    /// <summary>Parts of a tuple that a filter looks at, each one bit (CTA_FILTER_F_*, net/netfilter/nf_internals.h).</summary>
    private const uint FilterSource = 1 << 0;
    private const uint FilterDestination = 1 << 1;
    private const uint FilterProtocol = 1 << 3;
    private const uint FilterSourcePort = 1 << 4;
    private const uint FilterDestinationPort = 1 << 5;

    internal static void WriteDump(NetlinkBatch batch, ConntrackFilter? filter = null)
    {
        var w = batch.Begin(Get, NetlinkFlags.Dump);
        w.Header(NftEncoder.Header(filter?.Family ?? 0));
        if (filter is not null)
        {
            WriteFilter(ref w, filter);
        }

        batch.End(w);
    }

    internal static void WriteGet(NetlinkBatch batch, byte protocol, ConntrackTuple tuple, ushort zone)
        => Write(batch, Get, protocol, tuple, zone, static (ref NetlinkWriter _) => { });

    internal static void WriteDeletion(NetlinkBatch batch, ConntrackEntry entry)
    {
        // The number, so that one which has come in its place meanwhile is left alone.
        var id = entry.Id;
        Write(batch, Delete, entry.Protocol, entry.Original, entry.Zone, (ref NetlinkWriter w) =>
        {
            if (id != 0)
            {
                w.BigEndian(Id, id);
            }
        });
    }

    internal static void WriteUpdate(NetlinkBatch batch, ConntrackEntry entry, uint? mark, uint? timeLeft)
        => Write(batch, New, entry.Protocol, entry.Original, entry.Zone, (ref NetlinkWriter w) =>
        {
            if (mark is { } value)
            {
                w.BigEndian(Mark, value);
            }

            if (timeLeft is { } seconds)
            {
                w.BigEndian(Timeout, seconds);
            }
        });

    internal static ConntrackEvent? ReadEvent(scoped NetlinkMessage message)
        => (message.Type, Read(message, message.Type)) switch
        {
            (New, { } entry) => new((message.Flags & NetlinkFlags.Create) != 0 ? ConntrackChange.New : ConntrackChange.Updated, entry),
            (Delete, { } entry) => new(ConntrackChange.Destroyed, entry),
            _ => null,
        };

    internal static ConntrackEntry? Read(scoped NetlinkMessage message) => Read(message, New);

    private static ConntrackEntry? Read(scoped NetlinkMessage message, ushort type)
    {
        if (message.Type != type || type is not (New or Delete))
        {
            return null;
        }

        var attributes = message.Attributes<uint>(out _);
        ConntrackTuple? original = null;
        ConntrackTuple? reply = null;
        byte protocol = 0;
        var entry = new ConntrackEntry(0, default, default);
        while (attributes.TryRead(out var a))
        {
            switch (a.Type)
            {
                case TupleOriginal:
                    original = ReadTuple(a.Nested, out protocol);
                    break;
                case TupleReply:
                    reply = ReadTuple(a.Nested, out _);
                    break;
                default:
                    entry = a.Type switch
                    {
                        Status => entry with { Status = (CtStatus)a.BigEndian32 },
                        ProtocolInfo => entry with { State = ReadState(a.Nested) },
                        Timeout => entry with { TimeLeft = a.BigEndian32 },
                        Mark => entry with { Mark = a.BigEndian32 },
                        CountersOriginal => entry with { Sent = ReadCounts(a.Nested) },
                        CountersReply => entry with { Received = ReadCounts(a.Nested) },
                        Id => entry with { Id = a.BigEndian32 },
                        Zone => entry with { Zone = a.BigEndian16 },
                        _ => entry,
                    };
                    break;
            }
        }

        return original is { } there && reply is { } back ? entry with { Protocol = protocol, Original = there, Reply = back } : null;
    }

    /// <summary>The protocol and the original addresses of a message, though it be a request and has no others.</summary>
    internal static (byte Protocol, ConntrackTuple Tuple)? ReadTuples(scoped NetlinkMessage message)
    {
        var attributes = message.Attributes<uint>(out _);
        while (attributes.TryRead(out var a))
        {
            if (a.Type == TupleOriginal && ReadTuple(a.Nested, out var protocol) is { } tuple)
            {
                return (protocol, tuple);
            }
        }

        return null;
    }

    private delegate void Part(ref NetlinkWriter w);

    private static void Write(NetlinkBatch batch, ushort type, byte protocol, ConntrackTuple tuple, ushort zone, Part rest)
    {
        var w = batch.Begin(type, NetlinkFlags.Ack);
        w.Header(NftEncoder.Header(tuple.Source.AddressFamily == AddressFamily.InterNetwork ? NftFamily.Ip : NftFamily.Ip6));
        WriteTuple(ref w, TupleOriginal, protocol, tuple);
        if (zone != 0)
        {
            w.BigEndian(Zone, zone);
        }

        rest(ref w);
        batch.End(w);
    }

    private static void WriteTuple(ref NetlinkWriter w, ushort type, byte protocol, ConntrackTuple tuple)
    {
        var whole = w.BeginNested(type);
        WriteAddresses(ref w, tuple.Source, tuple.Destination);
        var part = w.BeginNested(TupleProtocol);
        w.Attribute(ProtocolNumber, protocol);
        if (tuple.Icmp is { } icmp)
        {
            var v6 = protocol == Icmp6Protocol;
            w.BigEndian(v6 ? Icmp6Id : IcmpId, icmp.Id);
            w.Attribute(v6 ? Icmp6Type : IcmpType, icmp.Type);
            w.Attribute(v6 ? Icmp6Code : IcmpCode, icmp.Code);
        }
        else
        {
            w.BigEndian(SourcePort, tuple.SourcePort);
            w.BigEndian(DestinationPort, tuple.DestinationPort);
        }

        w.EndNested(part);
        w.EndNested(whole);
    }

    private static void WriteAddresses(ref NetlinkWriter w, IPAddress? source, IPAddress? destination)
    {
        var ip = w.BeginNested(TupleIp);
        if (source is not null)
        {
            w.Attribute(source.AddressFamily == AddressFamily.InterNetwork ? Ipv4Source : Ipv6Source, source);
        }

        if (destination is not null)
        {
            w.Attribute(destination.AddressFamily == AddressFamily.InterNetwork ? Ipv4Destination : Ipv6Destination, destination);
        }

        w.EndNested(ip);
    }

    /// <summary>What the kernel can choose by: mark, zone, status, and the tuples of a family that an address says.</summary>
    private static void WriteFilter(ref NetlinkWriter w, ConntrackFilter filter)
    {
        if (filter.Mark is { } mark)
        {
            w.BigEndian(Mark, mark & filter.MarkMask);
            w.BigEndian(MarkMask, filter.MarkMask);
        }

        if (filter.Zone is { } zone)
        {
            w.BigEndian(Zone, zone);
        }

        if (filter.Status != CtStatus.None)
        {
            w.BigEndian(Status, (uint)filter.Status);
            w.BigEndian(StatusMask, (uint)filter.Status);
        }

        if (filter.Family == 0)
        {
            return;
        }

        var original = WriteFilterTuple(
            ref w, TupleOriginal, filter.Protocol, filter.OriginalSource, filter.OriginalSourcePort, filter.OriginalDestination, filter.OriginalDestinationPort);
        var reply = WriteFilterTuple(
            ref w, TupleReply, filter.Protocol, filter.ReplySource, filter.ReplySourcePort, filter.ReplyDestination, filter.ReplyDestinationPort);
        var flags = w.BeginNested(Filter);
        w.Attribute(FilterOriginal, original);
        w.Attribute(FilterReply, reply);
        w.EndNested(flags);
    }

    private static uint WriteFilterTuple(
        ref NetlinkWriter w, ushort type, byte? protocol, IPAddress? source, ushort? sourcePort, IPAddress? destination, ushort? destinationPort)
    {
        // Kernels compare IPv6 addresses the wrong way round here (seen with 6.18), and leave out just those that are meant.
        if (source?.AddressFamily == AddressFamily.InterNetworkV6 || destination?.AddressFamily == AddressFamily.InterNetworkV6)
        {
            (source, destination) = (null, null);
        }

        // Ports are read by the protocol, so without it they are none of the kernel's.
        var hasPorts = protocol is NftValue.Tcp or NftValue.Udp or NftValue.Sctp;
        var (from, to) = (hasPorts ? sourcePort : null, hasPorts ? destinationPort : null);
        var flags = (source is null ? 0 : FilterSource) | (destination is null ? 0 : FilterDestination) | (protocol is null ? 0 : FilterProtocol)
            | (from is null ? 0 : FilterSourcePort) | (to is null ? 0 : FilterDestinationPort);
        if (flags == 0)
        {
            return 0;
        }

        var whole = w.BeginNested(type);
        if (source is not null || destination is not null)
        {
            WriteAddresses(ref w, source, destination);
        }

        if (protocol is { } number)
        {
            var part = w.BeginNested(TupleProtocol);
            w.Attribute(ProtocolNumber, number);
            if (from is { } fromPort)
            {
                w.BigEndian(SourcePort, fromPort);
            }

            if (to is { } toPort)
            {
                w.BigEndian(DestinationPort, toPort);
            }

            w.EndNested(part);
        }

        w.EndNested(whole);
        return flags;
    }

    /// <summary>CTA_PROTOINFO: within the part of TCP (1) or SCTP (3) the state is the first attribute.</summary>
    private static byte? ReadState(AttributeReader attributes)
    {
        while (attributes.TryRead(out var protocol))
        {
            var parts = protocol.Nested;
            while (protocol.Type is 1 or 3 && parts.TryRead(out var a))
            {
                if (a.Type == 1)
                {
                    return a.Byte;
                }
            }
        }

        return null;
    }

    private static ConntrackCounts ReadCounts(AttributeReader attributes)
    {
        var counts = default(ConntrackCounts);
        while (attributes.TryRead(out var a))
        {
            counts = a.Type switch
            {
                1 => counts with { Packets = a.BigEndian64 },
                2 => counts with { Bytes = a.BigEndian64 },
                _ => counts,
            };
        }

        return counts;
    }

    private static ConntrackTuple? ReadTuple(AttributeReader attributes, out byte protocol)
    {
        protocol = 0;
        IPAddress? source = null;
        IPAddress? destination = null;
        var (sourcePort, destinationPort) = ((ushort)0, (ushort)0);
        ConntrackIcmp? icmp = null;
        while (attributes.TryRead(out var group))
        {
            var parts = group.Nested;
            while (parts.TryRead(out var a))
            {
                switch (group.Type, a.Type)
                {
                    case (TupleIp, Ipv4Source or Ipv6Source):
                        source = a.Address;
                        break;
                    case (TupleIp, Ipv4Destination or Ipv6Destination):
                        destination = a.Address;
                        break;
                    case (TupleProtocol, ProtocolNumber):
                        protocol = a.Byte;
                        break;
                    case (TupleProtocol, SourcePort):
                        sourcePort = a.BigEndian16;
                        break;
                    case (TupleProtocol, DestinationPort):
                        destinationPort = a.BigEndian16;
                        break;
                    case (TupleProtocol, IcmpId or Icmp6Id):
                        icmp = (icmp ?? default) with { Id = a.BigEndian16 };
                        break;
                    case (TupleProtocol, IcmpType or Icmp6Type):
                        icmp = (icmp ?? default) with { Type = a.Byte };
                        break;
                    case (TupleProtocol, IcmpCode or Icmp6Code):
                        icmp = (icmp ?? default) with { Code = a.Byte };
                        break;
                }
            }
        }

        return source is null || destination is null ? null : new(source, sourcePort, destination, destinationPort) { Icmp = icmp };
    }
}
