using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using Fairlead.Linux;

namespace Fairlead.Topology.Checks;

/// <summary>An end of a link whose host, interface and switch are known.</summary>
/// <param name="Path">Its field.</param>
internal sealed record WiredEnd(string Path, TopologyLink Link, TopologyEnd End, bool IsFirst, string Host, string Interface, TopologySwitch? Switch);

/// <summary>Which end of which link is where: names of a topology resolved.</summary>
internal sealed class Wiring
{
    private readonly ILookup<string, (WiredEnd Near, WiredEnd Far)> _byHost;
    private readonly NetworkTopology _topology;

    private Wiring(NetworkTopology topology, ImmutableArray<(WiredEnd A, WiredEnd B)> cables)
    {
        (_topology, Cables) = (topology, cables);
        _byHost = cables.SelectMany(c => new[] { (Near: c.A, Far: c.B), (Near: c.B, Far: c.A) }).ToLookup(e => e.Near.Host, StringComparer.Ordinal);
    }

    /// <summary>The links of which both ends could be resolved.</summary>
    public ImmutableArray<(WiredEnd A, WiredEnd B)> Cables { get; }

    public IEnumerable<(WiredEnd Near, WiredEnd Far)> EndsOf(string host) => _byHost[host];

    public HostWays WaysOf(TopologyHost host) => new(
        [
            .. _topology.Switches.Where(s => s.Host == host.Name).SelectMany(s => s.Addresses.Select(a => (s.Name, a))),
            .. EndsOf(host.Name).SelectMany(e => e.Near.End.Addresses.Select(a => (e.Near.Interface, a))),
        ],
        [.. TopologyCompiler.Routes(host)]);

    /// <summary>Resolves, and says what cannot be.</summary>
    public static (Wiring Wiring, ImmutableArray<TopologyDiagnostic> Diagnostics) Resolve(NetworkTopology topology)
    {
        var faults = new List<TopologyDiagnostic>();
        var hosts = topology.Hosts.Select(h => h.Name).ToHashSet(StringComparer.Ordinal);
        var switches = topology.Switches.ToLookup(s => s.Name, StringComparer.Ordinal);
        foreach (var (bridge, i) in topology.Switches.Select((s, i) => (s, i)).Where(s => !hosts.Contains(s.s.Host)))
        {
            faults.Add(UnknownHost($"{Item("switches", i)}.host", bridge.Host, hosts));
        }

        var cables = ImmutableArray.CreateBuilder<(WiredEnd, WiredEnd)>();
        for (var i = 0; i < topology.Links.Length; i++)
        {
            var link = topology.Links[i];
            var path = Item("links", i);
            var (bridgeA, hostA) = Place(link.A, $"{path}.ends[0]");
            var (bridgeB, hostB) = Place(link.B, $"{path}.ends[1]");
            if (hostA is null || hostB is null)
            {
                continue;
            }

            var a = new WiredEnd($"{path}.ends[0]", link, link.A, true, hostA, link.A.Interface ?? hostB, bridgeA);
            var b = new WiredEnd($"{path}.ends[1]", link, link.B, false, hostB, link.B.Interface ?? hostA, bridgeB);
            cables.Add((a, b));
        }

        return (new Wiring(topology, cables.ToImmutable()), [.. faults]);

        (TopologySwitch? Switch, string? Host) Place(TopologyEnd end, string path)
        {
            if (end.Switch is not { } name)
            {
                if (end.Host is { } host && hosts.Contains(host))
                {
                    return (null, host);
                }

                faults.Add(UnknownHost($"{path}.host", end.Host ?? "", hosts));
                return default;
            }

            var found = switches[name].Where(s => end.Host is null || s.Host == end.Host).ToList();
            if (found is [var one])
            {
                return hosts.Contains(one.Host) ? (one, one.Host) : default;
            }

            faults.Add(found.Count == 0
                ? new($"{path}.switch", $"there is no switch '{name}'{(end.Host is null ? "" : $" in {end.Host}")}", Known("switches", topology.Switches.Select(s => s.Name)))
                : new($"{path}.switch", $"'{name}' is the name of {found.Count.ToString(CultureInfo.InvariantCulture)} switches", $"add host: {found[0].Host}"));
            return default;
        }
    }

    public static string Item(string list, int index) => string.Create(CultureInfo.InvariantCulture, $"{list}[{index}]");

    private static TopologyDiagnostic UnknownHost(string path, string host, IEnumerable<string> known)
        => new(path, $"there is no host '{host}'", Known("hosts", known));

    private static string Known(string what, IEnumerable<string> names)
    {
        const int Enough = 10;
        var all = names.Distinct(StringComparer.Ordinal).ToList();
        return all.Count == 0 ? $"describe it under {what}" : $"the {what} are {string.Join(", ", all.Take(Enough))}{(all.Count > Enough ? " …" : "")}";
    }
}

/// <summary>Where a host can send to: over which of its interfaces.</summary>
internal sealed class HostWays(ImmutableArray<(string Interface, InterfaceAddress Address)> addresses, ImmutableArray<TopologyRoute> routes)
{
    /// <summary>The interface in whose network an address is; null where it is in none.</summary>
    public string? NeighbourInterface(IPAddress address)
        => addresses.Where(a => a.Address.Network.Contains(address)).OrderByDescending(a => a.Address.PrefixLength).Select(a => a.Interface).FirstOrDefault();

    /// <summary>The interface by which an address is reached, over a gateway too.</summary>
    public string? InterfaceTo(IPAddress address)
        => NeighbourInterface(address)
            ?? routes.Where(r => r.To.Contains(address)).OrderByDescending(r => r.To.PrefixLength).Select(r => NeighbourInterface(r.Via)).FirstOrDefault();

    /// <summary>Length of the prefix of the network that an address shares with the host; all its bits where it shares none.</summary>
    public int PrefixAround(IPAddress address)
        => addresses.Where(a => a.Address.Network.Contains(address)).Select(a => (int?)a.Address.PrefixLength).Max() ?? InterfaceAddress.Host(address).PrefixLength;

    public bool Has(IPAddress address) => addresses.Any(a => a.Address.Address.Equals(address));
}
