using System.Collections.Immutable;
using System.Net;
using Fairlead.Core.Services;
using Fairlead.Kube.Informers;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;

namespace Fairlead.Core.Policy;

/// <summary>Follows the stores of policies, pods and namespaces and keeps one node's table of them; a pod's change is looked at by each choice of pods once.</summary>
/// <remarks>Not for several threads at once: one loop owns it.</remarks>
public sealed class PolicySource(string nodeName)
{
    private readonly Dictionary<ObjectKey, PolicyPod> _pods = [];
    private readonly HashSet<ObjectKey> _localPods = [];
    private readonly Dictionary<string, HashSet<ObjectKey>> _podsOf = new(StringComparer.Ordinal);
    private readonly SortedDictionary<ObjectKey, ParsedPolicy> _parsed = [];
    private readonly Dictionary<PodChoice, Chosen> _choices = [];
    private Store<NetworkPolicy> _policies = Store.Empty<NetworkPolicy>();
    private Store<Pod> _allPods = Store.Empty<Pod>();
    private Store<Namespace> _namespaces = Store.Empty<Namespace>();
    private AttachedPods _attached = AttachedPods.None;

    /// <summary>The table of what <see cref="Update"/> was last given.</summary>
    public PolicyTable Table { get; private set; } = PolicyTable.Unknown;

    /// <summary>Takes the newest stores in, and what the node itself knows of its pods. Until all have been listed the table stays as it is. The result is the same object while nothing in it changes.</summary>
    public PolicyTable Update(Store<NetworkPolicy> policies, Store<Pod> pods, Store<Namespace> namespaces, AttachedPods? attached = null)
    {
        if (!policies.Synced || !pods.Synced || !namespaces.Synced)
        {
            return Table;
        }

        var touched = TakePods(pods, attached ?? AttachedPods.None);
        touched.UnionWith(TakeNamespaces(namespaces));
        var news = TakePolicies(policies);
        news |= touched.Any(key => _localPods.Contains(key));
        foreach (var key in touched)
        {
            foreach (var (choice, chosen) in _choices)
            {
                news |= chosen.Look(key, _pods.GetValueOrDefault(key) is { } pod && choice.Includes(pod, LabelsOf(key.Namespace)));
            }
        }

        // A port may have got a name though no choice of pods changed.
        news |= !Table.NamedPorts.IsEmpty && touched.Count > 0;
        if (news || !Table.IsKnown)
        {
            Table = Build();
            foreach (var chosen in _choices.Values)
            {
                chosen.IsSettled = true;
            }
        }

        return Table;
    }

    private HashSet<ObjectKey> TakePods(Store<Pod> pods, AttachedPods attached)
    {
        var touched = new HashSet<ObjectKey>();
        IEnumerable<ObjectKey> changed = pods.ChangesSince(_allPods);
        if (!ReferenceEquals(attached, _attached))
        {
            // An address that one of this node's pods has got is no other's any more, whatever the API says of that.
            changed = [.. changed.Concat(attached.Pods.Keys).Concat(_attached.Pods.Keys).Concat(_localPods).Distinct()];
            _attached = attached;
        }

        var taken = attached.Pods.SelectMany(p => p.Value.Addresses).ToHashSet();
        foreach (var key in changed)
        {
            var before = _pods.GetValueOrDefault(key);
            var now = Find(key, pods, taken, before);
            if (Equals(now, before))
            {
                continue;
            }

            touched.Add(key);
            if (now is null)
            {
                _pods.Remove(key);
                _podsOf[key.Namespace].Remove(key);
            }
            else
            {
                _pods[key] = now;
                (_podsOf.TryGetValue(key.Namespace, out var those) ? those : _podsOf[key.Namespace] = []).Add(key);
            }

            // One that is gone is told as local once more: it made a difference.
            _ = now?.NodeName == nodeName ? _localPods.Add(key) : now is not null && _localPods.Remove(key);
        }

        _allPods = pods;
        return touched;
    }

    /// <summary>A pod as it is now, the node's own word before the API's where it is of this node; null for none.</summary>
    private PolicyPod? Find(ObjectKey key, Store<Pod> pods, HashSet<PodAddress> taken, PolicyPod? before)
    {
        var mine = _attached.Pods.GetValueOrDefault(key);
        if (pods.Find(key) is not { } pod)
        {
            // One whose object was removed by force is here until its cable is pulled.
            return mine is not null && before?.NodeName == nodeName && before.Addresses.Equals(mine.Addresses) ? before : null;
        }

        if (pod.Spec.NodeName != nodeName)
        {
            return PolicyPod.Of(pod);
        }

        return mine is not null && mine.IsOf(pod) ? PolicyPod.Of(pod, mine.Addresses)
            : PolicyPod.Of(pod) is { } told && told.Addresses.Where(a => !taken.Contains(a)).ToList() is { Count: > 0 } left ? told with { Addresses = [.. left] }
            : null;
    }

    private IEnumerable<ObjectKey> TakeNamespaces(Store<Namespace> namespaces)
    {
        var touched = namespaces.ChangesSince(_namespaces).Select(k => k.Name)
            .Where(name => namespaces.Find("", name)?.Metadata.Labels != _namespaces.Find("", name)?.Metadata.Labels).ToList();
        _namespaces = namespaces;
        return touched.SelectMany(name => _podsOf.GetValueOrDefault(name) ?? []);
    }

    private bool TakePolicies(Store<NetworkPolicy> policies)
    {
        var news = false;
        foreach (var key in policies.ChangesSince(_policies))
        {
            news = true;
            if (policies.Find(key) is { } policy)
            {
                _parsed[key] = PolicyCompiler.Compile(policy);
            }
            else
            {
                _parsed.Remove(key);
            }
        }

        _policies = policies;
        if (news)
        {
            var used = _parsed.Values.SelectMany(p => p.Groups.Values.SelectMany(c => c).Append(p.Subject)).ToHashSet();
            foreach (var choice in _choices.Keys.Where(c => !used.Contains(c)).ToList())
            {
                _choices.Remove(choice);
            }

            foreach (var choice in used.Where(c => !_choices.ContainsKey(c)))
            {
                var among = choice.Namespace is { } ns ? _podsOf.GetValueOrDefault(ns) ?? [] : (IEnumerable<ObjectKey>)_pods.Keys;
                _choices[choice] = new(among.Where(key => choice.Includes(_pods[key], LabelsOf(key.Namespace))));
            }
        }

        return news;
    }

    private EquatableMap LabelsOf(string ns) => _namespaces.Find("", ns)?.Metadata.Labels ?? default;

    private PolicyTable Build()
    {
        var isolated = ImmutableArray.CreateBuilder<IsolatedPod>();
        var used = new SortedSet<ObjectKey>();
        _localPods.RemoveWhere(key => !_pods.ContainsKey(key));
        foreach (var key in _localPods.Order())
        {
            var mine = _parsed.Where(p => p.Key.Namespace == key.Namespace && _choices[p.Value.Subject].Pods.Contains(key)).ToList();
            if (mine.Count > 0)
            {
                used.UnionWith(mine.Select(p => p.Key));
                isolated.Add(new(
                    key, _pods[key].Addresses, [.. mine.Where(p => p.Value.Ingress is not null).Select(p => p.Key)], [.. mine.Where(p => p.Value.Egress is not null).Select(p => p.Key)]));
            }
        }

        var parsed = used.Select(key => _parsed[key]).ToList();
        var policies = parsed.SelectMany(p => new[] { p.Ingress, p.Egress }).OfType<CompiledPolicy>().ToImmutableArray();
        return new()
        {
            IsKnown = true,
            Revision = Table.Revision + 1,
            Pods = isolated.ToImmutable(),
            Policies = policies,
            Groups = parsed.SelectMany(p => p.Groups).DistinctBy(g => g.Key, StringComparer.Ordinal).ToImmutableSortedDictionary(g => g.Key, g => AddressesOf(g.Key, g.Value), StringComparer.Ordinal),
            NamedPorts = policies.SelectMany(p => p.Rules).SelectMany(r => r.Names).Distinct().ToImmutableSortedDictionary(n => n, PortsOf),
            Diagnostics = [.. _parsed.Values.SelectMany(p => p.Diagnostics)],
        };
    }

    /// <summary>The addresses of a group; the same object as before where none of its choices changed.</summary>
    private ImmutableArray<IPAddress> AddressesOf(string group, IReadOnlyList<PodChoice> choices)
    {
        var chosen = choices.Select(c => _choices[c]).ToList();
        if (chosen.TrueForAll(c => c.IsSettled) && Table.Groups.TryGetValue(group, out var before))
        {
            return before;
        }

        var addresses = chosen.SelectMany(c => c.Pods).Distinct().SelectMany(key => _pods[key].Addresses.Select(a => a.Address)).Distinct().ToImmutableArray();
        return addresses.Sort(static (a, b) => a.GetAddressBytes().AsSpan().SequenceCompareTo(b.GetAddressBytes()));
    }

    private ImmutableArray<(IPAddress Address, ushort Port)> PortsOf((string Name, Protocol Protocol) name)
        => [.. _pods.Values
            .SelectMany(pod => pod.Ports.Where(p => p.Name == name.Name && p.Protocol == name.Protocol).SelectMany(p => pod.Addresses.Select(a => (a.Address, p.Port))))
            .Distinct()
            .OrderBy(p => p.Address.ToString(), StringComparer.Ordinal).ThenBy(p => p.Port)];

    /// <summary>The pods that a choice includes now.</summary>
    private sealed class Chosen(IEnumerable<ObjectKey> pods)
    {
        public HashSet<ObjectKey> Pods { get; } = [.. pods];

        /// <summary>Whether nothing about them has changed since the table was made.</summary>
        public bool IsSettled { get; set; }

        /// <summary>Takes a pod in or out; true where that, or the pod itself, makes a difference.</summary>
        public bool Look(ObjectKey key, bool isIncluded)
        {
            // One that stays may have got another address.
            var news = isIncluded || Pods.Contains(key);
            _ = isIncluded ? Pods.Add(key) : Pods.Remove(key);
            IsSettled &= !news;
            return news;
        }
    }
}
