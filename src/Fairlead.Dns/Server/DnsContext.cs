using System.Net;
using System.Net.Sockets;
using Fairlead.Dns.Wire;

namespace Fairlead.Dns.Server;

/// <summary>How a query came.</summary>
public enum DnsTransport
{
    Udp,
    Tcp,
}

/// <summary>One query on its way through the plugins, and the reply they make of it.</summary>
/// <remarks>
/// Pooled by the listeners: nobody may keep one after the chain has returned. The reply is data; it is written to the wire
/// once, after the chain. One query is handled by one thread at a time.
/// </remarks>
public sealed class DnsContext
{
    private readonly byte[] _name = new byte[WireName.MaxLength];
    private readonly byte[] _spelled = new byte[WireName.MaxLength];
    private int _nameLength;
    private DnsName? _questionName;
    private IPEndPoint? _remote;

    /// <summary>Where the client is, as the socket layer keeps it; <see cref="Remote"/> makes an endpoint of it.</summary>
    internal SocketAddress? Source { get; set; }

    /// <summary>The client; only plugins that print or match addresses ask, because the answer is an allocation.</summary>
    public IPEndPoint Remote => _remote ??= ToEndPoint(Source);

    /// <summary>Whether the client has an IPv6 address; mapped IPv4 addresses are IPv4.</summary>
    internal bool IsIPv6 => Source is { Family: AddressFamily.InterNetworkV6 } source && !IsMapped(source);

    /// <summary>The address the query came to, as the Corefile names it: <c>dns://:53</c>.</summary>
    public string Server { get; internal set; } = "";

    public DnsTransport Transport { get; internal set; }

    public ushort Id { get; private set; }

    public DnsFlags RequestFlags { get; private set; }

    public RecordType Type { get; private set; }

    public RecordClass Class { get; private set; }

    public Edns Edns { get; private set; }

    /// <summary>The query's bytes on the wire.</summary>
    public int RequestSize { get; private set; }

    /// <summary>The reply's bytes on the wire, once written.</summary>
    public int ReplySize { get; internal set; }

    /// <summary>The question's name, lower-cased: what to look things up by.</summary>
    public ReadOnlySpan<byte> Name => _name.AsSpan(0, _nameLength);

    /// <summary>The question's name as the client spelled it, which the reply repeats.</summary>
    public ReadOnlySpan<byte> NameAsSpelled => _spelled.AsSpan(0, _nameLength);

    /// <summary>The question's name as a value; made on first use.</summary>
    public DnsName QuestionName => _questionName ??= DnsName.FromWire(NameAsSpelled);

    /// <summary>Asks the whole server, for plugins that follow a name elsewhere.</summary>
    public IResolver? Resolver { get; internal set; }

    /// <summary>How many lookups deep this question is; 0 for a client's own.</summary>
    public int Depth { get; private set; }

    /// <summary>The plugin that answered, for metrics; empty when none did.</summary>
    public string AnsweredBy { get; set; } = "";

    /// <summary>What went wrong on the way to a SERVFAIL, for <c>errors</c> to log; null when nothing did.</summary>
    public string? Problem { get; set; }

    public ResponseCode Code { get; set; }

    /// <summary>Which of AA, RA, AD and TC the reply carries.</summary>
    public DnsFlags ReplyFlags { get; set; }

    /// <summary>Seconds since the records were fetched; taken off every time to live when the reply is written.</summary>
    public uint Age { get; set; }

    /// <summary>True when the client is to hear nothing.</summary>
    public bool Silent { get; set; }

    public RecordList Answers { get; } = new();

    public RecordList Authorities { get; } = new();

    public RecordList Additionals { get; } = new();

    /// <summary>True when the answer was picked from data of ours: keeping it in a cache gains nothing, and would only make it old.</summary>
    public bool Prepared { get; set; }

    /// <summary>Empties the reply, so that a plugin can begin anew.</summary>
    public void ResetReply()
    {
        Code = ResponseCode.NoError;
        ReplyFlags = DnsFlags.None;
        Age = 0;
        Silent = false;
        Prepared = false;
        AnsweredBy = "";
        Problem = null;
        Answers.Clear();
        Authorities.Clear();
        Additionals.Clear();
    }

    /// <summary>Makes the reply an empty one with this code.</summary>
    public void Fail(ResponseCode code)
    {
        ResetReply();
        Code = code;
    }

    /// <summary>Takes a client's message in. What is not to be answered at all leaves <see cref="Silent"/> set.</summary>
    /// <returns>True when there is one well-formed question to answer; otherwise the reply is complete already.</returns>
    internal bool TryReadRequest(ReadOnlySpan<byte> message, DnsTransport transport)
    {
        ResetReply();
        (_nameLength, _questionName, _remote, Depth) = (0, null, null, 0);
        (Type, Class, Edns) = (RecordType.None, RecordClass.None, Edns.None);
        (Transport, RequestSize, ReplySize) = (transport, message.Length, 0);
        if (!DnsHeader.TryRead(message, out var header) || (header.Flags & DnsFlags.Response) != 0)
        {
            // A reply to a reply is how two servers talk to each other for ever.
            Silent = true;
            return false;
        }

        (Id, RequestFlags, Opcode) = (header.Id, header.Flags, header.Opcode);
        if (header.Opcode != 0)
        {
            Code = ResponseCode.NotImplemented;
            return false;
        }

        // The same limits as CoreDNS's: a query holds one question and at most OPT and TSIG besides.
        if (header.Questions != 1 || header.Answers > 1 || header.Authorities > 1 || header.Additionals > 2 || !TryReadBody(message, header))
        {
            (_nameLength, Edns, Code) = (0, Edns.None, ResponseCode.FormatError);
            return false;
        }

        if (Edns.Version != 0)
        {
            Code = ResponseCode.BadVersion;
            return false;
        }

        return true;
    }

    internal int Opcode { get; private set; }

    /// <summary>Makes this context a question of the server's own, on behalf of another.</summary>
    internal void BecomeLookup(DnsContext parent, DnsName name, RecordType type)
    {
        ResetReply();
        name.Wire.CopyTo(_spelled);
        _nameLength = name.Wire.Length;
        for (var i = 0; i < _nameLength; i++)
        {
            _name[i] = WireName.Lower(_spelled[i]);
        }

        (_questionName, _remote, Source) = (name, parent._remote, parent.Source);
        (Type, Class, Edns, Transport) = (type, parent.Class, parent.Edns, parent.Transport);
        (Id, RequestFlags, Opcode, Server, Resolver, Depth) = (parent.Id, parent.RequestFlags, 0, parent.Server, parent.Resolver, parent.Depth + 1);
    }

    private bool TryReadBody(ReadOnlySpan<byte> message, in DnsHeader header)
    {
        var reader = new DnsReader(message);
        reader.TrySkip(DnsHeader.Size);
        if (!reader.TryReadNameAsSpelled(_spelled, out var length) || !reader.TryReadUInt16(out var type) || !reader.TryReadUInt16(out var @class))
        {
            return false;
        }

        for (var i = 0; i < length; i++)
        {
            _name[i] = WireName.Lower(_spelled[i]);
        }

        (_nameLength, Type, Class) = (length, (RecordType)type, (RecordClass)@class);
        Span<byte> owner = stackalloc byte[WireName.MaxLength];
        var records = header.Answers + header.Authorities + header.Additionals;
        for (var i = 0; i < records; i++)
        {
            if (!reader.TryReadName(owner, out var ownerLength)
                || !reader.TryReadUInt16(out type)
                || !reader.TryReadUInt16(out @class)
                || !reader.TryReadUInt32(out var ttl)
                || !reader.TryReadUInt16(out var dataLength)
                || !reader.TrySkip(dataLength))
            {
                return false;
            }

            if (type != (ushort)RecordType.OPT)
            {
                continue;
            }

            // RFC 6891 §6.1.1: one OPT record, owned by the root, among the additional records.
            if (ownerLength != 1 || Edns.Present || i < header.Answers + header.Authorities)
            {
                return false;
            }

            Edns = Edns.From(@class, ttl);
        }

        return true;
    }

    /// <summary>Ten zero bytes and two of 0xFF, at the place sockaddr_in6 has its address (offset 8).</summary>
    private static bool IsMapped(SocketAddress source)
        => source.Buffer.Span.Slice(8, 10).IndexOfAnyExcept((byte)0) < 0 && source.Buffer.Span.Slice(18, 2).IndexOfAnyExcept((byte)0xFF) < 0;

    private static IPEndPoint ToEndPoint(SocketAddress? source)
    {
        if (source is null)
        {
            return new IPEndPoint(IPAddress.Loopback, 0);
        }

        var any = new IPEndPoint(source.Family == AddressFamily.InterNetworkV6 ? IPAddress.IPv6Any : IPAddress.Any, 0);
        var endPoint = (IPEndPoint)any.Create(source);
        return endPoint.Address.IsIPv4MappedToIPv6 ? new IPEndPoint(endPoint.Address.MapToIPv4(), endPoint.Port) : endPoint;
    }
}
