using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Fairlead.ApiServer.Admission;

/// <summary>Arithmetic on the range of cluster addresses.</summary>
internal static class ServiceRange
{
    /// <summary>The first usable address: the <c>kubernetes</c> Service's.</summary>
    public static IPAddress First(IPNetwork range) => At(range, 1);

    public static IPAddress At(IPNetwork range, long index)
    {
        var bytes = range.BaseAddress.GetAddressBytes();
        var low = bytes.AsSpan(bytes.Length - 4);
        BinaryPrimitives.WriteUInt32BigEndian(low, checked(BinaryPrimitives.ReadUInt32BigEndian(low) + (uint)index));
        return new IPAddress(bytes);
    }

    /// <summary>How many addresses may be given out: without the network's own and, for IPv4, its broadcast address. At most 2^16, which bounds memory too.</summary>
    public static long Size(IPNetwork range)
    {
        var bits = (range.BaseAddress.AddressFamily == AddressFamily.InterNetwork ? 32 : 128) - range.PrefixLength;
        var all = bits >= 32 ? uint.MaxValue : (1L << bits) - 1;
        return range.BaseAddress.AddressFamily == AddressFamily.InterNetwork ? all - 1 : Math.Min(all, ushort.MaxValue);
    }

    public static long IndexOf(IPNetwork range, IPAddress address)
    {
        var (a, b) = (address.GetAddressBytes(), range.BaseAddress.GetAddressBytes());
        return BinaryPrimitives.ReadUInt32BigEndian(a.AsSpan(a.Length - 4)) - (long)BinaryPrimitives.ReadUInt32BigEndian(b.AsSpan(b.Length - 4));
    }
}
