using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Fairlead.Linux.Namespaces;

namespace Fairlead.Topology.Probes;

/// <summary>What became of one echo request.</summary>
/// <param name="From">Who answered; null where nobody did in time.</param>
/// <param name="Refusal">What an ICMP error or the kernel said, where it was no answer.</param>
public sealed record PingAnswer(int Sequence, IPAddress? From, TimeSpan Time, string? Refusal)
{
    public bool IsReply => From is not null && Refusal is null;
}

/// <summary>Asks a host for an echo (RFC 792, RFC 4443), from within a namespace.</summary>
public sealed class Ping : IDisposable
{
    private const int EchoSize = 64;
    private const int HeaderSize = 8;
    private readonly Socket _socket;
    private readonly IPAddress _address;
    private readonly TimeProvider _time;
    private readonly ushort _identifier = (ushort)Random.Shared.Next(1, ushort.MaxValue);

    /// <summary>Opens a socket for echoes in a namespace; null is the one of this process.</summary>
    public Ping(IPAddress address, NetworkNamespace? network, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(address);
        (_address, _time) = (address, time);
        _socket = network is null ? Open() : network.Run(Open);

        Socket Open() => new(address.AddressFamily, SocketType.Raw, IsIPv4 ? ProtocolType.Icmp : ProtocolType.IcmpV6);
    }

    private bool IsIPv4 => _address.AddressFamily == AddressFamily.InterNetwork;

    /// <summary>Sends one request and waits for its answer.</summary>
    public async Task<PingAnswer> SendAsync(int sequence, TimeSpan patience, CancellationToken ct)
    {
        var begun = _time.GetTimestamp();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        using var timer = _time.CreateTimer(state => ((CancellationTokenSource)state!).Cancel(), limit, patience, Timeout.InfiniteTimeSpan);
        try
        {
            await _socket.SendToAsync(Request((ushort)sequence), SocketFlags.None, new IPEndPoint(_address, 0), limit.Token);
            var buffer = new byte[2048];
            while (true)
            {
                var received = await _socket.ReceiveFromAsync(buffer, SocketFlags.None, new IPEndPoint(IsIPv4 ? IPAddress.Any : IPAddress.IPv6Any, 0), limit.Token);
                var from = ((IPEndPoint)received.RemoteEndPoint).Address;
                if (Read(buffer.AsSpan(0, received.ReceivedBytes), (ushort)sequence) is var (isOurs, refusal) && isOurs)
                {
                    return new(sequence, new IPAddress(from.GetAddressBytes()), _time.GetElapsedTime(begun), refusal);
                }
            }
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return new(sequence, null, patience, null);
        }
        catch (SocketException e)
        {
            return new(sequence, null, _time.GetElapsedTime(begun), e.SocketErrorCode switch
            {
                SocketError.NetworkUnreachable => "no route to it",
                SocketError.HostUnreachable => "nobody there has the address",
                _ => e.Message,
            });
        }
    }

    public void Dispose() => _socket.Dispose();

    private byte[] Request(ushort sequence)
    {
        var packet = new byte[EchoSize];
        packet[0] = (byte)(IsIPv4 ? 8 : 128);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), _identifier);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(6), sequence);
        for (var i = HeaderSize; i < packet.Length; i++)
        {
            packet[i] = (byte)i;
        }

        // Of ICMPv6 the kernel fills the checksum in.
        if (IsIPv4)
        {
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), Checksum(packet));
        }

        return packet;
    }

    /// <summary>Whether a packet is about our request, and what it says against it.</summary>
    private (bool IsOurs, string? Refusal) Read(ReadOnlySpan<byte> packet, ushort sequence)
    {
        // A raw IPv4 socket gives the IP header too.
        if (IsIPv4)
        {
            var length = packet.Length > 0 ? 4 * (packet[0] & 0xf) : 0;
            packet = packet.Length >= length + HeaderSize ? packet[length..] : [];
        }

        if (packet.Length < HeaderSize)
        {
            return default;
        }

        if (packet[0] == (IsIPv4 ? 0 : 129))
        {
            return (IsEcho(packet, sequence), null);
        }

        // An error quotes the packet that it is about.
        var quoted = packet[HeaderSize..];
        var header = IsIPv4 ? quoted.Length > 0 ? 4 * (quoted[0] & 0xf) : 0 : 40;
        return quoted.Length >= header + HeaderSize && quoted[header] == (IsIPv4 ? 8 : 128) && IsEcho(quoted[header..], sequence)
            ? (true, Refusal(packet[0], packet[1]))
            : default;
    }

    private bool IsEcho(ReadOnlySpan<byte> echo, ushort sequence)
        => BinaryPrimitives.ReadUInt16BigEndian(echo[4..]) == _identifier && BinaryPrimitives.ReadUInt16BigEndian(echo[6..]) == sequence;

    private string Refusal(byte type, byte code) => (IsIPv4, type, code) switch
    {
        (true, 3, 0) or (false, 1, 0) => "network unreachable",
        (true, 3, 1) or (false, 1, 3) => "host unreachable",
        (true, 3, 13) or (false, 1, 1) => "forbidden",
        (true, 11, _) or (false, 3, _) => "time to live exceeded",
        _ => $"ICMP type {type} code {code}",
    };

    private static ushort Checksum(ReadOnlySpan<byte> bytes)
    {
        var sum = 0u;
        for (var i = 0; i + 1 < bytes.Length; i += 2)
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(bytes[i..]);
        }

        sum = (sum & 0xffff) + (sum >> 16);
        return (ushort)~((sum & 0xffff) + (sum >> 16));
    }
}
