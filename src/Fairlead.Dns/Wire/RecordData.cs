namespace Fairlead.Dns.Wire;

/// <summary>Where domain names stand inside the data of each record type, so that data can be read out of and written into messages.</summary>
internal static class RecordData
{
    /// <summary>The layout of one type's data: bytes, then names, then bytes.</summary>
    /// <param name="Prefix">Fixed bytes before the first name.</param>
    /// <param name="Names">How many names follow one another; none means opaque data.</param>
    /// <param name="Suffix">Fixed bytes after the last name, or -1 for "whatever is left".</param>
    /// <param name="Compress">Whether the names may be written compressed: only RFC 1035's own types (RFC 3597 §4).</param>
    internal readonly record struct Layout(int Prefix, int Names, int Suffix, bool Compress);

    internal static Layout Of(RecordType type) => type switch
    {
        RecordType.NS or RecordType.CNAME or RecordType.PTR => new(0, 1, 0, true),
        RecordType.MX => new(2, 1, 0, true),
        RecordType.SOA => new(0, 2, 20, true),
        RecordType.SRV => new(6, 1, 0, false),
        RecordType.DNAME => new(0, 1, 0, false),
        RecordType.RP => new(0, 2, 0, false),
        RecordType.AFSDB => new(2, 1, 0, false),
        _ => new(0, 0, -1, false),
    };

    /// <summary>Takes one record's data out of a message, names expanded. False when it does not fill its length exactly.</summary>
    internal static bool TryRead(ref DnsReader reader, RecordType type, int length, scoped Span<byte> scratch, out byte[] data)
    {
        data = [];
        if (length > reader.Remaining)
        {
            return false;
        }

        var layout = Of(type);
        if (layout.Names == 0)
        {
            var fits = type switch { RecordType.A => length == 4, RecordType.AAAA => length == 16, _ => true };
            if (!fits || !reader.TryReadBytes(length, out var opaque))
            {
                return false;
            }

            data = opaque.ToArray();
            return type != RecordType.TXT || IsCharacterStrings(data);
        }

        var end = reader.Position + length;
        if (!reader.TryReadBytes(layout.Prefix, out var prefix))
        {
            return false;
        }

        prefix.CopyTo(scratch);
        var written = prefix.Length;
        for (var i = 0; i < layout.Names; i++)
        {
            if (!reader.TryReadNameAsSpelled(scratch[written..], out var name))
            {
                return false;
            }

            written += name;
        }

        if (!reader.TryReadBytes(layout.Suffix, out var suffix) || reader.Position != end)
        {
            return false;
        }

        suffix.CopyTo(scratch[written..]);
        data = scratch[..(written + suffix.Length)].ToArray();
        return true;
    }

    private static bool IsCharacterStrings(ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            if (data[0] + 1 > data.Length)
            {
                return false;
            }

            data = data[(data[0] + 1)..];
        }

        return true;
    }
}
