using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;

namespace Fairlead.Lab;

/// <summary>Arithmetic on IPv4 ranges.</summary>
internal static class AddressRange
{
    /// <summary>Parses a range strictly: IPv4, and no host bits (<see cref="IPNetwork"/> drops them without a word).</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out IPNetwork range)
    {
        range = default;
        return text is not null
            && IPNetwork.TryParse(text, out range)
            && range.BaseAddress.AddressFamily == AddressFamily.InterNetwork
            && IPAddress.TryParse(text.AsSpan(0, text.IndexOf('/', StringComparison.Ordinal)), out var written)
            && written.Equals(range.BaseAddress);
    }

    public static bool Overlap(IPNetwork a, IPNetwork b) => a.Contains(b.BaseAddress) || b.Contains(a.BaseAddress);

    /// <summary>The address that lies <paramref name="offset"/> above the start of the range.</summary>
    public static IPAddress At(IPNetwork range, uint offset)
    {
        Span<byte> bytes = stackalloc byte[4];
        range.BaseAddress.TryWriteBytes(bytes, out _);
        BinaryPrimitives.WriteUInt32BigEndian(bytes, BinaryPrimitives.ReadUInt32BigEndian(bytes) + offset);
        return new IPAddress(bytes);
    }

    /// <summary>The <paramref name="index"/>-th range of the given prefix length inside <paramref name="range"/>.</summary>
    public static IPNetwork Part(IPNetwork range, int prefixLength, int index)
        => new(At(range, (uint)index << (32 - prefixLength)), prefixLength);
}
