using Fairlead.Kube.Objects;
using Fairlead.Kube.Selectors;

namespace Fairlead.ApiServer.Controllers.Endpoints;

/// <summary>Keeps the slices of every Service that selects pods.</summary>
internal sealed class EndpointSliceController
{
    private readonly ControllerContext _context;
    private readonly KeyedLoop<ObjectKey> _loop;

    public EndpointSliceController(ControllerContext context)
        => (_context, _loop) = (context, new("endpointslice", SyncAsync, context.Time, context.Logger));

    public Task RunAsync(CancellationToken ct) => Together.RunAsync(
        _loop.FollowAsync(_context.Informers.Services, (before, after) => [(after ?? before)!.Key], ct),
        _loop.FollowAsync(_context.Informers.Pods, OfPod, ct),
        _loop.FollowAsync(_context.Informers.EndpointSlices, (before, after) => OfSlice((after ?? before)!), ct),
        _loop.FollowAsync(_context.Informers.Nodes, OfNode, ct),
        _loop.RunAsync(ct));

    /// <summary>The Services that select the pod as it was or as it is.</summary>
    private IEnumerable<ObjectKey> OfPod(Pod? before, Pod? after)
    {
        foreach (var service in _context.Informers.Services.Snapshot.Current.Values)
        {
            if (service.Metadata.Namespace == (after ?? before)!.Metadata.Namespace && !service.Spec.Selector.IsEmpty
                && ((after is not null && LabelSelectors.Matches(service.Spec.Selector, after.Metadata.Labels))
                    || (before is not null && LabelSelectors.Matches(service.Spec.Selector, before.Metadata.Labels))))
            {
                yield return service.Key;
            }
        }
    }

    private static IEnumerable<ObjectKey> OfSlice(EndpointSlice slice)
        => EndpointSlicePlanner.IsMine(slice) && slice.Metadata.Labels.Find(EndpointSlicePlanner.ServiceLabel) is { } service
            ? [new ObjectKey(slice.Metadata.Namespace, service)]
            : [];

    private IEnumerable<ObjectKey> OfNode(Node? before, Node? after)
    {
        const string Zone = "topology.kubernetes.io/zone";
        return before?.Metadata.Labels.Find(Zone) == after?.Metadata.Labels.Find(Zone)
            ? []
            : _context.Informers.Services.Snapshot.Current.Objects.Keys;
    }

    private async Task SyncAsync(ObjectKey key, CancellationToken ct)
    {
        var informers = _context.Informers;
        var slices = informers.SlicesByService.Find(informers.EndpointSlices.Snapshot.Current, key);
        var service = informers.Services.Snapshot.Current.Find(key);
        if (service is null)
        {
            // The garbage collector would come for them too; nobody should dial a Service that is gone until then.
            await DeleteAsync(slices.Where(s => EndpointSlicePlanner.IsMine(s) && !s.IsTerminating), ct);
            return;
        }

        if (service.Spec.Selector.IsEmpty || service.Spec.Type == "ExternalName" || service.IsTerminating)
        {
            return;
        }

        var pods = informers.PodsByNamespace.Find(informers.Pods.Snapshot.Current, key.Namespace)
            .Where(p => LabelSelectors.Matches(service.Spec.Selector, p.Metadata.Labels)).ToList();
        var plan = EndpointSlicePlanner.Plan(service, pods, name => informers.Nodes.Snapshot.Current.Find("", name), slices);
        foreach (var slice in plan.Create)
        {
            await SeenAsync(await _context.Client.CreateAsync(KubeResources.EndpointSlices, slice, ct), ct);
        }

        foreach (var slice in plan.Update)
        {
            await SeenAsync(await _context.Client.UpdateAsync(KubeResources.EndpointSlices, slice, ct), ct);
        }

        await DeleteAsync(plan.Delete, ct);
    }

    private async Task DeleteAsync(IEnumerable<EndpointSlice> slices, CancellationToken ct)
    {
        foreach (var slice in slices)
        {
            await _context.DeleteAsync(_context.Informers.EndpointSlices, KubeResources.EndpointSlices, slice, null, ct);
        }
    }

    private async Task SeenAsync(EndpointSlice slice, CancellationToken ct)
        => await _context.Informers.EndpointSlices.SeenAsync(slice.Metadata.ResourceVersion, ct);
}
