using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Fairlead.Dns.Wire;

namespace Fairlead.Dns;

/// <summary>How one question is put.</summary>
/// <param name="Tcp">Ask over TCP at once; otherwise only when the UDP answer was cut short.</param>
/// <param name="Recurse">The RD bit.</param>
/// <param name="PayloadSize">The UDP size offered by an OPT record; 0 sends none.</param>
/// <param name="RetryTruncated">Whether a cut UDP answer is asked for again over TCP.</param>
public sealed record DnsQueryOptions(bool Tcp = false, bool Recurse = true, ushort PayloadSize = Edns.OfferedPayload, bool RetryTruncated = true)
{
    public static DnsQueryOptions Default { get; } = new();

    /// <summary>Sets the DO bit.</summary>
    public bool DnssecOk { get; init; }

    /// <summary>Sets the CD bit.</summary>
    public bool CheckingDisabled { get; init; }

    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(2);
}

/// <summary>Asks one server one question at a time: what <c>forward</c>, tests and tools share.</summary>
/// <remarks>Each UDP question has a socket, and so a port, of its own and a random id; replies to anything else are not looked at (RFC 5452).</remarks>
public sealed class DnsClient(IPEndPoint server, TimeProvider? time = null)
{
    private const int MaxUdpReply = 4096;
    private readonly TimeProvider _time = time ?? TimeProvider.System;

    public IPEndPoint Server { get; } = server;

    /// <exception cref="TimeoutException">No usable answer came in time.</exception>
    /// <exception cref="SocketException">The server cannot be reached.</exception>
    public Task<DnsMessage> QueryAsync(string name, RecordType type, CancellationToken ct = default)
        => QueryAsync(DnsName.Parse(name), type, DnsQueryOptions.Default, ct);

    /// <inheritdoc cref="QueryAsync(string, RecordType, CancellationToken)"/>
    public async Task<DnsMessage> QueryAsync(DnsName name, RecordType type, DnsQueryOptions options, CancellationToken ct = default)
    {
        var id = (ushort)RandomNumberGenerator.GetInt32(ushort.MaxValue + 1);
        var query = Encode(id, name, type, options);
        using var deadline = new CancellationTokenSource(options.Timeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, ct);
        try
        {
            if (!options.Tcp)
            {
                var message = await AskUdpAsync(query, name, type, either.Token);
                if (!message.Truncated || !options.RetryTruncated)
                {
                    return message;
                }
            }

            return await AskTcpAsync(query, name, type, either.Token);
        }
        catch (OperationCanceledException e) when (deadline.IsCancellationRequested && !ct.IsCancellationRequested)
        {
            throw new TimeoutException($"no answer from {Server} for {name} {Mnemonic.Of(type)} within {options.Timeout.TotalSeconds:0.###} s", e);
        }
    }

    /// <summary>The bytes of a query with one question.</summary>
    public static byte[] Encode(ushort id, DnsName name, RecordType type, DnsQueryOptions options)
    {
        var writer = new DnsWriter(stackalloc byte[512]);
        writer.TryWriteQuestion(name.Wire, type, RecordClass.IN);
        if (options.PayloadSize > 0)
        {
            writer.TryWriteEdns(options.PayloadSize, 0, 0, options.DnssecOk);
        }

        var flags = (options.Recurse ? DnsFlags.RecursionDesired : DnsFlags.None) | (options.CheckingDisabled ? DnsFlags.CheckingDisabled : DnsFlags.None);
        return writer.Finish(new DnsHeader(id, DnsHeader.Word(flags, 0, 0), 1, 0, 0, (ushort)(options.PayloadSize > 0 ? 1 : 0))).ToArray();
    }

    private async Task<DnsMessage> AskUdpAsync(byte[] query, DnsName name, RecordType type, CancellationToken ct)
    {
        using var socket = new Socket(Server.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        await socket.ConnectAsync(Server, ct);
        await socket.SendAsync(query, SocketFlags.None, ct);
        var buffer = new byte[MaxUdpReply];
        while (true)
        {
            var length = await socket.ReceiveAsync(buffer, SocketFlags.None, ct);
            if (TryAccept(buffer.AsSpan(0, length), query, name, type, out var message))
            {
                return message;
            }
        }
    }

    private async Task<DnsMessage> AskTcpAsync(byte[] query, DnsName name, RecordType type, CancellationToken ct)
    {
        using var socket = new Socket(Server.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(Server, ct);
        var framed = new byte[query.Length + 2];
        BinaryPrimitives.WriteUInt16BigEndian(framed, (ushort)query.Length);
        query.CopyTo(framed.AsSpan(2));
        await socket.SendAsync(framed, SocketFlags.None, ct);
        var prefix = new byte[2];
        await FillAsync(socket, prefix, ct);
        var reply = new byte[BinaryPrimitives.ReadUInt16BigEndian(prefix)];
        await FillAsync(socket, reply, ct);
        return TryAccept(reply, query, name, type, out var message)
            ? message
            : throw new IOException($"{Server} sent over TCP what does not answer {name} {Mnemonic.Of(type)}");
    }

    /// <summary>Whether a message is a reply to our question: same id, response bit, same name letter by letter, same type.</summary>
    private static bool TryAccept(ReadOnlySpan<byte> reply, byte[] query, DnsName name, RecordType type, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out DnsMessage? message)
        => DnsMessage.TryParse(reply, out message)
            && message.Header.Id == BinaryPrimitives.ReadUInt16BigEndian(query)
            && message.Header.Flags.HasFlag(DnsFlags.Response)
            && (message.Header.Questions == 0
                ? message.Code is ResponseCode.FormatError or ResponseCode.NotImplemented or ResponseCode.ServerFailure or ResponseCode.Refused
                : message.Type == type && message.Name.Wire.SequenceEqual(name.Wire));

    private static async Task FillAsync(Socket socket, Memory<byte> buffer, CancellationToken ct)
    {
        while (!buffer.IsEmpty)
        {
            var read = await socket.ReceiveAsync(buffer, SocketFlags.None, ct);
            if (read == 0)
            {
                throw new IOException("the server closed the connection before its answer was complete");
            }

            buffer = buffer[read..];
        }
    }
}
