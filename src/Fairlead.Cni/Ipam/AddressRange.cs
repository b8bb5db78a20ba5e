using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Net;
using Fairlead.Cni.Protocol;

namespace Fairlead.Cni.Ipam;

/// <summary>Consecutive addresses of one subnet that pods may get.</summary>
internal sealed record AddressRange(IPNetwork Subnet, IPAddress First, IPAddress Last, IPAddress Gateway)
{
    public bool IsIPv4 => AddressText.IsIPv4(First);

    public bool Contains(IPAddress address)
        => AddressText.IsIPv4(address) == IsIPv4 && ToNumber(address) is var n && n >= ToNumber(First) && n <= ToNumber(Last);

    public bool Overlaps(AddressRange other)
        => IsIPv4 == other.IsIPv4 && ToNumber(First) <= ToNumber(other.Last) && ToNumber(other.First) <= ToNumber(Last);

    public override string ToString() => $"{First}-{Last}";

    /// <summary>Reads a range and fills in what it leaves out, as the reference plugin does.</summary>
    public static AddressRange Read(ConfigNode node)
    {
        var subnetNode = node["subnet"];
        var subnet = subnetNode.Network() ?? throw subnetNode.Fault("is missing");
        var bits = AddressText.Bits(subnet.BaseAddress);
        if (subnet.PrefixLength > bits - 2)
        {
            throw subnetNode.Fault($"{subnet} is too small to allocate from");
        }

        var firstOfSubnet = ToNumber(subnet.BaseAddress) + 1;
        var size = UInt128.One << (bits - subnet.PrefixLength);
        var isIPv4 = AddressText.IsIPv4(subnet.BaseAddress);
        // IPv4 has a broadcast address, which is the last one; IPv6 has none.
        var lastOfSubnet = ToNumber(subnet.BaseAddress) + size - (isIPv4 ? 2u : 1u);

        IPAddress Bound(string key, UInt128 absent)
        {
            if (node[key].Address() is not { } address)
            {
                return FromNumber(absent, isIPv4);
            }

            return AddressText.IsIPv4(address) == isIPv4 && AddressText.NetworkOf(address, subnet.PrefixLength).Equals(subnet)
                ? address
                : throw node[key].Fault($"{address} is not in {subnet}");
        }

        var first = Bound("rangeStart", firstOfSubnet);
        var last = Bound("rangeEnd", lastOfSubnet);
        if (ToNumber(first) > ToNumber(last))
        {
            throw node["rangeStart"].Fault($"{first} is after rangeEnd {last}");
        }

        var gateway = node["gateway"].Address() ?? FromNumber(firstOfSubnet, isIPv4);
        return AddressText.IsIPv4(gateway) == isIPv4
            ? new AddressRange(subnet, first, last, gateway)
            : throw node["gateway"].Fault($"{gateway} is not of the family of {subnet}");
    }

    internal static UInt128 ToNumber(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        _ = address.TryWriteBytes(bytes, out var length);
        return length == 4 ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }

    internal static IPAddress FromNumber(UInt128 number, bool isIPv4)
    {
        Span<byte> bytes = stackalloc byte[16];
        if (isIPv4)
        {
            BinaryPrimitives.WriteUInt32BigEndian(bytes, (uint)number);
            return new IPAddress(bytes[..4]);
        }

        BinaryPrimitives.WriteUInt128BigEndian(bytes, number);
        return new IPAddress(bytes);
    }
}

/// <summary>Ranges of one family that together yield one address for each container.</summary>
internal sealed record RangeSet(ImmutableArray<AddressRange> Ranges)
{
    public bool IsIPv4 => Ranges[0].IsIPv4;

    public AddressRange? Find(IPAddress address) => Ranges.FirstOrDefault(range => range.Contains(address));

    /// <summary>The addresses that a container may get, each once, beginning after the last one given: so a freed one rests longest.</summary>
    public IEnumerable<(IPAddress Address, AddressRange Range)> Candidates(IPAddress? last)
    {
        var start = last is not null && Find(last) is { } holding ? Ranges.IndexOf(holding) : -1;
        if (start < 0)
        {
            foreach (var candidate in Ranges.SelectMany(range => Between(range, AddressRange.ToNumber(range.First), AddressRange.ToNumber(range.Last))))
            {
                yield return candidate;
            }

            yield break;
        }

        var from = AddressRange.ToNumber(last!);
        foreach (var candidate in Between(Ranges[start], from + 1, AddressRange.ToNumber(Ranges[start].Last)))
        {
            yield return candidate;
        }

        for (var i = 1; i < Ranges.Length; i++)
        {
            var range = Ranges[(start + i) % Ranges.Length];
            foreach (var candidate in Between(range, AddressRange.ToNumber(range.First), AddressRange.ToNumber(range.Last)))
            {
                yield return candidate;
            }
        }

        foreach (var candidate in Between(Ranges[start], AddressRange.ToNumber(Ranges[start].First), from))
        {
            yield return candidate;
        }
    }

    public override string ToString() => string.Join(',', Ranges);

    public static RangeSet Read(ConfigNode node)
    {
        var ranges = node.Items().Select(AddressRange.Read).ToImmutableArray();
        if (ranges.IsEmpty)
        {
            throw node.Fault("holds no range");
        }

        for (var i = 0; i < ranges.Length; i++)
        {
            if (ranges[i].IsIPv4 != ranges[0].IsIPv4)
            {
                throw node.Fault("mixes IPv4 and IPv6: each family needs a range set of its own");
            }

            for (var j = 0; j < i; j++)
            {
                if (ranges[i].Overlaps(ranges[j]))
                {
                    throw node.Fault($"{ranges[j]} and {ranges[i]} overlap");
                }
            }
        }

        return new RangeSet(ranges);
    }

    private static IEnumerable<(IPAddress, AddressRange)> Between(AddressRange range, UInt128 first, UInt128 last)
    {
        var gateway = AddressRange.ToNumber(range.Gateway);
        for (var n = first; n <= last; n++)
        {
            if (n != gateway)
            {
                yield return (AddressRange.FromNumber(n, range.IsIPv4), range);
            }

            if (n == UInt128.MaxValue)
            {
                yield break;
            }
        }
    }
}
