using System.Net.NetworkInformation;
using System.Security.Cryptography;
using System.Text;

namespace Fairlead.Core.Nodes;

/// <summary>The hardware address of a node's end of the overlay.</summary>
/// <remarks>
/// Derived from the node's name, so that it survives restarts, reboots and a rebuilt link: a peer that still holds the
/// neighbour entry of before is still right.
/// </remarks>
public static class VtepAddress
{
    /// <summary>Where a node publishes it, on its Node object.</summary>
    public const string Annotation = "fairlead.dev/vtep-mac";

    public static PhysicalAddress Of(string node)
    {
        var bytes = SHA256.HashData(Encoding.UTF8.GetBytes($"fairlead-vtep {node}"))[..6];

        // Locally administered, not multicast (IEEE 802, 8.2): never a real device's.
        bytes[0] = (byte)((bytes[0] & 0xfc) | 0x02);
        return new PhysicalAddress(bytes);
    }

    /// <summary><c>02:42:…</c>, the way Linux writes it.</summary>
    public static string Format(PhysicalAddress address)
        => string.Join(':', address.GetAddressBytes().Select(b => b.ToString("x2", System.Globalization.CultureInfo.InvariantCulture)));

    public static PhysicalAddress? TryParse(string? text)
        => text is not null && PhysicalAddress.TryParse(text, out var address) && address.GetAddressBytes() is { Length: 6 } bytes && (bytes[0] & 1) == 0
            ? address
            : null;
}
