using Fairlead.Kube.Client;
using Fairlead.Kube.Objects;

namespace Fairlead.ApiServer.Controllers.Workloads;

/// <summary>Keeps a pod of each DaemonSet on each node that it wants.</summary>
internal sealed class DaemonSetController
{
    private readonly ControllerContext _context;
    private readonly KeyedLoop<ObjectKey> _loop;

    public DaemonSetController(ControllerContext context)
        => (_context, _loop) = (context, new("daemonset", SyncAsync, context.Time, context.Logger));

    public Task RunAsync(CancellationToken ct) => Together.RunAsync(
        _loop.FollowAsync(_context.Informers.DaemonSets, (_, set) => set is null ? [] : [set.Key], ct),
        _loop.FollowAsync(_context.Informers.Pods, (before, after) => WorkloadKeys.OfPod(before, after, "DaemonSet", Candidates), ct),
        _loop.FollowAsync(_context.Informers.Nodes, OfNode, ct),
        _loop.RunAsync(ct));

    private IEnumerable<IKubeObject> Candidates(Pod orphan)
        => WorkloadKeys.Selecting(_context.Informers.DaemonSets.Snapshot.Current, orphan, s => s.Spec.Selector);

    private IEnumerable<ObjectKey> OfNode(Node? before, Node? after)
        => before is not null && after is not null && before.Spec.Taints == after.Spec.Taints
            && before.Metadata.Labels == after.Metadata.Labels && before.IsTerminating == after.IsTerminating
            ? []
            : _context.Informers.DaemonSets.Snapshot.Current.Objects.Keys;

    private async Task SyncAsync(ObjectKey key, CancellationToken ct)
    {
        var informers = _context.Informers;
        if (informers.DaemonSets.Snapshot.Current.Find(key) is not { } set)
        {
            return;
        }

        var plan = DaemonSetPlanner.Plan(
            set,
            informers.PodsOf(set),
            informers.Nodes.Snapshot.Current.Values,
            _context.Now);
        foreach (var pod in plan.Adopt)
        {
            var adopted = await _context.Client.PatchAsync(
                KubeResources.Pods, key.Namespace, pod.Metadata.Name, Owners.Adopt(pod, set), ct: ct);
            await informers.Pods.SeenAsync(adopted.Metadata.ResourceVersion, ct);
        }

        try
        {
            await Task.WhenAll(plan.Delete.Select(pod => DeleteAsync(set, pod, ct)));
            await Task.WhenAll(plan.Create.Select(pod => CreateAsync(set, pod, ct)));
        }
        finally
        {
            if (plan.Status != set.Status)
            {
                var written = await _context.Client.PatchAsync(
                    KubeResources.DaemonSets, key.Namespace, key.Name, StatusPatch.Between(set.Status, plan.Status), "status", ct);
                await informers.DaemonSets.SeenAsync(written.Metadata.ResourceVersion, ct);
            }
        }

        if (plan.Recheck is { } wait)
        {
            _loop.MarkAfter(key, wait);
        }
    }

    private async Task CreateAsync(DaemonSet set, Pod pod, CancellationToken ct)
    {
        try
        {
            var created = await _context.Client.CreateAsync(KubeResources.Pods, pod, ct);
            _context.Events.Normal(set, "SuccessfulCreate", $"Created pod: {created.Metadata.Name}");
            await _context.Informers.Pods.SeenAsync(created.Metadata.ResourceVersion, ct);
        }
        catch (KubeException e) when (e.IsInvalid)
        {
            _context.Events.Warning(set, "FailedCreate", $"Error creating: {e.Status.Message}");
            throw;
        }
    }

    private async Task DeleteAsync(DaemonSet set, Pod pod, CancellationToken ct)
    {
        await _context.DeleteAsync(_context.Informers.Pods, KubeResources.Pods, pod, null, ct);
        _context.Events.Normal(set, "SuccessfulDelete", $"Deleted pod: {pod.Metadata.Name}");
    }
}
