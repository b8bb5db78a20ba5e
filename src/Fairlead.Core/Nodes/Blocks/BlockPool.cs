using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Fairlead.Core.Policy;
using Fairlead.Core.Services;

namespace Fairlead.Core.Nodes.Blocks;

/// <summary>A range that is divided into blocks of one size, which nodes take.</summary>
public sealed record BlockPool
{
    private readonly UInt128 _first;

    /// <exception cref="ArgumentException">A block would be larger than the range, or too small for a bridge and a pod.</exception>
    public BlockPool(IPNetwork range, int blockPrefix)
    {
        if (Fault(range, blockPrefix) is { } fault)
        {
            throw new ArgumentException(fault, nameof(blockPrefix));
        }

        (Range, BlockPrefix, _first) = (range, blockPrefix, AddressRange.Of(range).FirstNumber);
    }

    public IPNetwork Range { get; }

    public int BlockPrefix { get; }

    public IPFamily Family => Range.BaseAddress.Family;

    /// <summary>How many blocks there are. No pool is counted to its end: one of IPv6 may have more than there are grains of sand.</summary>
    public UInt128 Count => UInt128.One << (BlockPrefix - Range.PrefixLength);

    /// <summary>What is wrong with such a pool; null where nothing is.</summary>
    public static string? Fault(IPNetwork range, int blockPrefix)
    {
        var smallest = Bits(range) - 2;
        return blockPrefix < range.PrefixLength
            ? $"a block of /{blockPrefix} is larger than the range {range}"
            : blockPrefix > smallest ? $"a block of /{blockPrefix} has no room for pods: at most /{smallest}" : null;
    }

    public IPNetwork this[UInt128 index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
            return new(new AddressRange(_first + (index << (Bits(Range) - BlockPrefix)), 0, Family).First, BlockPrefix);
        }
    }

    /// <summary>How many pods a block has addresses for: all but the network's own, the bridge's and, of IPv4, the broadcast address.</summary>
    public static long Capacity(IPNetwork block)
    {
        var bits = Bits(block) - block.PrefixLength;
        return bits > 62 ? long.MaxValue : (1L << bits) - (block.BaseAddress.Family == IPFamily.IPv4 ? 3 : 2);
    }

    /// <summary>The free blocks in the order in which a node tries them.</summary>
    /// <remarks>
    /// The first follows from the node's name, so that many nodes that start at once do not all try the same one, and a node that
    /// comes back finds its own again; the next ones follow it, so that a node's blocks lie beside each other.
    /// </remarks>
    /// <param name="node">The node's name.</param>
    /// <param name="taken">What others hold and what must not be given: of any size, also outside of the range.</param>
    public IEnumerable<IPNetwork> Candidates(string node, IEnumerable<IPNetwork> taken)
    {
        var blocked = Blocked(taken);
        var start = Start(node);
        foreach (var (from, to) in new[] { (start, Count), (UInt128.Zero, start) })
        {
            var next = from;
            foreach (var (first, last) in blocked)
            {
                for (; next < to && next < first; next++)
                {
                    yield return this[next];
                }

                next = UInt128.Max(next, last + 1);
            }

            for (; next < to; next++)
            {
                yield return this[next];
            }
        }
    }

    /// <summary>A name for the block's object, that each block has alone: digits, letters, dots and dashes as Kubernetes allows in names.</summary>
    public static string NameOf(IPNetwork block)
    {
        var address = block.BaseAddress.Family == IPFamily.IPv4
            ? block.BaseAddress.ToString()
            : string.Join('-', Convert.ToHexStringLower(block.BaseAddress.GetAddressBytes()).Chunk(4).Select(c => new string(c)));
        return string.Create(CultureInfo.InvariantCulture, $"{address}-{block.PrefixLength}");
    }

    /// <summary>The indexes that are taken, as first and last, in order.</summary>
    private List<(UInt128 First, UInt128 Last)> Blocked(IEnumerable<IPNetwork> taken)
    {
        var shift = Bits(Range) - BlockPrefix;
        var range = AddressRange.Of(Range);
        return
        [
            .. taken.Select(AddressRange.Of)
                .Where(t => t.Family == Family && t.LastNumber >= range.FirstNumber && t.FirstNumber <= range.LastNumber)
                .Select(t => (First: UInt128.Max(t.FirstNumber, range.FirstNumber) - _first >> shift, Last: UInt128.Min(t.LastNumber, range.LastNumber) - _first >> shift))
                .OrderBy(t => t.First).ThenBy(t => t.Last),
        ];
    }

    private UInt128 Start(string node)
        => System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes($"fairlead-block {node}"))) % Count;

    private static int Bits(IPNetwork network) => network.BaseAddress.Family == IPFamily.IPv4 ? 32 : 128;
}
