namespace Fairlead.Dns.Wire;

/// <summary>Questions about names in wire form (length-prefixed labels up to and with the root's zero), over spans and without allocation.</summary>
/// <remarks>Every span given here is a whole, uncompressed, valid name: <see cref="DnsReader"/> and <see cref="DnsName"/> make no others.</remarks>
public static class WireName
{
    /// <summary>The longest name there is, its root label included (RFC 1035 §2.3.4).</summary>
    public const int MaxLength = 255;

    /// <summary>The longest label there is (RFC 1035 §2.3.4).</summary>
    public const int MaxLabel = 63;

    /// <summary>Lower-cases ASCII letters only: a name is bytes, not text (RFC 4343). Length bytes are never letters, so they pass unharmed.</summary>
    public static byte Lower(byte value) => (uint)(value - 'A') <= 'Z' - 'A' ? (byte)(value | 0x20) : value;

    /// <summary>Whether two names are one name, case aside.</summary>
    public static bool Equal(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b)
    {
        if (a.Length != b.Length)
        {
            return false;
        }

        if (a.SequenceEqual(b))
        {
            return true;
        }

        for (var i = 0; i < a.Length; i++)
        {
            if (a[i] != b[i] && Lower(a[i]) != Lower(b[i]))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>A hash that is the same for every spelling of a name. Not keyed: buckets are bounded by our own data, never by a client's.</summary>
    public static int Hash(ReadOnlySpan<byte> name)
    {
        var hash = 2166136261u;
        foreach (var value in name)
        {
            hash = (hash ^ Lower(value)) * 16777619u;
        }

        return (int)(hash ^ (hash >> 15));
    }

    /// <summary>Whether a name is the zone or below it.</summary>
    public static bool IsWithin(ReadOnlySpan<byte> name, ReadOnlySpan<byte> zone)
    {
        var start = name.Length - zone.Length;
        if (start < 0)
        {
            return false;
        }

        var position = 0;
        while (position < start)
        {
            position += name[position] + 1;
        }

        return position == start && Equal(name[start..], zone);
    }

    /// <summary>The name without its first label; the root stays the root.</summary>
    public static ReadOnlySpan<byte> Parent(ReadOnlySpan<byte> name) => name[0] == 0 ? name : name[(name[0] + 1)..];

    /// <summary>The first label's bytes, empty for the root.</summary>
    public static ReadOnlySpan<byte> FirstLabel(ReadOnlySpan<byte> name) => name.Slice(1, name[0]);

    /// <summary>How many labels a name has, the root's not counted.</summary>
    public static int CountLabels(ReadOnlySpan<byte> name)
    {
        var count = 0;
        for (; name[0] != 0; name = Parent(name))
        {
            count++;
        }

        return count;
    }

    /// <summary>Whether the bytes are exactly one uncompressed name.</summary>
    public static bool IsValid(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length is 0 or > MaxLength)
        {
            return false;
        }

        var position = 0;
        while (position < bytes.Length)
        {
            var length = bytes[position];
            if (length == 0)
            {
                return position == bytes.Length - 1;
            }

            if (length > MaxLabel)
            {
                return false;
            }

            position += length + 1;
        }

        return false;
    }

    /// <summary>The address a name in <c>in-addr.arpa</c> or <c>ip6.arpa</c> stands for, if it stands for a whole one.</summary>
    public static bool TryReadReverse(ReadOnlySpan<byte> name, Span<byte> address, out int written)
    {
        written = 0;
        var v4 = IsWithin(name, DnsName.InAddrArpa.Wire);
        if (!v4 && !IsWithin(name, DnsName.Ip6Arpa.Wire))
        {
            return false;
        }

        var labels = v4 ? 4 : 32;
        if (CountLabels(name) != labels + 2)
        {
            return false;
        }

        var bytes = v4 ? 4 : 16;
        address[..bytes].Clear();
        for (var i = 0; i < labels; i++, name = Parent(name))
        {
            var label = FirstLabel(name);
            if (v4)
            {
                if (label.Length > 3 || !System.Buffers.Text.Utf8Parser.TryParse(label, out byte value, out var used) || used != label.Length)
                {
                    return false;
                }

                address[3 - i] = value;
                continue;
            }

            if (label.Length != 1 || !System.Buffers.Text.Utf8Parser.TryParse(label, out byte nibble, out _, 'x'))
            {
                return false;
            }

            address[15 - (i / 2)] |= (byte)(i % 2 == 0 ? nibble : nibble << 4);
        }

        written = bytes;
        return true;
    }
}
