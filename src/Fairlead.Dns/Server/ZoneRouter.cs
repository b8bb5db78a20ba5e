using Fairlead.Dns.Wire;

namespace Fairlead.Dns.Server;

/// <summary>Which server block answers for which zone at one listening address. Immutable: a reload makes another.</summary>
internal sealed class ZoneRouter
{
    private readonly Dictionary<DnsName, DnsDelegate> _zones;
    private readonly Dictionary<DnsName, DnsDelegate>.AlternateLookup<ReadOnlySpan<byte>> _byBytes;
    private readonly DnsDelegate? _only;

    public ZoneRouter(IEnumerable<KeyValuePair<DnsName, DnsDelegate>> zones)
    {
        _zones = new(zones, DnsNameComparer.Instance);
        _byBytes = _zones.GetAlternateLookup<ReadOnlySpan<byte>>();
        _only = _zones.Count == 1 && _zones.TryGetValue(DnsName.Root, out var root) ? root : null;
    }

    public static ZoneRouter Empty { get; } = new([]);

    /// <summary>The chain of the longest zone the name is in; null when it is in none.</summary>
    public DnsDelegate? Find(ReadOnlySpan<byte> name)
    {
        if (_only is not null)
        {
            return _only;
        }

        while (true)
        {
            if (_byBytes.TryGetValue(name, out var chain))
            {
                return chain;
            }

            if (name[0] == 0)
            {
                return null;
            }

            name = WireName.Parent(name);
        }
    }
}
