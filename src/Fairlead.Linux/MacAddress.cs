using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;

namespace Fairlead.Linux;

/// <summary>An Ethernet address, written <c>02:00:5e:10:00:01</c>.</summary>
/// <remarks>Not <see cref="System.Net.NetworkInformation.PhysicalAddress"/>: that is a mutable-length class which prints without colons.</remarks>
public readonly record struct MacAddress : ISpanParsable<MacAddress>
{
    /// <summary>Bytes of an address.</summary>
    public const int Length = 6;

    private readonly ulong _value;

    private MacAddress(ulong value) => _value = value;

    public MacAddress(ReadOnlySpan<byte> bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(bytes.Length, Length, nameof(bytes));
        foreach (var b in bytes)
        {
            _value = (_value << 8) | b;
        }
    }

    /// <summary>All zero: for a VXLAN, the default destination.</summary>
    public static MacAddress Zero => default;

    /// <summary>A random unicast address of the locally administered range.</summary>
    public static MacAddress Random()
    {
        Span<byte> bytes = stackalloc byte[Length];
        RandomNumberGenerator.Fill(bytes);
        bytes[0] = (byte)((bytes[0] & 0xfe) | 0x02);
        return new(bytes);
    }

    public void CopyTo(Span<byte> destination)
    {
        for (var i = 0; i < Length; i++)
        {
            destination[i] = (byte)(_value >> (8 * (Length - 1 - i)));
        }
    }

    public override string ToString()
    {
        Span<byte> b = stackalloc byte[Length];
        CopyTo(b);
        return string.Create(CultureInfo.InvariantCulture, $"{b[0]:x2}:{b[1]:x2}:{b[2]:x2}:{b[3]:x2}:{b[4]:x2}:{b[5]:x2}");
    }

    public static MacAddress Parse(string s) => Parse(s.AsSpan(), null);

    public static MacAddress Parse(string s, IFormatProvider? provider) => Parse(s.AsSpan(), provider);

    public static MacAddress Parse(ReadOnlySpan<char> s, IFormatProvider? provider)
        => TryParse(s, provider, out var mac) ? mac : throw new FormatException($"'{s}' is no Ethernet address");

    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out MacAddress result)
        => TryParse(s.AsSpan(), provider, out result);

    public static bool TryParse(ReadOnlySpan<char> s, IFormatProvider? provider, out MacAddress result)
    {
        result = default;
        if (s.Length != 17)
        {
            return false;
        }

        var value = 0UL;
        for (var i = 0; i < Length; i++)
        {
            if ((i > 0 && s[(3 * i) - 1] is not (':' or '-'))
                || !byte.TryParse(s.Slice(3 * i, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var b))
            {
                return false;
            }

            value = (value << 8) | b;
        }

        result = new(value);
        return true;
    }
}
