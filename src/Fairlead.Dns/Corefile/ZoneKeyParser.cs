using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Fairlead.Dns.Wire;

namespace Fairlead.Dns.Corefile;

/// <summary>Reads what may stand where a zone is expected: a name, a name with scheme and port, an address range for its reverse zones.</summary>
internal static class ZoneKeyParser
{
    private static readonly string[] s_schemes = ["dns", "tls", "https", "https3", "grpc", "quic"];

    /// <summary>Reads a server block's key. One range that does not end on a label becomes several zones.</summary>
    public static ImmutableArray<ZoneKey> ParseKey(string text, Position at)
    {
        var scheme = "dns";
        var rest = text;
        if (text.IndexOf("://", StringComparison.Ordinal) is var mark and >= 0)
        {
            scheme = text[..mark].ToLowerInvariant();
            rest = text[(mark + 3)..];
            if (!s_schemes.Contains(scheme, StringComparer.Ordinal))
            {
                throw new CorefileException(at, $"'{text}': no such scheme '{scheme}'");
            }
        }

        int? port = null;
        var colon = rest.LastIndexOf(':');

        // A second colon makes it an IPv6 range, whose port, if any, follows the prefix length.
        if (colon >= 0 && (rest.IndexOf(':', StringComparison.Ordinal) == colon || (rest.IndexOf('/', StringComparison.Ordinal) is var slash && slash >= 0 && slash < colon)))
        {
            if (!ushort.TryParse(rest.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            {
                throw new CorefileException(at, $"'{text}': '{rest[(colon + 1)..]}' is not a port");
            }

            port = number;
            rest = rest[..colon];
        }

        return [.. ParseZones(rest.Length == 0 ? "." : rest, at).Select(zone => new ZoneKey(scheme, zone, port))];
    }

    /// <summary>Reads a zone argument of a plugin: a name, or an address range.</summary>
    public static ImmutableArray<DnsName> ParseZones(string text, Position at)
    {
        if (text.Contains('/', StringComparison.Ordinal) && IPNetwork.TryParse(text, out var network))
        {
            return ReverseZones(network);
        }

        return DnsName.TryParse(text, out var name) ? [name.ToLower()] : throw new CorefileException(at, $"'{text}' is not a domain name");
    }

    /// <summary>The reverse zones that together hold a range. Ranges that end inside a label take every label they span.</summary>
    public static ImmutableArray<DnsName> ReverseZones(IPNetwork network)
    {
        var v4 = network.BaseAddress.AddressFamily == AddressFamily.InterNetwork;
        var step = v4 ? 8 : 4;
        var labels = (network.PrefixLength + step - 1) / step;
        var spare = (labels * step) - network.PrefixLength;
        var bytes = network.BaseAddress.GetAddressBytes();
        var zones = ImmutableArray.CreateBuilder<DnsName>();
        for (var i = 0; i < 1 << spare; i++)
        {
            var name = DnsName.Reverse(new IPAddress(With(bytes, labels, step, i)));
            for (var skip = (v4 ? 4 : 32) - labels; skip > 0; skip--)
            {
                name = name.Parent;
            }

            zones.Add(name);
        }

        return zones.DrainToImmutable();
    }

    /// <summary>The address whose last whole label is the range's own plus some.</summary>
    private static byte[] With(byte[] address, int labels, int step, int add)
    {
        var copy = (byte[])address.Clone();
        if (labels > 0)
        {
            var bit = labels * step;
            copy[(bit - 1) / 8] += (byte)(bit % 8 == 0 ? add : add << 4);
        }

        return copy;
    }
}
