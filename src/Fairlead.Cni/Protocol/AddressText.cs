using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Fairlead.Cni.Protocol;

/// <summary>Addresses as CNI writes them, read strictly.</summary>
/// <remarks>
/// <see cref="IPAddress.TryParse(string?, out IPAddress?)"/> takes "1" and "0x7f.1", and <see cref="IPNetwork"/> drops host bits
/// or refuses them depending on the runtime's version; neither is what a configuration may mean.
/// </remarks>
internal static class AddressText
{
    public static bool TryParse(string text, out IPAddress address)
    {
        address = IPAddress.None;
        var isIPv6 = text.Contains(':', StringComparison.Ordinal);
        if (isIPv6 ? text.AsSpan().ContainsAny('%', '[') : !IsDottedQuad(text))
        {
            return false;
        }

        if (!IPAddress.TryParse(text, out var parsed))
        {
            return false;
        }

        address = parsed.IsIPv4MappedToIPv6 ? parsed.MapToIPv4() : parsed;
        return true;
    }

    public static bool TryParseWithPrefix(string text, out IPAddress address, out int prefixLength)
    {
        address = IPAddress.None;
        prefixLength = 0;
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        return slash > 0
            && TryParse(text[..slash], out address)
            && int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out prefixLength)
            && prefixLength <= Bits(address);
    }

    /// <summary>Four decimal numbers without leading zeros, which some readers take as octal.</summary>
    private static bool IsDottedQuad(string text)
        => text.Split('.') is { Length: 4 } parts
            && parts.All(part => part.Length is > 0 and <= 3 && part.All(char.IsAsciiDigit) && (part.Length == 1 || part[0] != '0'));

    public static int Bits(IPAddress address) => address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128;

    public static bool IsIPv4(IPAddress address) => address.AddressFamily == AddressFamily.InterNetwork;

    /// <summary>The network that an address with a prefix length is in.</summary>
    public static IPNetwork NetworkOf(IPAddress address, int prefixLength)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out var length);
        for (var i = 0; i < length; i++)
        {
            var kept = Math.Clamp(prefixLength - (i * 8), 0, 8);
            bytes[i] &= (byte)(0xff00 >> kept);
        }

        return new IPNetwork(new IPAddress(bytes[..length]), prefixLength);
    }
}
