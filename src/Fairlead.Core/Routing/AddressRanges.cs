using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Net;

namespace Fairlead.Core.Routing;

/// <summary>A set of addresses written as CIDR ranges and single addresses.</summary>
public sealed class AddressRanges : IEquatable<AddressRanges>
{
    public static readonly AddressRanges None = new([]);

    private readonly ImmutableArray<IPNetwork> _ranges;

    private AddressRanges(ImmutableArray<IPNetwork> ranges) => _ranges = ranges;

    public bool IsEmpty => _ranges.IsEmpty;

    /// <summary>Reads a comma-separated list. Bits beyond the prefix are ignored, as nginx does.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out AddressRanges? ranges, out string fault)
    {
        ranges = null;
        fault = "";
        var found = ImmutableArray.CreateBuilder<IPNetwork>();
        foreach (var word in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (TryRange(word) is not { } range)
            {
                fault = $"'{word}' is no address or CIDR range";
                return false;
            }

            found.Add(range);
        }

        ranges = new AddressRanges([.. found.Distinct().OrderBy(r => r.ToString(), StringComparer.Ordinal)]);
        return true;
    }

    public bool Contains(IPAddress address)
    {
        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        foreach (var range in _ranges)
        {
            if (range.Contains(plain))
            {
                return true;
            }
        }

        return false;
    }

    public bool Equals(AddressRanges? other) => other is not null && _ranges.AsSpan().SequenceEqual(other._ranges.AsSpan());

    public override bool Equals(object? obj) => Equals(obj as AddressRanges);

    public override int GetHashCode() => _ranges.IsEmpty ? 0 : HashCode.Combine(_ranges.Length, _ranges[0]);

    public override string ToString() => string.Join(',', _ranges);

    private static IPNetwork? TryRange(string word)
    {
        if (!word.Contains('/', StringComparison.Ordinal))
        {
            return IPAddress.TryParse(word, out var single) ? new IPNetwork(single, single.GetAddressBytes().Length * 8) : null;
        }

        return IPNetwork.TryParse(word, out var range) ? range : null;
    }
}
