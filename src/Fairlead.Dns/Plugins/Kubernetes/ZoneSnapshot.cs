using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Fairlead.Dns.Wire;
using Fairlead.Dns.Zones;
using Fairlead.Kube.Objects;

namespace Fairlead.Dns.Plugins.Kubernetes;

/// <summary>A cluster's zones at one instant. Built once, then only read; a change builds the next one, which shares all that did not change.</summary>
internal sealed class ZoneSnapshot
{
    private const int ServiceKind = 0;
    private const int PodKind = 1;

    /// <summary>Labels that have names below them and so are there, with nothing (RFC 8020).</summary>
    private static readonly string[] s_inner = ["svc", "pod", "dns"];
    private readonly ZoneSettings _settings;
    private readonly ClusterState _state;
    private readonly NameMap<NameAnswers> _names;
    private readonly ImmutableDictionary<(int Kind, ObjectKey Key), ServiceZone> _parts;
    private readonly ImmutableDictionary<DnsName, ImmutableSortedDictionary<(int Kind, ObjectKey Key), ImmutableArray<SharedName>>> _shared;
    private readonly ImmutableDictionary<ObjectKey, ImmutableSortedSet<ObjectKey>> _slices;
    private readonly ImmutableArray<Record> _authorities;

    private ZoneSnapshot(
        ZoneSettings settings,
        ClusterState state,
        NameMap<NameAnswers> names,
        ImmutableDictionary<(int Kind, ObjectKey Key), ServiceZone> parts,
        ImmutableDictionary<DnsName, ImmutableSortedDictionary<(int Kind, ObjectKey Key), ImmutableArray<SharedName>>> shared,
        ImmutableDictionary<ObjectKey, ImmutableSortedSet<ObjectKey>> slices,
        uint serial)
    {
        (_settings, _state, _names, _parts, _shared, _slices) = (settings, state, names, parts, shared, slices);
        Serial = serial;
        _authorities = [.. settings.Zones.Select(zone => StartOfAuthority.Of(zone, settings.Ttl, serial))];
    }

    /// <summary>Whether the cluster's objects have been listed; before that, a missing name means nothing.</summary>
    public bool Synced => _state.Synced;

    /// <summary>When the zones last changed, in seconds since 1970: the SOA serial.</summary>
    public uint Serial { get; }

    public int Count => _names.Count;

    /// <summary>The zones before anything is known of the cluster.</summary>
    public static ZoneSnapshot Empty(ZoneSettings settings)
    {
        var fixedNames = new List<KeyValuePair<DnsName, NameAnswers?>>();
        foreach (var zone in settings.Zones)
        {
            fixedNames.AddRange(s_inner.Where(l => zone.TryPrepend(l, out _)).Select(l => Entry(zone.Prepend(l), NameAnswers.Nothing)));
            fixedNames.Add(Entry(zone, NameAnswers.Nothing));
            if (zone.TryPrepend("dns-version", out var version))
            {
                fixedNames.Add(Entry(version, new NameAnswers([Record.ForText(version, 28800, "1.1.0")])));
            }
        }

        return new ZoneSnapshot(
            settings,
            ClusterState.Unknown,
            NameMap<NameAnswers>.Empty.With(fixedNames),
            ImmutableDictionary<(int, ObjectKey), ServiceZone>.Empty,
            ImmutableDictionary<DnsName, ImmutableSortedDictionary<(int, ObjectKey), ImmutableArray<SharedName>>>.Empty,
            ImmutableDictionary<ObjectKey, ImmutableSortedSet<ObjectKey>>.Empty,
            serial: 0);
    }

    /// <summary>What a name answers; false when there is no such name.</summary>
    public bool TryFind(ReadOnlySpan<byte> name, [NotNullWhen(true)] out NameAnswers? answers) => _names.TryGet(name, out answers);

    /// <summary>The SOA record of one of the zones.</summary>
    public Record Authority(DnsName zone)
    {
        foreach (var record in _authorities)
        {
            if (record.Name == zone)
            {
                return record;
            }
        }

        return StartOfAuthority.Of(zone, _settings.Ttl, Serial);
    }

    /// <summary>The Services of which an address is an endpoint, with their own answers: how the server finds out under which names it serves.</summary>
    public IEnumerable<(DnsName Name, NameAnswers Answers)> ServicesAt(DnsName reverse)
        => _shared.TryGetValue(reverse, out var owners)
            ? from owner in owners.Keys
              where owner.Kind == ServiceKind
              let name = _settings.Zones[0].Prepend($"{owner.Key.Name}.{owner.Key.Namespace}.svc")
              let answers = _names.Find(name)
              where answers is not null
              select (name, answers)
            : [];

    /// <summary>Every name with what it answers, sorted: the zone as a table for people.</summary>
    public IEnumerable<KeyValuePair<DnsName, NameAnswers>> Table()
        => _names.All().OrderBy(n => n.Key.ToString(), StringComparer.Ordinal);

    /// <summary>The zones after a change of the cluster. Compiles what changed, shares the rest.</summary>
    public ZoneSnapshot With(ClusterState next, uint serial)
    {
        var slices = IndexSlices(next, out var touched);
        touched.UnionWith(next.Services.ChangesSince(_state.Services));
        var namespaces = next.Namespaces.ChangesSince(_state.Namespaces).Select(key => key.Name).ToHashSet(StringComparer.Ordinal);
        if (namespaces.Count > 0)
        {
            touched.UnionWith(next.Services.Objects.Keys.Concat(_state.Services.Objects.Keys).Where(key => namespaces.Contains(key.Namespace)));
        }

        var parts = _parts.ToBuilder();
        var names = new Dictionary<DnsName, NameAnswers?>(DnsNameComparer.Instance);
        var shared = _shared.ToBuilder();
        var stale = new HashSet<DnsName>(DnsNameComparer.Instance);
        foreach (var key in touched)
        {
            var service = Exposed(next, key.Namespace) ? next.Services.Find(key) : null;
            var mine = slices.GetValueOrDefault(key, []).Select(next.Slices.Find).OfType<EndpointSlice>();
            Replace((ServiceKind, key), service is null ? ServiceZone.Empty : ZoneCompiler.Compile(service, mine, _settings));
        }

        if (_settings.Pods == PodMode.Verified)
        {
            var pods = next.Pods.ChangesSince(_state.Pods).ToHashSet();
            pods.UnionWith(next.Pods.Objects.Keys.Where(key => namespaces.Contains(key.Namespace)));
            foreach (var key in pods)
            {
                var pod = Exposed(next, key.Namespace) ? next.Pods.Find(key) : null;
                Replace((PodKind, key), pod is null ? ServiceZone.Empty : ZoneCompiler.Compile(pod, _settings));
            }
        }

        foreach (var ns in namespaces)
        {
            foreach (var zone in _settings.Zones)
            {
                var there = Exposed(next, ns) ? NameAnswers.Nothing : null;
                names[zone.Prepend($"{ns}.svc")] = there;
                names[zone.Prepend($"{ns}.pod")] = _settings.Pods == PodMode.Disabled ? null : there;
            }
        }

        foreach (var name in stale)
        {
            names[name] = shared.TryGetValue(name, out var owners) ? Join(owners) : null;
        }

        return new ZoneSnapshot(_settings, next, _names.With(names), parts.ToImmutable(), shared.ToImmutable(), slices, serial);

        void Replace((int Kind, ObjectKey Key) key, ServiceZone part)
        {
            var old = parts.GetValueOrDefault(key, ServiceZone.Empty);
            foreach (var (name, _) in old.Names)
            {
                names.TryAdd(name, null);
            }

            foreach (var (name, answers) in part.Names)
            {
                names[name] = answers;
            }

            foreach (var name in old.Shared.Select(s => s.Name).Distinct(DnsNameComparer.Instance))
            {
                var owners = shared[name].Remove(key);
                stale.Add(name);
                if (owners.IsEmpty)
                {
                    shared.Remove(name);
                }
                else
                {
                    shared[name] = owners;
                }
            }

            foreach (var group in part.Shared.GroupBy(s => s.Name, DnsNameComparer.Instance))
            {
                var owners = shared.GetValueOrDefault(group.Key, ImmutableSortedDictionary<(int, ObjectKey), ImmutableArray<SharedName>>.Empty);
                shared[group.Key] = owners.SetItem(key, [.. group]);
                stale.Add(group.Key);
            }

            if (ReferenceEquals(part, ServiceZone.Empty))
            {
                parts.Remove(key);
            }
            else
            {
                parts[key] = part;
            }
        }
    }

    private bool Exposed(ClusterState state, string ns) => _settings.Serves(ns) && state.Namespaces.Find("", ns) is not null;

    /// <summary>Which slices belong to which Service, and the Services whose slices changed.</summary>
    private ImmutableDictionary<ObjectKey, ImmutableSortedSet<ObjectKey>> IndexSlices(ClusterState next, out HashSet<ObjectKey> touched)
    {
        touched = [];
        var index = _slices.ToBuilder();
        foreach (var key in next.Slices.ChangesSince(_state.Slices))
        {
            if (ServiceOf(_state.Slices.Find(key)) is { } before)
            {
                touched.Add(before);
                var rest = index.GetValueOrDefault(before, []).Remove(key);
                if (rest.IsEmpty)
                {
                    index.Remove(before);
                }
                else
                {
                    index[before] = rest;
                }
            }

            if (ServiceOf(next.Slices.Find(key)) is { } after)
            {
                touched.Add(after);
                index[after] = index.GetValueOrDefault(after, []).Add(key);
            }
        }

        return index.ToImmutable();
    }

    private static ObjectKey? ServiceOf(EndpointSlice? slice)
        => slice?.Metadata.Labels.Find(ZoneCompiler.ServiceNameLabel) is { Length: > 0 } name ? new ObjectKey(slice.Metadata.Namespace, name) : null;

    private static NameAnswers Join(ImmutableSortedDictionary<(int Kind, ObjectKey Key), ImmutableArray<SharedName>> owners)
    {
        var all = owners.Values.SelectMany(v => v).ToArray();
        var rank = all.Min(s => s.Rank);
        var best = all.Where(s => s.Rank == rank).Select(s => s.Record).Distinct();

        // Two Services may never hold one address; should they, one name is still a better answer than two.
        return new NameAnswers(rank == 0 && all[0].Record.Type == RecordType.PTR ? [best.First()] : [.. best]);
    }

    private static KeyValuePair<DnsName, NameAnswers?> Entry(DnsName name, NameAnswers answers) => new(name, answers);
}
