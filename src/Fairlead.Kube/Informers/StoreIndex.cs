using System.Collections.Immutable;
using Fairlead.Kube.Objects;

namespace Fairlead.Kube.Informers;

/// <summary>The objects of a store by something else than their name: pods by namespace, slices by Service.</summary>
/// <remarks>Brought up to date when asked, from what changed since. Safe for many callers.</remarks>
public sealed class StoreIndex<T, TGroup>(Func<T, IEnumerable<TGroup>> groups)
    where T : class, IKubeObject
    where TGroup : notnull
{
    private readonly Lock _lock = new();
    private readonly Dictionary<TGroup, ImmutableSortedDictionary<ObjectKey, T>> _members = [];
    private Store<T>? _store;

    /// <summary>The members of a group in the store, by key.</summary>
    public IReadOnlyCollection<T> Find(Store<T> store, TGroup group)
    {
        lock (_lock)
        {
            Follow(store);
            return _members.TryGetValue(group, out var members) ? [.. members.Values] : [];
        }
    }

    private void Follow(Store<T> store)
    {
        foreach (var key in store.ChangesSince(_store))
        {
            if (_store?.Find(key) is { } old)
            {
                foreach (var group in groups(old))
                {
                    var left = _members.GetValueOrDefault(group, ImmutableSortedDictionary<ObjectKey, T>.Empty).Remove(key);
                    if (left.IsEmpty)
                    {
                        _members.Remove(group);
                    }
                    else
                    {
                        _members[group] = left;
                    }
                }
            }

            if (store.Find(key) is { } added)
            {
                foreach (var group in groups(added))
                {
                    _members[group] = _members.GetValueOrDefault(group, ImmutableSortedDictionary<ObjectKey, T>.Empty).SetItem(key, added);
                }
            }
        }

        _store = store;
    }
}
