using System.Collections.Immutable;
using Fairlead.Dns.Wire;

namespace Fairlead.Dns.Plugins;

/// <summary>The zones a plugin answers for.</summary>
internal sealed class ZoneMatcher(ImmutableArray<DnsName> zones)
{
    public ImmutableArray<DnsName> Zones { get; } = zones;

    /// <summary>The longest zone a name is in.</summary>
    public bool TryMatch(ReadOnlySpan<byte> name, out DnsName zone)
    {
        zone = default;
        var found = false;
        foreach (var candidate in Zones)
        {
            if (WireName.IsWithin(name, candidate.Wire) && (!found || candidate.Wire.Length > zone.Wire.Length))
            {
                (zone, found) = (candidate, true);
            }
        }

        return found;
    }

    public bool Matches(ReadOnlySpan<byte> name) => TryMatch(name, out _);
}

/// <summary>For which names a plugin that has no answer hands the query on (<c>fallthrough [ZONES…]</c>).</summary>
internal sealed class Fallthrough(ImmutableArray<DnsName> zones)
{
    private readonly ZoneMatcher _zones = new(zones);

    public static Fallthrough Never { get; } = new([]);

    public static Fallthrough Always { get; } = new([DnsName.Root]);

    public ImmutableArray<DnsName> Zones => _zones.Zones;

    public bool Through(ReadOnlySpan<byte> name) => _zones.Matches(name);

    /// <summary>Reads a <c>fallthrough</c> line; without zones it is for all.</summary>
    public static Fallthrough Parse(Corefile.Directive line) => line.Arguments.IsEmpty
        ? Always
        : new([.. line.Arguments.SelectMany(text => Corefile.ZoneKeyParser.ParseZones(text, line.At))]);
}
