using System.Buffers.Binary;
using System.Net;

namespace Fairlead.Topology.Containers.Addressing;

/// <summary>Addresses as numbers, to count in them.</summary>
internal static class AddressNumber
{
    public static UInt128 Of(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        _ = address.TryWriteBytes(bytes, out var length);
        return length == 4 ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }

    /// <summary>The address of a number, of the family of another.</summary>
    public static IPAddress ToAddress(UInt128 number, IPAddress like)
    {
        Span<byte> bytes = stackalloc byte[16];
        if (like.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork)
        {
            BinaryPrimitives.WriteUInt32BigEndian(bytes, (uint)number);
            return new IPAddress(bytes[..4]);
        }

        BinaryPrimitives.WriteUInt128BigEndian(bytes, number);
        return new IPAddress(bytes);
    }

    public static UInt128 First(IPNetwork network) => Of(network.BaseAddress);

    public static UInt128 Last(IPNetwork network)
    {
        var hostBits = (network.BaseAddress.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork ? 32 : 128) - network.PrefixLength;
        return First(network) + (hostBits == 128 ? UInt128.MaxValue : (UInt128.One << hostBits) - 1);
    }

    /// <summary>Whether two networks have an address in common.</summary>
    public static bool Meets(this IPNetwork one, IPNetwork other)
        => one.BaseAddress.AddressFamily == other.BaseAddress.AddressFamily && (one.Contains(other.BaseAddress) || other.Contains(one.BaseAddress));
}
