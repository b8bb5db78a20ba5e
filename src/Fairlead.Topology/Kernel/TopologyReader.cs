using System.Collections.Concurrent;
using System.Collections.Immutable;
using Fairlead.Linux;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;
using Fairlead.Linux.Nftables;
using Fairlead.Topology.Nat;

namespace Fairlead.Topology.Kernel;

/// <summary>Reads from the kernel what there is of a topology.</summary>
internal sealed class TopologyReader(OwnershipMark mark)
{
    private readonly ConcurrentDictionary<(string Host, string Link), (int Index, int? Peer, bool SameNamespace)> _numbers = [];

    /// <summary>Reads hosts.</summary>
    /// <param name="hosts">Each host's name and namespace, and the settings of interest.</param>
    public static ImmutableArray<HostActual> Read(OwnershipMark mark, IEnumerable<(string Name, string? Namespace, ImmutableArray<string> Settings)> hosts)
    {
        var reader = new TopologyReader(mark);
        var list = hosts.ToArray();
        var found = new HostActual[list.Length];

        Visits.ForEach([.. Enumerable.Range(0, list.Length)], i => found[i] = list[i].Namespace is { } space
            ? reader.ReadHost(list[i].Name, space, list[i].Settings)
            : reader.ReadHere(list[i].Name, null, list[i].Settings));
        return reader.JoinCables([.. found]);
    }

    private HostActual ReadHost(string name, string space, ImmutableArray<string> settings)
    {
        if (!NetworkNamespace.Exists(space))
        {
            return new HostActual(new HostState(name, space), Exists: false);
        }

        try
        {
            using var network = NetworkNamespace.Open(space);
            return network.Run(() => ReadHere(name, space, settings));
        }
        catch (LinuxException e) when (e.IsNotFound || e.Errno == Errno.Invalid)
        {
            // Gone between the two looks.
            return new HostActual(new HostState(name, space), Exists: false);
        }
    }

    private HostActual ReadHere(string name, string? space, ImmutableArray<string> settings)
    {
        using var socket = RouteSocket.Open();
        var all = socket.Links();
        if (space is not null && all.FirstOrDefault(l => l.Name == "lo") is var loopback && !mark.OwnsNamespace(loopback?.Alias))
        {
            return new HostActual(new HostState(name, space), Exists: true) { ForeignOwner = Owner(loopback?.Alias, mark.Topology) };
        }

        var own = all.Where(l => mark.Owns(l) || (space is not null && l.Name == "lo")).ToDictionary(l => l.Index);
        var addresses = socket.Addresses();
        var routes = socket.Routes(table: Route.MainTable).Where(r => r is { Type: RouteType.Unicast, Link: not null }).ToList();
        foreach (var link in own.Values)
        {
            _numbers[(name, link.Name)] = (link.Index, link.Peer, link.PeerNamespaceId is null);
        }

        var (rules, isForeign, isBroken) = ReadTable();
        return new HostActual(
            new HostState(name, space)
            {
                Links = own.Values.Select(l => LinkOf(l, name, all, addresses)).ToImmutableSortedDictionary(l => l.Name, l => l, StringComparer.Ordinal),
                Routes = [.. routes.Where(IsOurs).Select(r => new RouteState(r.Destination, r.Gateway!, own[r.Link!.Value].Name) { Protocol = r.Protocol }).OrderBy(r => r.ToString(), StringComparer.Ordinal)],
                Settings = settings.Select(key => (Key: key, Value: Sysctl.Find(key))).Where(s => s.Value is not null)
                    .ToImmutableSortedDictionary(s => s.Key, s => s.Value!, StringComparer.Ordinal),
                Rules = rules,
            },
            Exists: true)
        {
            ForeignLinks = all.Where(l => !own.ContainsKey(l.Index)).ToImmutableSortedDictionary(l => l.Name, Describe, StringComparer.Ordinal),
            ForeignNetworks =
            [
                .. addresses.Where(a => !own.ContainsKey(a.Link) && !a.Address.Address.IsIPv6LinkLocal)
                    .Select(a => (a.Address.Network, all.FirstOrDefault(l => l.Index == a.Link)?.Name ?? "?")),
            ],
            ForeignRoutes = [.. routes.Where(r => !IsOurs(r) && r.Protocol != RouteProtocol.Kernel).Select(r => r.Destination)],
            ForeignTable = isForeign,
            TableIsBroken = isBroken,
            Indices = own.Values.ToImmutableSortedDictionary(l => l.Name, l => l.Index, StringComparer.Ordinal),
        };

        // On the machine a route of ours has our number. In a namespace of ours every route over our links is: what a person changed there is drift.
        bool IsOurs(Route route) => own.ContainsKey(route.Link!.Value) && route.Gateway is not null
            && (route.Protocol == RouteProtocol.Fairlead || (space is not null && route.Protocol is not (RouteProtocol.Kernel or RouteProtocol.Redirect)));
    }

    private InterfaceState LinkOf(Link link, string host, IReadOnlyList<Link> all, IReadOnlyList<LinkAddress> addresses)
    {
        var kind = link.Name == "lo" ? LinkKind.Loopback : link.Kind == "bridge" ? LinkKind.Switch : LinkKind.Cable;
        return new InterfaceState(link.Name, kind, kind == LinkKind.Loopback ? mark.NamespaceLabel(host) : link.Alias ?? "")
        {
            Mac = link.Mac,
            Mtu = link.Mtu,
            Master = link.Master is { } master ? all.FirstOrDefault(l => l.Index == master)?.Name : null,
            Up = link.Up,
            SpanningTree = link.Bridge?.Stp ?? false,
            VlanFiltering = link.Bridge?.VlanFiltering ?? false,
            Addresses = kind == LinkKind.Loopback
                ? []
                : [.. addresses.Where(a => a.Link == link.Index && !a.Address.Address.IsIPv6LinkLocal).Select(a => a.Address).OrderBy(a => a.ToString(), StringComparer.Ordinal)],
        };
    }

    private (ImmutableArray<NatRule> Rules, bool IsForeign, bool IsBroken) ReadTable()
    {
        using var socket = NftablesSocket.Open();
        if (socket.Tables().FirstOrDefault(t => t.Family == NftFamily.Inet && t.Name == mark.Table) is not { } table)
        {
            return ([], false, false);
        }

        if (!mark.IsLabel(table.Comment))
        {
            return ([], true, false);
        }

        var rules = NatTable.Read(
            mark, socket.Chains(NftFamily.Inet, mark.Table), socket.Sets(NftFamily.Inet, mark.Table), socket.Rules(NftFamily.Inet, mark.Table));
        return (rules ?? [], false, rules is null);
    }

    /// <summary>Tells cables by both ends: the same label, and each the other's peer.</summary>
    private ImmutableArray<HostActual> JoinCables(ImmutableArray<HostActual> hosts)
    {
        var ends = hosts.SelectMany(h => h.State.Links.Values.Where(l => l.Kind == LinkKind.Cable && l.Label.Length > 0).Select(l => (h.State.Name, l.Name, l.Label)))
            .ToLookup(e => e.Label, e => (Host: e.Item1, Link: e.Item2), StringComparer.Ordinal);
        return [.. hosts.Select(h => h with
        {
            State = h.State with
            {
                Links = h.State.Links.Values.Select(l => l with { Peer = PeerOf(h.State.Name, l) }).ToImmutableSortedDictionary(l => l.Name, l => l, StringComparer.Ordinal),
            },
        })];

        (string, string)? PeerOf(string host, InterfaceState link)
        {
            if (link.Kind != LinkKind.Cable || ends[link.Label].ToArray() is not [var a, var b])
            {
                return null;
            }

            var (near, far) = a == (host, link.Name) ? (_numbers[a], _numbers[b]) : (_numbers[b], _numbers[a]);
            var isPair = near.Peer == far.Index && far.Peer == near.Index && near.SameNamespace == (a.Host == b.Host);
            return isPair ? a == (host, link.Name) ? b : a : null;
        }
    }

    private static string Owner(string? label, string topology)
        => OwnershipMark.TopologyOf(label) is { } other ? $"is of the topology {other}{(other == topology ? " of another machine" : "")}" : "is not Fairlead's";

    private static string Describe(Link link)
        => OwnershipMark.TopologyOf(link.Alias) is { } other ? $"a link of the topology {other}" : $"{(link.Kind.Length == 0 ? "an interface" : $"a {link.Kind}")} that is not Fairlead's";
}
