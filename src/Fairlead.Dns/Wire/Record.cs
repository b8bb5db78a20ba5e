using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Text;

namespace Fairlead.Dns.Wire;

/// <summary>One resource record: owner, type, class, time to live and its data in wire form, names in it uncompressed.</summary>
/// <remarks>Immutable, and kept in wire form because a record is written far more often than it is looked into.</remarks>
public sealed class Record : IEquatable<Record>
{
    private readonly byte[] _data;

    internal Record(DnsName name, RecordType type, RecordClass @class, uint ttl, byte[] data)
        => (Name, Type, Class, Ttl, _data) = (name, type, @class, ttl, data);

    public DnsName Name { get; }

    public RecordType Type { get; }

    public RecordClass Class { get; }

    /// <summary>Seconds the record may be kept.</summary>
    public uint Ttl { get; }

    public ReadOnlySpan<byte> Data => _data;

    /// <summary>The address of an A or AAAA record; null for others.</summary>
    public IPAddress? Address => Type is RecordType.A or RecordType.AAAA && _data.Length is 4 or 16 ? new IPAddress(_data) : null;

    /// <summary>The name a CNAME, NS, PTR, DNAME, MX or SRV record points to; null for others.</summary>
    public DnsName? Target => RecordData.Of(Type) is { Names: 1 } layout ? DnsName.FromWire(_data.AsSpan(layout.Prefix)) : null;

    /// <summary>The port of an SRV record; 0 for others.</summary>
    public int Port => Type == RecordType.SRV ? BinaryPrimitives.ReadUInt16BigEndian(_data.AsSpan(4)) : 0;

    /// <summary>The last field of a SOA record, which bounds how long a denial may be kept (RFC 2308 §4); 0 for others.</summary>
    public uint Minimum => Type == RecordType.SOA ? BinaryPrimitives.ReadUInt32BigEndian(_data.AsSpan(_data.Length - 4)) : 0;

    public static Record ForAddress(DnsName name, uint ttl, IPAddress address)
    {
        address = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        var data = address.GetAddressBytes();
        return new Record(name, data.Length == 4 ? RecordType.A : RecordType.AAAA, RecordClass.IN, ttl, data);
    }

    /// <summary>A record whose data is one name: CNAME, NS, PTR, DNAME.</summary>
    public static Record ForName(DnsName name, uint ttl, RecordType type, DnsName target)
        => new(name, type, RecordClass.IN, ttl, target.Wire.ToArray());

    public static Record ForSrv(DnsName name, uint ttl, ushort priority, ushort weight, ushort port, DnsName target)
    {
        var data = new byte[6 + target.Wire.Length];
        BinaryPrimitives.WriteUInt16BigEndian(data, priority);
        BinaryPrimitives.WriteUInt16BigEndian(data.AsSpan(2), weight);
        BinaryPrimitives.WriteUInt16BigEndian(data.AsSpan(4), port);
        target.Wire.CopyTo(data.AsSpan(6));
        return new Record(name, RecordType.SRV, RecordClass.IN, ttl, data);
    }

    public static Record ForMx(DnsName name, uint ttl, ushort preference, DnsName target)
    {
        var data = new byte[2 + target.Wire.Length];
        BinaryPrimitives.WriteUInt16BigEndian(data, preference);
        target.Wire.CopyTo(data.AsSpan(2));
        return new Record(name, RecordType.MX, RecordClass.IN, ttl, data);
    }

    /// <summary>A TXT record; text longer than 255 bytes is split into several strings.</summary>
    public static Record ForText(DnsName name, uint ttl, string text)
    {
        var chunks = Encoding.UTF8.GetBytes(text).Chunk(255).ToArray();
        var data = chunks.Length == 0 ? [0] : chunks.SelectMany(chunk => (byte[])[(byte)chunk.Length, .. chunk]).ToArray();
        return new Record(name, RecordType.TXT, RecordClass.IN, ttl, data);
    }

    public static Record ForSoa(DnsName name, uint ttl, DnsName server, DnsName mailbox, uint serial, uint refresh, uint retry, uint expire, uint minimum)
    {
        var names = server.Wire.Length + mailbox.Wire.Length;
        var data = new byte[names + 20];
        server.Wire.CopyTo(data);
        mailbox.Wire.CopyTo(data.AsSpan(server.Wire.Length));
        ReadOnlySpan<uint> numbers = [serial, refresh, retry, expire, minimum];
        for (var i = 0; i < numbers.Length; i++)
        {
            BinaryPrimitives.WriteUInt32BigEndian(data.AsSpan(names + (4 * i)), numbers[i]);
        }

        return new Record(name, RecordType.SOA, RecordClass.IN, ttl, data);
    }

    public Record WithTtl(uint ttl) => ttl == Ttl ? this : new Record(Name, Type, Class, ttl, _data);

    public Record WithName(DnsName name) => new(name, Type, Class, Ttl, _data);

    /// <summary>Same owner, type, class and data; the time to live does not make another record (RFC 2181 §5.2).</summary>
    public bool Equals(Record? other)
        => other is not null && Type == other.Type && Class == other.Class && Name == other.Name && Data.SequenceEqual(other.Data);

    public override bool Equals(object? obj) => Equals(obj as Record);

    public override int GetHashCode() => HashCode.Combine(Name, Type, Class, _data.Length);

    /// <summary>The record as a line of a master file, as <c>dig</c> prints it.</summary>
    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture, $"{Name}\t{Ttl}\t{Mnemonic.Of(Class)}\t{Mnemonic.Of(Type)}\t{FormatData()}");

    /// <summary>The record's data as a master file writes it (RFC 1035 §5.1; RFC 3597 §5 for types without a text form here).</summary>
    public string FormatData() => Type switch
    {
        RecordType.A or RecordType.AAAA when Address is { } address => address.ToString(),
        RecordType.CNAME or RecordType.NS or RecordType.PTR or RecordType.DNAME => DnsName.Format(_data),
        RecordType.MX => string.Create(CultureInfo.InvariantCulture, $"{Number16(0)} {DnsName.Format(_data.AsSpan(2))}"),
        RecordType.SRV => string.Create(CultureInfo.InvariantCulture, $"{Number16(0)} {Number16(2)} {Number16(4)} {DnsName.Format(_data.AsSpan(6))}"),
        RecordType.TXT => FormatStrings(),
        RecordType.SOA => FormatSoa(),
        _ => string.Create(CultureInfo.InvariantCulture, $"\\# {_data.Length} {Convert.ToHexStringLower(_data)}").TrimEnd(),
    };

    private ushort Number16(int at) => BinaryPrimitives.ReadUInt16BigEndian(_data.AsSpan(at));

    private string FormatStrings()
    {
        var text = new StringBuilder();
        for (ReadOnlySpan<byte> rest = _data; !rest.IsEmpty; rest = rest[(rest[0] + 1)..])
        {
            text.Append(text.Length == 0 ? "\"" : " \"");
            foreach (var value in rest.Slice(1, rest[0]))
            {
                _ = value switch
                {
                    (byte)'"' or (byte)'\\' => text.Append('\\').Append((char)value),
                    >= 32 and < 127 => text.Append((char)value),
                    _ => text.Append('\\').Append(value.ToString("000", CultureInfo.InvariantCulture)),
                };
            }

            text.Append('"');
        }

        return text.ToString();
    }

    private string FormatSoa()
    {
        ReadOnlySpan<byte> rest = _data;
        var text = new StringBuilder();
        for (var i = 0; i < 2; i++)
        {
            var end = 0;
            while (rest[end] != 0)
            {
                end += rest[end] + 1;
            }

            text.Append(DnsName.Format(rest[..(end + 1)])).Append(' ');
            rest = rest[(end + 1)..];
        }

        for (; rest.Length >= 4; rest = rest[4..])
        {
            text.Append(BinaryPrimitives.ReadUInt32BigEndian(rest)).Append(' ');
        }

        return text.ToString().TrimEnd();
    }
}
