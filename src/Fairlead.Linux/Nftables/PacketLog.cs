using System.Buffers.Binary;
using System.Net;
using System.Runtime.CompilerServices;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink;

namespace Fairlead.Linux.Nftables;

/// <summary>A packet that a rule logged to a group.</summary>
/// <param name="Prefix">The rule's own word for it.</param>
/// <param name="Protocol">The number in the IP header.</param>
/// <param name="SourcePort">0 where the protocol has no ports, or it is a later fragment.</param>
public sealed record LoggedPacket(string Prefix, IPAddress Source, IPAddress Destination, byte Protocol, ushort SourcePort, ushort DestinationPort);

/// <summary>Listens to the packets that rules log to a group (<see cref="Act.LogTo"/>), from when it is opened.</summary>
/// <remarks>nfnetlink_log, linux/netfilter/nfnetlink_log.h. What comes faster than it is read is lost, and nobody is told: it is a sample.</remarks>
public sealed class PacketLog : IChangeMonitor<LoggedPacket>
{
    private const ushort Subsystem = 4;
    private const ushort MessageConfig = (Subsystem << 8) | 1;
    private const ushort MessagePacket = Subsystem << 8;
    private const ushort ConfigCommand = 1;
    private const ushort ConfigMode = 2;
    private const byte CommandBind = 1;
    private const byte CopyPacket = 2;
    private const ushort PacketPayload = 9;
    private const ushort PacketPrefix = 10;

    private readonly NetlinkListener _listener;

    private PacketLog(NetlinkListener listener) => _listener = listener;

    /// <param name="group">The group that the rules name; one listener has it at a time.</param>
    /// <param name="network">Whose rules; null for the calling thread's namespace.</param>
    /// <exception cref="LinuxException">Somebody else listens to the group (<see cref="Errno.Busy"/>), or the kernel has no such log.</exception>
    public static PacketLog Open(ushort group, NetworkNamespace? network = null)
    {
        var listener = NetlinkListener.Open(NetlinkProtocol.Netfilter, 0, network);
        try
        {
            using var batch = new NetlinkBatch(1);
            var bind = batch.Begin(MessageConfig, NetlinkFlags.Ack);
            bind.Header(NftEncoder.Header(0, group));
            bind.Attribute(ConfigCommand, [CommandBind]);

            // Whole packets, as short as the rule cuts them.
            bind.Attribute(ConfigMode, [0, 0, 0xff, 0xff, CopyPacket, 0]);
            batch.End(bind);
            listener.Ask($"log group {group}", batch.Bytes);
            return new(listener);
        }
        catch
        {
            listener.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<LoggedPacket> ReadAllAsync([EnumeratorCancellation] CancellationToken ct = default)
    {
        using (this)
        {
            while (true)
            {
                List<LoggedPacket> packets = [];
                try
                {
                    packets = Read((await _listener.ReceiveAsync(ct)).Span);
                }
                catch (NetlinkOverrunException)
                {
                    // A sample with a gap is a sample.
                }

                foreach (var packet in packets)
                {
                    yield return packet;
                }
            }
        }
    }

    public void Dispose() => _listener.Dispose();

    internal static List<LoggedPacket> Read(ReadOnlySpan<byte> datagram)
    {
        var packets = new List<LoggedPacket>();
        var reader = new NetlinkReader(datagram);
        while (reader.TryRead(out var message))
        {
            if (message.Type != MessagePacket)
            {
                continue;
            }

            var prefix = "";
            LoggedPacket? packet = null;
            var attributes = message.Attributes<uint>(out _);
            while (attributes.TryRead(out var a))
            {
                switch (a.Type)
                {
                    case PacketPrefix:
                        prefix = a.Text;
                        break;
                    case PacketPayload:
                        packet = Parse(a.Value);
                        break;
                }
            }

            if (packet is not null)
            {
                packets.Add(packet with { Prefix = prefix });
            }
        }

        return packets;
    }

    /// <summary>Reads the headers; null where it is no IP packet, or too short to say from whom to whom.</summary>
    private static LoggedPacket? Parse(ReadOnlySpan<byte> packet)
    {
        var version = packet.IsEmpty ? 0 : packet[0] >> 4;
        if (version == 4 && packet.Length >= 20)
        {
            var isFirst = (BinaryPrimitives.ReadUInt16BigEndian(packet[6..]) & 0x1fff) == 0;
            return WithPorts(new("", new(packet.Slice(12, 4)), new(packet.Slice(16, 4)), packet[9], 0, 0), isFirst ? packet[Math.Min((packet[0] & 15) * 4, packet.Length)..] : []);
        }

        return version == 6 && packet.Length >= 40 ? WithPorts(new("", new(packet.Slice(8, 16)), new(packet.Slice(24, 16)), packet[6], 0, 0), packet[40..]) : null;
    }

    private static LoggedPacket WithPorts(LoggedPacket packet, ReadOnlySpan<byte> transport)
        => packet.Protocol is 6 or 17 or 132 && transport.Length >= 4
            ? packet with { SourcePort = BinaryPrimitives.ReadUInt16BigEndian(transport), DestinationPort = BinaryPrimitives.ReadUInt16BigEndian(transport[2..]) }
            : packet;
}
