using System.Collections.Immutable;
using Fairlead.Kube.Objects;

namespace Fairlead.Kube.Informers;

/// <summary>All objects of one kind at one instant.</summary>
/// <remarks>
/// An object that did not change is the same reference in the next store, also across a re-list. So what differs between
/// two stores can be told by references, and is told from a log of changes where that reaches back far enough.
/// </remarks>
public sealed class Store<T>
    where T : class, IKubeObject
{
    private readonly ChangeLog? _log;
    private readonly long _version;

    internal Store(
        bool synced, ImmutableDictionary<ObjectKey, T> objects, string resourceVersion = "", long version = 0, ChangeLog? log = null)
        => (Synced, Objects, ResourceVersion, _version, _log) = (synced, objects, resourceVersion, version, log);

    /// <summary>Whether the objects have been listed once; before that an absent object means nothing.</summary>
    public bool Synced { get; }

    public ImmutableDictionary<ObjectKey, T> Objects { get; }

    /// <summary>The newest version that the store has seen.</summary>
    public string ResourceVersion { get; }

    public IEnumerable<T> Values => Objects.Values;

    /// <summary>The object, or null.</summary>
    public T? Find(string ns, string name) => Objects.GetValueOrDefault(new ObjectKey(ns, name));

    public T? Find(ObjectKey key) => Objects.GetValueOrDefault(key);

    /// <summary>The keys of every object added, changed or removed since the other store, in order; all keys if it is null.</summary>
    public ImmutableArray<ObjectKey> ChangesSince(Store<T>? previous)
    {
        if (ReferenceEquals(this, previous))
        {
            return [];
        }

        var before = previous?.Objects ?? ImmutableDictionary<ObjectKey, T>.Empty;
        var keys = previous is not null && _log is not null && ReferenceEquals(_log, previous._log)
            && _log.Between(previous._version, _version) is { } logged
            ? logged.Where(Differs)
            : Objects.Keys.Where(Differs).Concat(before.Keys.Where(k => !Objects.ContainsKey(k)));
        return [.. keys.Order()];

        bool Differs(ObjectKey key) => !ReferenceEquals(Objects.GetValueOrDefault(key), before.GetValueOrDefault(key));
    }
}

/// <summary>Makes stores that no informer fills.</summary>
public static class Store
{
    /// <summary>Nothing known yet.</summary>
    public static Store<T> Empty<T>()
        where T : class, IKubeObject
        => new(false, ImmutableDictionary<ObjectKey, T>.Empty);

    /// <summary>Just these objects: for tests, and for parts that make their own.</summary>
    public static Store<T> Of<T>(params IEnumerable<T> objects)
        where T : class, IKubeObject
        => new(true, objects.ToImmutableDictionary(o => new ObjectKey(o.Metadata.Namespace, o.Metadata.Name)));
}

/// <summary>Which keys each of the last versions of a store changed.</summary>
/// <remarks>One informer writes; every store that it made may read.</remarks>
internal sealed class ChangeLog
{
    private const int Kept = 256;
    private readonly Lock _lock = new();
    private readonly Queue<(long Version, ImmutableArray<ObjectKey> Keys)> _entries = new();

    public void Add(long version, ImmutableArray<ObjectKey> keys)
    {
        lock (_lock)
        {
            _entries.Enqueue((version, keys));
            if (_entries.Count > Kept)
            {
                _entries.Dequeue();
            }
        }
    }

    /// <summary>The keys changed after one version up to another; null if the log does not reach back so far.</summary>
    public HashSet<ObjectKey>? Between(long after, long upTo)
    {
        lock (_lock)
        {
            if (upTo < after || (_entries.TryPeek(out var oldest) && oldest.Version > after + 1))
            {
                return null;
            }

            return [.. _entries.Where(e => e.Version > after && e.Version <= upTo).SelectMany(e => e.Keys)];
        }
    }
}
