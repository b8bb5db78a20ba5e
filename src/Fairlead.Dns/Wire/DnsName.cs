using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Text;

namespace Fairlead.Dns.Wire;

/// <summary>A domain name in wire form. Keeps the spelling it was made with; compares without case.</summary>
/// <remarks>The bytes are one valid, uncompressed name with its root label; the default value is the root.</remarks>
public readonly struct DnsName : IEquatable<DnsName>
{
    private static readonly byte[] s_root = [0];
    private readonly byte[]? _wire;

    private DnsName(byte[] wire) => _wire = wire;

    public static DnsName Root => default;

    public static DnsName InAddrArpa { get; } = Parse("in-addr.arpa");

    public static DnsName Ip6Arpa { get; } = Parse("ip6.arpa");

    /// <summary>The name's bytes, root label included.</summary>
    public ReadOnlySpan<byte> Wire => _wire ?? s_root;

    public bool IsRoot => _wire is null or { Length: 1 };

    public int LabelCount => WireName.CountLabels(Wire);

    /// <summary>The name without its first label; the root stays the root.</summary>
    public DnsName Parent => IsRoot ? this : FromWire(WireName.Parent(Wire));

    /// <summary>Copies a name that <see cref="DnsReader"/> has already checked.</summary>
    public static DnsName FromWire(ReadOnlySpan<byte> wire)
        => wire.Length <= 1
            ? Root
            : WireName.IsValid(wire) ? new DnsName(wire.ToArray()) : throw new ArgumentException("not a domain name in wire form", nameof(wire));

    public static DnsName Parse(string text) => TryParse(text, out var name) ? name : throw new FormatException($"'{text}' is not a domain name");

    /// <summary>Reads a name as people and master files write it: dots between labels, <c>\.</c> and <c>\DDD</c> escapes, final dot optional.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out DnsName name)
    {
        name = default;
        if (string.IsNullOrEmpty(text))
        {
            return false;
        }

        if (text is ".")
        {
            return true;
        }

        Span<byte> wire = stackalloc byte[WireName.MaxLength];
        var utf8 = Encoding.UTF8.GetBytes(text);
        var label = 0;
        var position = 1;
        for (var i = 0; i < utf8.Length; i++)
        {
            var value = utf8[i];
            if (value == '.')
            {
                if (!TryCloseLabel(wire, ref label, ref position))
                {
                    return false;
                }

                continue;
            }

            if (value == '\\' && !TryUnescape(utf8, ref i, out value))
            {
                return false;
            }

            if (position >= WireName.MaxLength)
            {
                return false;
            }

            wire[position++] = value;
        }

        if (position - label > 1 && !TryCloseLabel(wire, ref label, ref position))
        {
            return false;
        }

        wire[label] = 0;
        name = new DnsName(wire[..(label + 1)].ToArray());
        return true;
    }

    /// <summary>The name under which an address's PTR record lives.</summary>
    public static DnsName Reverse(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
        {
            address = address.MapToIPv4();
        }

        var bytes = address.GetAddressBytes();
        var text = new StringBuilder(80);
        for (var i = bytes.Length - 1; i >= 0; i--)
        {
            if (bytes.Length == 4)
            {
                text.Append(bytes[i]).Append('.');
            }
            else
            {
                text.Append("0123456789abcdef"[bytes[i] & 15]).Append('.').Append("0123456789abcdef"[bytes[i] >> 4]).Append('.');
            }
        }

        return Parse(text.Append(bytes.Length == 4 ? "in-addr.arpa" : "ip6.arpa").ToString());
    }

    /// <summary>This name with labels put before it; false when the result would be no name.</summary>
    public bool TryPrepend(string labels, out DnsName result)
    {
        result = default;
        if (!TryParse(labels, out var prefix) || prefix.Wire.Length - 1 + Wire.Length > WireName.MaxLength)
        {
            return false;
        }

        result = new DnsName([.. prefix.Wire[..^1], .. Wire]);
        return true;
    }

    /// <summary>This name with labels put before it.</summary>
    public DnsName Prepend(string labels)
        => TryPrepend(labels, out var result) ? result : throw new FormatException($"'{labels}.{this}' is not a domain name");

    public bool IsWithin(DnsName zone) => WireName.IsWithin(Wire, zone.Wire);

    public DnsName ToLower()
    {
        var copy = Wire.ToArray();
        for (var i = 0; i < copy.Length; i++)
        {
            copy[i] = WireName.Lower(copy[i]);
        }

        return new DnsName(copy);
    }

    public bool Equals(DnsName other) => WireName.Equal(Wire, other.Wire);

    public override bool Equals(object? obj) => obj is DnsName other && Equals(other);

    public override int GetHashCode() => WireName.Hash(Wire);

    /// <summary>The name with its final dot, special bytes escaped (RFC 1035 §5.1).</summary>
    public override string ToString() => Format(Wire);

    /// <summary>The text form of a name in wire form.</summary>
    public static string Format(ReadOnlySpan<byte> wire)
    {
        if (wire.Length <= 1)
        {
            return ".";
        }

        var text = new StringBuilder(wire.Length);
        for (; wire[0] != 0; wire = WireName.Parent(wire))
        {
            foreach (var value in WireName.FirstLabel(wire))
            {
                _ = value switch
                {
                    (byte)'.' or (byte)'\\' or (byte)'"' or (byte)'(' or (byte)')' or (byte)';' or (byte)'@' or (byte)'$'
                        => text.Append('\\').Append((char)value),
                    > 32 and < 127 => text.Append((char)value),
                    _ => text.Append('\\').Append(value.ToString("000", System.Globalization.CultureInfo.InvariantCulture)),
                };
            }

            text.Append('.');
        }

        return text.ToString();
    }

    public static bool operator ==(DnsName left, DnsName right) => left.Equals(right);

    public static bool operator !=(DnsName left, DnsName right) => !left.Equals(right);

    private static bool TryCloseLabel(Span<byte> wire, ref int label, ref int position)
    {
        var length = position - label - 1;
        if (length is 0 or > WireName.MaxLabel || position >= WireName.MaxLength)
        {
            return false;
        }

        wire[label] = (byte)length;
        label = position++;
        return true;
    }

    private static bool TryUnescape(byte[] text, ref int i, out byte value)
    {
        value = 0;
        if (i + 1 >= text.Length)
        {
            return false;
        }

        if (!char.IsAsciiDigit((char)text[i + 1]))
        {
            value = text[++i];
            return true;
        }

        if (i + 3 >= text.Length || !System.Buffers.Text.Utf8Parser.TryParse(text.AsSpan(i + 1, 3), out value, out var used) || used != 3)
        {
            return false;
        }

        i += 3;
        return true;
    }
}

/// <summary>Compares names without case, and lets a dictionary be asked with a span.</summary>
public sealed class DnsNameComparer : IEqualityComparer<DnsName>, IAlternateEqualityComparer<ReadOnlySpan<byte>, DnsName>
{
    public static DnsNameComparer Instance { get; } = new();

    public bool Equals(DnsName x, DnsName y) => x.Equals(y);

    public int GetHashCode(DnsName obj) => obj.GetHashCode();

    public bool Equals(ReadOnlySpan<byte> alternate, DnsName other) => WireName.Equal(alternate, other.Wire);

    public int GetHashCode(ReadOnlySpan<byte> alternate) => WireName.Hash(alternate);

    public DnsName Create(ReadOnlySpan<byte> alternate) => DnsName.FromWire(alternate);
}
