using System.Net;
using Fairlead.Core.Services;

namespace Fairlead.Core.Policy;

/// <summary>Addresses of one family from the first to the last, both included.</summary>
public readonly record struct AddressRange(UInt128 FirstNumber, UInt128 LastNumber, IPFamily Family)
{
    public IPAddress First => Address(FirstNumber);

    public IPAddress Last => Address(LastNumber);

    public static AddressRange Of(IPNetwork network)
    {
        var family = network.BaseAddress.Family;
        var bits = (family == IPFamily.IPv4 ? 32 : 128) - network.PrefixLength;
        var first = Number(network.BaseAddress);
        return new(first, bits == 128 ? UInt128.MaxValue : first | ((UInt128.One << bits) - 1), family);
    }

    public bool Contains(IPAddress address) => address.Family == Family && Number(address) is var number && number >= FirstNumber && number <= LastNumber;

    /// <summary>The addresses of some networks that are in none of the left out, in order and without overlap.</summary>
    public static IReadOnlyList<AddressRange> Merge(IEnumerable<(IPNetwork Network, IReadOnlyList<IPNetwork> Except)> blocks)
    {
        var ranges = blocks.SelectMany(b => Without(Of(b.Network), b.Except)).OrderBy(r => r.Family).ThenBy(r => r.FirstNumber);
        var merged = new List<AddressRange>();
        foreach (var range in ranges)
        {
            if (merged.Count > 0 && merged[^1] is var last && last.Family == range.Family && (last.LastNumber == UInt128.MaxValue || range.FirstNumber <= last.LastNumber + 1))
            {
                merged[^1] = last with { LastNumber = UInt128.Max(last.LastNumber, range.LastNumber) };
            }
            else
            {
                merged.Add(range);
            }
        }

        return merged;
    }

    public override string ToString() => FirstNumber == LastNumber ? First.ToString() : $"{First}-{Last}";

    private static IEnumerable<AddressRange> Without(AddressRange range, IReadOnlyList<IPNetwork> except)
    {
        foreach (var hole in except.Select(Of).Where(h => h.Family == range.Family).OrderBy(h => h.FirstNumber))
        {
            if (hole.LastNumber < range.FirstNumber || hole.FirstNumber > range.LastNumber)
            {
                continue;
            }

            if (hole.FirstNumber > range.FirstNumber)
            {
                yield return range with { LastNumber = hole.FirstNumber - 1 };
            }

            if (hole.LastNumber >= range.LastNumber)
            {
                yield break;
            }

            range = range with { FirstNumber = hole.LastNumber + 1 };
        }

        yield return range;
    }

    private static UInt128 Number(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out var length);
        UInt128 number = 0;
        foreach (var b in bytes[..length])
        {
            number = (number << 8) | b;
        }

        return number;
    }

    private IPAddress Address(UInt128 number)
    {
        var bytes = new byte[Family == IPFamily.IPv4 ? 4 : 16];
        for (var i = bytes.Length - 1; i >= 0; i--)
        {
            bytes[i] = (byte)number;
            number >>= 8;
        }

        return new IPAddress(bytes);
    }
}
