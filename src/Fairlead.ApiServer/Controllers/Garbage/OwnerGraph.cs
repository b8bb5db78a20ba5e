using System.Collections.Immutable;
using Fairlead.Kube.Objects;

namespace Fairlead.ApiServer.Controllers.Garbage;

/// <summary>An object of any kind.</summary>
internal readonly record struct GraphKey(KubeResource Resource, ObjectKey Key)
{
    public override string ToString() => $"{Resource} {Key}";
}

/// <summary>Who is there by uid, and who depends on whom. Kept by the changes of every informer.</summary>
internal sealed class OwnerGraph
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, GraphKey> _byUid = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ImmutableHashSet<GraphKey>> _dependents = new(StringComparer.Ordinal);

    /// <summary>Takes in a change; returns those whose case may be another now.</summary>
    public ImmutableHashSet<GraphKey> Change(KubeResource resource, IKubeObject? before, IKubeObject? after)
    {
        var key = new GraphKey(resource, (after ?? before)!.Key);
        lock (_lock)
        {
            // Whoever leans on something, and whoever is about to go, is looked at; the many others are not.
            var touched = ImmutableHashSet.CreateBuilder<GraphKey>();
            if (before is not null)
            {
                foreach (var owner in before.Metadata.OwnerReferences)
                {
                    Remove(owner.Uid, key);
                    if (_byUid.TryGetValue(owner.Uid, out var known))
                    {
                        touched.Add(known);
                    }
                }

                if (after?.Metadata.Uid != before.Metadata.Uid)
                {
                    _byUid.Remove(before.Metadata.Uid);
                    touched.UnionWith(_dependents.GetValueOrDefault(before.Metadata.Uid, []));
                }
            }

            if (after is not null)
            {
                _byUid[after.Metadata.Uid] = key;
                foreach (var owner in after.Metadata.OwnerReferences)
                {
                    _dependents[owner.Uid] = _dependents.GetValueOrDefault(owner.Uid, []).Add(key);
                }

                if (after.Metadata.OwnerReferences.Length > 0 && before?.Metadata.OwnerReferences != after.Metadata.OwnerReferences)
                {
                    touched.Add(key);
                }

                if (after.IsTerminating && after.Metadata.Finalizers.Length > 0)
                {
                    touched.Add(key);
                    touched.UnionWith(_dependents.GetValueOrDefault(after.Metadata.Uid, []));
                }
            }

            return touched.ToImmutable();
        }
    }

    public bool Contains(string uid)
    {
        lock (_lock)
        {
            return _byUid.ContainsKey(uid);
        }
    }

    public GraphKey? Find(string uid)
    {
        lock (_lock)
        {
            return _byUid.TryGetValue(uid, out var key) ? key : null;
        }
    }

    public ImmutableHashSet<GraphKey> Dependents(string uid)
    {
        lock (_lock)
        {
            return _dependents.GetValueOrDefault(uid, []);
        }
    }

    private void Remove(string owner, GraphKey dependent)
    {
        var left = _dependents.GetValueOrDefault(owner, []).Remove(dependent);
        if (left.IsEmpty)
        {
            _dependents.Remove(owner);
        }
        else
        {
            _dependents[owner] = left;
        }
    }
}
