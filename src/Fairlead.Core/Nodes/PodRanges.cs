using System.Net;
using Fairlead.Core.Services;
using Fairlead.Kube.State;

namespace Fairlead.Core.Nodes;

/// <summary>What is asked of the ranges of a node's pods.</summary>
public static class PodRanges
{
    /// <summary>In the one order that every part has them in: IPv4 before IPv6, then by number. A range named twice is there once.</summary>
    public static EquatableArray<IPNetwork> Sorted(IEnumerable<IPNetwork> ranges)
        => ranges.Distinct()
            .OrderBy(r => r.BaseAddress.Family)
            .ThenBy(r => r.BaseAddress.GetAddressBytes(), Comparer<byte[]>.Create((a, b) => a.AsSpan().SequenceCompareTo(b)))
            .ThenBy(r => r.PrefixLength)
            .ToEquatableArray();

    /// <summary>Those of one family.</summary>
    public static IEnumerable<IPNetwork> Of(this EquatableArray<IPNetwork> ranges, IPFamily family) => ranges.Where(r => r.BaseAddress.Family == family);

    /// <summary>Whether they have an address in common.</summary>
    public static bool Overlap(IPNetwork a, IPNetwork b) => a.Contains(b.BaseAddress) || b.Contains(a.BaseAddress);

    /// <summary>Whether all of a range is in another.</summary>
    public static bool Holds(IPNetwork outer, IPNetwork inner) => outer.PrefixLength <= inner.PrefixLength && outer.Contains(inner.BaseAddress);
}
