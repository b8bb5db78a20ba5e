using System.Net.Sockets;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink;
using Fairlead.Linux.Nftables;

namespace Fairlead.Linux.Conntrack;

/// <summary>The connections that one network namespace follows.</summary>
/// <remarks>A namespace follows none before it has a rule that asks for it: the list is empty then.</remarks>
public sealed class ConntrackSocket : IDisposable
{
    /// <summary>More acknowledgements than this could overflow the receive buffer.</summary>
    private const int MaxDeletionsAtOnce = 1000;

    private readonly NetlinkSocket _socket;

    private ConntrackSocket(NetlinkSocket socket) => _socket = socket;

    /// <summary>Opens a socket in a namespace, or in the calling thread's.</summary>
    public static ConntrackSocket Open(NetworkNamespace? network = null) => new(NetlinkSocket.Open(NetlinkProtocol.Netfilter, network));

    public IReadOnlyList<ConntrackEntry> Entries(ConntrackFilter? filter = null)
        => [.. _socket.Dump("conntrack list", ConntrackMessages.WriteDump, ConntrackMessages.Read).Where(e => filter?.Matches(e) != false)];

    /// <summary>Forgets connections: their next packet is taken as a first one, and so meets the rules that are there now.</summary>
    /// <returns>How many were forgotten.</returns>
    public int Delete(ConntrackFilter filter)
    {
        ArgumentNullException.ThrowIfNull(filter);
        return Delete(filter.Matches);
    }

    /// <summary>As <see cref="Delete(ConntrackFilter)"/>, for many filters with one reading of the list.</summary>
    public int Delete(Func<ConntrackEntry, bool> matches)
    {
        ArgumentNullException.ThrowIfNull(matches);
        var deleted = 0;
        foreach (var chunk in Entries().Where(matches).Chunk(MaxDeletionsAtOnce))
        {
            using var batch = _socket.NewBatch();
            foreach (var entry in chunk)
            {
                ConntrackMessages.WriteDeletion(batch, entry);
            }

            foreach (var refusal in _socket.Exchange(batch))
            {
                // Gone meanwhile by itself: as good.
                if (refusal is { Errno: not Errno.NoEntry })
                {
                    throw refusal.ToException("conntrack delete");
                }

                deleted += refusal is null ? 1 : 0;
            }
        }

        return deleted;
    }

    public void Dispose() => _socket.Dispose();
}

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
    private const ushort Timeout = 7;
    private const ushort Mark = 8;
    private const ushort Id = 12;
    private const ushort Zone = 18;

    private const ushort TupleIp = 1;
    private const ushort TupleProtocol = 2;
    private const ushort Ipv4Source = 1;
    private const ushort Ipv4Destination = 2;
    private const ushort Ipv6Source = 3;
    private const ushort Ipv6Destination = 4;
    private const ushort ProtocolNumber = 1;
    private const ushort SourcePort = 2;
    private const ushort DestinationPort = 3;

    internal static void WriteDump(NetlinkBatch batch)
    {
        var w = batch.Begin(Get, NetlinkFlags.Dump);
        w.Header(NftEncoder.Header(0));
        batch.End(w);
    }

    internal static void WriteDeletion(NetlinkBatch batch, ConntrackEntry entry)
    {
        var v4 = entry.Original.Source.AddressFamily == AddressFamily.InterNetwork;
        var w = batch.Begin(Delete, NetlinkFlags.Ack);
        w.Header(NftEncoder.Header(v4 ? NftFamily.Ip : NftFamily.Ip6));
        var tuple = w.BeginNested(TupleOriginal);
        var ip = w.BeginNested(TupleIp);
        w.Attribute(v4 ? Ipv4Source : Ipv6Source, entry.Original.Source);
        w.Attribute(v4 ? Ipv4Destination : Ipv6Destination, entry.Original.Destination);
        w.EndNested(ip);
        var protocol = w.BeginNested(TupleProtocol);
        w.Attribute(ProtocolNumber, entry.Protocol);
        w.BigEndian(SourcePort, entry.Original.SourcePort);
        w.BigEndian(DestinationPort, entry.Original.DestinationPort);
        w.EndNested(protocol);
        w.EndNested(tuple);
        if (entry.Zone != 0)
        {
            w.BigEndian(Zone, entry.Zone);
        }

        // So that one which has come in its place meanwhile is left alone.
        w.BigEndian(Id, entry.Id);
        batch.End(w);
    }

    internal static ConntrackEntry? Read(scoped NetlinkMessage message)
    {
        if (message.Type != New)
        {
            return null;
        }

        var attributes = message.Attributes<uint>(out _);
        ConntrackTuple? original = null;
        ConntrackTuple? reply = null;
        byte protocol = 0;
        var (status, timeout, mark, id, zone) = (0u, 0u, 0u, 0u, (ushort)0);
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
                case Status:
                    status = a.BigEndian32;
                    break;
                case Timeout:
                    timeout = a.BigEndian32;
                    break;
                case Mark:
                    mark = a.BigEndian32;
                    break;
                case Id:
                    id = a.BigEndian32;
                    break;
                case Zone:
                    zone = a.BigEndian16;
                    break;
            }
        }

        return original is { } there && reply is { } back
            ? new(protocol, there, back) { Status = (CtStatus)status, TimeLeft = timeout, Mark = mark, Id = id, Zone = zone }
            : null;
    }

    private static ConntrackTuple? ReadTuple(AttributeReader attributes, out byte protocol)
    {
        protocol = 0;
        System.Net.IPAddress? source = null;
        System.Net.IPAddress? destination = null;
        var (sourcePort, destinationPort) = ((ushort)0, (ushort)0);
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
                }
            }
        }

        return source is null || destination is null ? null : new(source, sourcePort, destination, destinationPort);
    }
}
