using System.Collections.Immutable;
using System.Net;
using Fairlead.Linux;
using Fairlead.Topology.Kernel;

namespace Fairlead.Topology.Plans;

/// <summary>The least steps from what is to what shall be, and what of others is in the way. Pure.</summary>
/// <remarks>
/// What must go because its name or place is needed goes first, then everything is made from the outside in (hosts, switches, cables,
/// addresses, routes), and rules and hosts that nobody needs any more go last.
/// </remarks>
internal sealed class TopologyPlanner
{
    private readonly ImmutableArray<HostState> _desired;
    private readonly ImmutableArray<(HostState Desired, HostActual Actual)> _pairs;
    private readonly ImmutableArray<HostActual> _surplus;
    private readonly HashSet<(string Host, string Link)> _broken = [];

    private TopologyPlanner(ImmutableArray<HostState> desired, ImmutableArray<HostActual> actual)
    {
        _desired = desired;
        var byNamespace = actual.ToDictionary(a => a.State.Namespace ?? "", StringComparer.Ordinal);
        _pairs = [.. desired.Select(d => (d, byNamespace.GetValueOrDefault(d.Namespace ?? "") ?? new HostActual(new HostState(d.Name, d.Namespace), Exists: false)))];
        var wanted = desired.Select(d => d.Namespace ?? "").ToHashSet(StringComparer.Ordinal);
        _surplus = [.. actual.Where(a => !wanted.Contains(a.State.Namespace ?? ""))];
    }

    /// <summary>What of others keeps the desired from being made; nothing may be touched then.</summary>
    public static ImmutableArray<TopologyDiagnostic> Conflicts(ImmutableArray<HostState> desired, ImmutableArray<HostActual> actual, OwnershipMark mark)
        => [.. new TopologyPlanner(desired, actual)._pairs.SelectMany(p => ConflictsOf(p.Desired, p.Actual, mark))];

    public static TopologyPlan Plan(ImmutableArray<HostState> desired, ImmutableArray<HostActual> actual, OwnershipMark mark)
        => new([.. new TopologyPlanner(desired, actual).Steps(mark)]);

    private static IEnumerable<TopologyDiagnostic> ConflictsOf(HostState desired, HostActual actual, OwnershipMark mark)
    {
        if (actual.ForeignOwner is { } owner)
        {
            yield return new(desired.Name, $"the namespace {desired.Namespace} is there already and {owner}", "remove it, or give the host another namespace");
            yield break;
        }

        foreach (var link in desired.Links.Values)
        {
            if (link.Kind != LinkKind.Loopback && actual.ForeignLinks.GetValueOrDefault(link.Name) is { } what)
            {
                yield return new($"{desired.Name}:{link.Name}", $"the name is taken by {what}", "remove that, or take another name");
            }

            foreach (var address in link.Addresses.Items.Where(a => a.PrefixLength < InterfaceAddress.Host(a.Address).PrefixLength))
            {
                if (actual.ForeignNetworks.FirstOrDefault(n => Overlap(n.Network, address.Network)) is { Link: { } other } taken)
                {
                    yield return new($"{desired.Name}:{link.Name}", $"{address.Network} overlaps {taken.Network} of {other}, which is not this topology's", "take another network");
                }
            }
        }

        foreach (var route in desired.Routes.Where(r => actual.ForeignRoutes.Contains(r.To)))
        {
            yield return new(desired.Name, $"there is another route to {(route.To.PrefixLength == 0 ? "everywhere" : route.To.ToString())}, which is not this topology's", "remove that, or leave this one out");
        }

        if (actual.ForeignTable && !desired.Rules.IsEmpty)
        {
            yield return new(desired.Name, $"there is a table inet {mark.Table} that is not this topology's", "remove it, or give the topology another name");
        }
    }

    private static bool Overlap(IPNetwork a, IPNetwork b) => a.Contains(b.BaseAddress) || b.Contains(a.BaseAddress);

    private IEnumerable<TopologyStep> Steps(OwnershipMark mark)
    {
        FindBroken();
        return
        [
            .. Deletions(),
            .. _pairs.Where(p => !p.Desired.IsMachine && !p.Actual.Exists).Select(p => new CreateHost(p.Desired)),
            .. _pairs.SelectMany(p => Missing(p.Desired, p.Actual).Where(l => l.Kind == LinkKind.Switch).Select(l => new CreateSwitch(p.Desired.Name, l))),
            .. Cables(),
            .. _pairs.SelectMany(p => Contents(p.Desired, p.Actual)),
            .. _pairs.SelectMany(p => Rules(p.Desired, p.Actual, mark)),
            .. _surplus.Where(a => a is { Exists: true, ForeignOwner: null, State.Namespace: not null }).Select(a => new DeleteHost(a.State.Name, a.State.Namespace!)),
        ];
    }

    /// <summary>A cable is broken with either of its ends: missing, of another kind, or leading elsewhere.</summary>
    private void FindBroken()
    {
        foreach (var (desired, actual) in _pairs)
        {
            foreach (var link in desired.Links.Values)
            {
                var is_ = actual.State.Links.GetValueOrDefault(link.Name);
                var fits = is_ is not null && is_.Kind == link.Kind && (link.Kind != LinkKind.Cable || (is_.Label == link.Label && is_.Peer == link.Peer));
                if (!fits)
                {
                    _ = _broken.Add((desired.Name, link.Name));
                    if (link.Peer is { } peer)
                    {
                        _ = _broken.Add(peer);
                    }
                }
            }
        }
    }

    private IEnumerable<InterfaceState> Missing(HostState desired, HostActual actual)
        => desired.Links.Values.Where(l => l.Kind != LinkKind.Loopback && (!actual.Exists || _broken.Contains((desired.Name, l.Name))));

    /// <summary>Links that are there and must not be: those nobody asks for, and what is left of broken ones.</summary>
    private IEnumerable<TopologyStep> Deletions()
    {
        var gone = new HashSet<(string, string)>();
        var byActual = _pairs.ToDictionary(p => (object)p.Actual, p => p.Desired, ReferenceEqualityComparer.Instance);
        foreach (var actual in _pairs.Select(p => p.Actual).Concat(_surplus.Where(s => s.State.IsMachine)))
        {
            var desired = byActual.GetValueOrDefault(actual);
            var host = desired?.Name ?? actual.State.Name;
            var names = actual.State.Links.Values
                .Where(l => l.Kind != LinkKind.Loopback && (desired is null || !desired.Links.ContainsKey(l.Name) || _broken.Contains((host, l.Name))))
                .Where(l => !gone.Contains((actual.State.Name, l.Name)))
                .ToList();
            foreach (var link in names)
            {
                _ = gone.Add((actual.State.Name, link.Name));
                if (link.Peer is { } peer)
                {
                    _ = gone.Add(peer);
                }
            }

            // Both ends of a cable may be here: the first takes the other with it.
            ImmutableArray<string> once = [.. names.Where((l, i) => l.Peer is not { } p || p.Host != actual.State.Name || names.FindIndex(o => o.Name == p.Interface) is var j && (j < 0 || j > i)).Select(l => l.Name)];
            if (names.Count > 1 && names.Count == actual.State.Links.Values.Count(l => l.Kind != LinkKind.Loopback))
            {
                yield return new DeleteLinks(host, once) { AreAll = true };
                continue;
            }

            foreach (var name in once)
            {
                yield return new DeleteLinks(host, [name]);
            }
        }
    }

    private IEnumerable<TopologyStep> Cables()
    {
        var hosts = _desired.ToDictionary(d => d.Name, StringComparer.Ordinal);
        var order = _desired.Select((d, i) => (d.Name, i)).ToDictionary(d => d.Name, d => d.i, StringComparer.Ordinal);
        foreach (var (desired, actual) in _pairs)
        {
            foreach (var link in Missing(desired, actual).Where(l => l is { Kind: LinkKind.Cable, Peer: not null }))
            {
                var (peerHost, peerName) = link.Peer!.Value;

                // Each pair once: by its end in the host that comes first.
                var isFirst = (order[desired.Name], link.Name).CompareTo((order[peerHost], peerName)) < 0;
                if (isFirst && hosts[peerHost].Links.GetValueOrDefault(peerName) is { } peer)
                {
                    yield return new CreateCable(desired.Name, link, peerHost, peer);
                }
            }
        }
    }

    private IEnumerable<TopologyStep> Contents(HostState desired, HostActual actual)
    {
        var links = actual.Exists ? actual.State.Links : HostState.NoLinks;
        foreach (var link in desired.Links.Values)
        {
            var before = _broken.Contains((desired.Name, link.Name)) ? null : links.GetValueOrDefault(link.Name);
            if (before is not null && IsChange(before, link))
            {
                yield return new ChangeLink(desired.Name, before, link);
            }

            if (link.Kind == LinkKind.Loopback)
            {
                continue;
            }

            var have = before?.Addresses.Items ?? [];
            foreach (var address in have.Except(link.Addresses.Items))
            {
                yield return new RemoveLinkAddress(desired.Name, link.Name, address);
            }

            foreach (var address in link.Addresses.Items.Except(have))
            {
                yield return new AddLinkAddress(desired.Name, link.Name, address);
            }
        }

        foreach (var (key, value) in desired.Settings)
        {
            if (actual.State.Settings.TryGetValue(key, out var now) ? now != value : value != "0" && IsOfNewLink(key, desired))
            {
                yield return new ChangeSetting(desired.Name, key, now, value);
            }
        }

        var routes = actual.State.Routes.Where(r => !_broken.Contains((desired.Name, r.Link)) && desired.Links.ContainsKey(r.Link)).ToList();
        foreach (var route in routes.Except(desired.Routes))
        {
            yield return new RemoveHostRoute(desired.Name, route);
        }

        foreach (var route in desired.Routes.Except(routes))
        {
            yield return new AddHostRoute(desired.Name, route);
        }
    }

    /// <summary>A setting of an interface comes with it; any other that is not there is one that this kernel does not have.</summary>
    private bool IsOfNewLink(string key, HostState desired)
        => desired.Links.Keys.Any(name => _broken.Contains((desired.Name, name)) && key.StartsWith($"net/ipv4/conf/{name}/", StringComparison.Ordinal));

    private static bool IsChange(InterfaceState before, InterfaceState after)
        => (after.Mac is { } mac && mac != before.Mac) || (after.Mtu is { } mtu && mtu != before.Mtu)
            || before.Master != after.Master || before.Up != after.Up || before.Label != after.Label
            || before.SpanningTree != after.SpanningTree || before.VlanFiltering != after.VlanFiltering;

    private static IEnumerable<TopologyStep> Rules(HostState desired, HostActual actual, OwnershipMark mark)
    {
        if (actual.TableIsBroken)
        {
            return [new RenewNat(desired.Name, mark.Table)];
        }

        return
        [
            .. actual.State.Rules.Except(desired.Rules).Select(r => new RemoveNat(desired.Name, r)),
            .. desired.Rules.Except(actual.State.Rules).Select(r => new AddNat(desired.Name, r)),
        ];
    }
}
