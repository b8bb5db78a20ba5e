using System.Collections.Immutable;
using Fairlead.Kube.Objects;

namespace Fairlead.Core.Services;

/// <summary>What every Service of the cluster means on one node, at one instant.</summary>
/// <remarks>
/// Immutable. The rules of a Service that did not change are the same object in the next table, and a table knows which
/// keys differ from the one it was made of, so that a change costs what changed and not what there is.
/// </remarks>
public sealed class ServiceTable
{
    private readonly object _identity = new();
    private readonly object? _basis;
    private readonly ImmutableArray<ObjectKey> _changed;

    private ServiceTable(ImmutableDictionary<ObjectKey, ServiceRules> services, bool isKnown, object? basis = null, ImmutableArray<ObjectKey> changed = default)
        => (Services, IsKnown, _basis, _changed) = (services, isKnown, basis, changed.IsDefault ? [] : changed);

    /// <summary>Before the first list of objects has come: says nothing about any Service, so nothing may be cleared by it.</summary>
    public static ServiceTable Unknown { get; } = new(ImmutableDictionary<ObjectKey, ServiceRules>.Empty, isKnown: false);

    /// <summary>A cluster without Services.</summary>
    public static ServiceTable Empty { get; } = new(ImmutableDictionary<ObjectKey, ServiceRules>.Empty, isKnown: true);

    public bool IsKnown { get; }

    public ImmutableDictionary<ObjectKey, ServiceRules> Services { get; }

    /// <summary>Every rule in a fixed order, for printing.</summary>
    public IEnumerable<ServicePortRule> Rules
        => Services.Values.SelectMany(s => s.Ports).OrderBy(r => r.Name).ThenBy(r => r.Family);

    public static ServiceTable Of(IEnumerable<ServiceRules> services)
        => new(services.ToImmutableDictionary(s => s.Service), isKnown: true);

    /// <summary>The next table. Rules equal to those there are keep their object; with nothing new the result is this table.</summary>
    /// <param name="changes">New rules by Service; null takes the Service out.</param>
    public ServiceTable With(IEnumerable<KeyValuePair<ObjectKey, ServiceRules?>> changes)
    {
        var services = Services.ToBuilder();
        var changed = ImmutableArray.CreateBuilder<ObjectKey>();
        foreach (var (key, rules) in changes)
        {
            if (rules is null ? services.Remove(key) : !services.TryGetValue(key, out var known) || !known.Equals(rules))
            {
                changed.Add(key);
                if (rules is not null)
                {
                    services[key] = rules;
                }
            }
        }

        return changed.Count == 0 && IsKnown ? this : new(services.ToImmutable(), isKnown: true, _identity, changed.DrainToImmutable());
    }

    /// <summary>The Services whose rules are not those of an earlier table.</summary>
    /// <remarks>Cheap against the table that this one was made of; against any other it walks both.</remarks>
    public IReadOnlyCollection<ObjectKey> ChangedSince(ServiceTable earlier)
    {
        if (ReferenceEquals(this, earlier))
        {
            return [];
        }

        if (ReferenceEquals(_basis, earlier._identity))
        {
            return _changed;
        }

        var changed = new List<ObjectKey>();
        foreach (var (key, rules) in Services)
        {
            if (!earlier.Services.TryGetValue(key, out var before) || !ReferenceEquals(before, rules))
            {
                changed.Add(key);
            }
        }

        changed.AddRange(earlier.Services.Keys.Where(key => !Services.ContainsKey(key)));
        return changed;
    }
}
