using Fairlead.Kube.Informers;
using Fairlead.Kube.Objects;

namespace Fairlead.Core.Services;

/// <summary>Follows two stores and keeps the table of them, compiling only the Services that a change touches.</summary>
/// <remarks>Not for several threads at once: one loop owns it.</remarks>
public sealed class ServiceTableSource(NodeFacts node)
{
    private NodeFacts _node = node;
    private readonly Dictionary<ObjectKey, SortedDictionary<string, EndpointSlice>> _slicesOf = [];
    private Store<Service> _services = Store.Empty<Service>();
    private Store<EndpointSlice> _slices = Store.Empty<EndpointSlice>();

    /// <summary>The table of what <see cref="Update"/> was last given.</summary>
    public ServiceTable Table { get; private set; } = ServiceTable.Unknown;

    /// <summary>Takes the newest stores in. Until both have been listed the table stays as it is: a Service without its slices would be refused.</summary>
    /// <param name="here">What is known of the node now; where that changed, every Service may mean something else.</param>
    public ServiceTable Update(Store<Service> services, Store<EndpointSlice> slices, NodeFacts? here = null)
    {
        if (!services.Synced || !slices.Synced)
        {
            return Table;
        }

        var moved = here is not null && here != _node;
        _node = here ?? _node;
        var touched = new HashSet<ObjectKey>(moved ? services.Objects.Keys : services.ChangesSince(_services));
        foreach (var key in slices.ChangesSince(_slices))
        {
            Reindex(key, slices.Find(key), touched);
        }

        (_services, _slices) = (services, slices);
        Table = Table.With(touched.Order().Select(key => KeyValuePair.Create(key, Compile(services.Find(key)))));
        return Table;
    }

    private ServiceRules? Compile(Service? service)
        => service is null ? null : ServiceTableCompiler.Compile(service, _slicesOf.TryGetValue(service.Key, out var slices) ? slices.Values : [], _node);

    /// <summary>Files a slice under its Service and notes the Services that this touches: a slice may change hands.</summary>
    private void Reindex(ObjectKey key, EndpointSlice? now, HashSet<ObjectKey> touched)
    {
        if (_slices.Find(key) is { } before)
        {
            var owner = ServiceTableCompiler.ServiceOf(before);
            touched.Add(owner);
            if (_slicesOf.TryGetValue(owner, out var slices) && slices.Remove(key.Name) && slices.Count == 0)
            {
                _slicesOf.Remove(owner);
            }
        }

        if (now is not null)
        {
            var owner = ServiceTableCompiler.ServiceOf(now);
            touched.Add(owner);
            if (!_slicesOf.TryGetValue(owner, out var slices))
            {
                _slicesOf[owner] = slices = new(StringComparer.Ordinal);
            }

            slices[key.Name] = now;
        }
    }
}
