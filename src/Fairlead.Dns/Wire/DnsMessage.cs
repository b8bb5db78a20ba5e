using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Fairlead.Dns.Wire;

/// <summary>A whole message taken apart: what a resolver gets from a server. The server's own query path does not use it.</summary>
public sealed record DnsMessage(
    DnsHeader Header,
    DnsName Name,
    RecordType Type,
    RecordClass Class,
    ImmutableArray<Record> Answers,
    ImmutableArray<Record> Authorities,
    ImmutableArray<Record> Additionals,
    Edns Edns)
{
    public bool Truncated => Header.Flags.HasFlag(DnsFlags.Truncated);

    public bool Authoritative => Header.Flags.HasFlag(DnsFlags.Authoritative);

    /// <summary>The whole response code, the OPT record's upper bits included.</summary>
    public ResponseCode Code => (ResponseCode)((ushort)Header.Code | (Edns.ExtendedCode << 4));

    /// <summary>Takes a message apart. It must have no more than one question; trailing bytes are allowed.</summary>
    public static bool TryParse(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out DnsMessage? message)
    {
        message = null;
        if (!DnsHeader.TryRead(bytes, out var header) || header.Questions > 1)
        {
            return false;
        }

        var reader = new DnsReader(bytes);
        reader.TrySkip(DnsHeader.Size);
        Span<byte> scratch = stackalloc byte[1024];
        var name = DnsName.Root;
        ushort type = 0, @class = 0;
        if (header.Questions == 1)
        {
            if (!reader.TryReadNameAsSpelled(scratch, out var length) || !reader.TryReadUInt16(out type) || !reader.TryReadUInt16(out @class))
            {
                return false;
            }

            name = DnsName.FromWire(scratch[..length]);
        }

        var edns = Edns.None;
        if (!TryReadRecords(ref reader, header.Answers, scratch, ref edns, out var answers)
            || !TryReadRecords(ref reader, header.Authorities, scratch, ref edns, out var authorities)
            || !TryReadRecords(ref reader, header.Additionals, scratch, ref edns, out var additionals))
        {
            return false;
        }

        message = new DnsMessage(header, name, (RecordType)type, (RecordClass)@class, answers, authorities, additionals, edns);
        return true;
    }

    public override string ToString()
    {
        var text = new StringBuilder().Append(Mnemonic.Of(Code)).Append(' ').Append(Header.Flags).Append('\n');
        text.Append(';').Append(Name).Append('\t').Append(Mnemonic.Of(Class)).Append('\t').Append(Mnemonic.Of(Type)).Append('\n');
        foreach (var (title, records) in new[] { ("answer", Answers), ("authority", Authorities), ("additional", Additionals) })
        {
            foreach (var record in records)
            {
                text.Append(title).Append('\t').Append(record).Append('\n');
            }
        }

        return text.ToString();
    }

    /// <summary>Reads a section. The count is the sender's word: nothing is reserved for it, the bytes decide.</summary>
    private static bool TryReadRecords(ref DnsReader reader, int count, scoped Span<byte> scratch, ref Edns edns, out ImmutableArray<Record> records)
    {
        records = [];
        if (count == 0)
        {
            return true;
        }

        var builder = ImmutableArray.CreateBuilder<Record>();
        for (var i = 0; i < count; i++)
        {
            if (!reader.TryReadNameAsSpelled(scratch, out var length)
                || !reader.TryReadUInt16(out var type)
                || !reader.TryReadUInt16(out var @class)
                || !reader.TryReadUInt32(out var ttl)
                || !reader.TryReadUInt16(out var dataLength))
            {
                return false;
            }

            var name = DnsName.FromWire(scratch[..length]);
            if (!RecordData.TryRead(ref reader, (RecordType)type, dataLength, scratch, out var data))
            {
                return false;
            }

            if (type == (ushort)RecordType.OPT)
            {
                edns = Edns.From(@class, ttl);
                continue;
            }

            // RFC 2181 §8: a time to live with its top bit set counts as zero.
            builder.Add(new Record(name, (RecordType)type, (RecordClass)@class, ttl > int.MaxValue ? 0 : ttl, data));
        }

        records = builder.DrainToImmutable();
        return true;
    }
}
