using System.Net;
using Fairlead.Core.Services;

namespace Fairlead.Core.Nodes;

/// <summary>A node's addresses on the underlay: at most one of each family.</summary>
public readonly record struct NodeAddresses(IPAddress? IPv4, IPAddress? IPv6)
{
    /// <summary>The first of each family.</summary>
    public static NodeAddresses Of(params IEnumerable<IPAddress> addresses)
    {
        var all = addresses.ToList();
        return new(all.Find(a => a.Family == IPFamily.IPv4), all.Find(a => a.Family == IPFamily.IPv6));
    }

    public bool IsEmpty => IPv4 is null && IPv6 is null;

    public IPAddress? Find(IPFamily family) => family == IPFamily.IPv4 ? IPv4 : IPv6;

    /// <summary>Whether they have an address in common.</summary>
    public bool Overlap(NodeAddresses other)
        => (IPv4 is not null && IPv4.Equals(other.IPv4)) || (IPv6 is not null && IPv6.Equals(other.IPv6));

    public override string ToString() => string.Join(", ", new[] { IPv4, IPv6 }.OfType<IPAddress>());
}
