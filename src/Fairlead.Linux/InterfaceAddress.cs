using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Fairlead.Linux;

/// <summary>An address as an interface has it: with the length of its network's prefix, and with its host bits.</summary>
/// <remarks>Not <see cref="IPNetwork"/>: that silently drops the host bits of <c>10.0.0.1/24</c>.</remarks>
public readonly record struct InterfaceAddress
{
    public InterfaceAddress(IPAddress address, int prefixLength)
    {
        ArgumentNullException.ThrowIfNull(address);
        ArgumentOutOfRangeException.ThrowIfNegative(prefixLength);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(prefixLength, Bits(address));
        (Address, PrefixLength) = (address, prefixLength);
    }

    public IPAddress Address { get; }

    public int PrefixLength { get; }

    /// <summary>The network the address lies in.</summary>
    public IPNetwork Network
    {
        get
        {
            Span<byte> bytes = stackalloc byte[16];
            _ = Address.TryWriteBytes(bytes, out var length);
            for (var i = 0; i < length; i++)
            {
                var kept = Math.Clamp(PrefixLength - (8 * i), 0, 8);
                bytes[i] &= (byte)(0xff << (8 - kept));
            }

            return new(new IPAddress(bytes[..length]), PrefixLength);
        }
    }

    /// <summary>An address alone: /32 or /128.</summary>
    public static InterfaceAddress Host(IPAddress address) => new(address, Bits(address));

    public static InterfaceAddress Parse(string text)
        => TryParse(text, out var result) ? result : throw new FormatException($"'{text}' is not an address with a prefix length, as 10.0.0.1/24");

    /// <summary>Reads <c>10.0.0.1/24</c> strictly: four decimal parts without leading zeros, or an IPv6 address without a scope; and a length.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out InterfaceAddress result)
    {
        result = default;
        var slash = text?.IndexOf('/', StringComparison.Ordinal) ?? -1;
        if (slash < 0)
        {
            return false;
        }

        var host = text!.AsSpan(0, slash);
        var length = text.AsSpan(slash + 1);
        if (!IPAddress.TryParse(host, out var address)
            || host.ContainsAny("%[]")
            || (address.AddressFamily == AddressFamily.InterNetwork && !host.SequenceEqual(address.ToString()))
            || length.IsEmpty || (length.Length > 1 && length[0] == '0')
            || !int.TryParse(length, NumberStyles.None, CultureInfo.InvariantCulture, out var bits)
            || bits > Bits(address))
        {
            return false;
        }

        result = new(address, bits);
        return true;
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Address}/{PrefixLength}");

    private static int Bits(IPAddress address) => address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128;
}
