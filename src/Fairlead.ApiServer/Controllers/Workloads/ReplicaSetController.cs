using Fairlead.Kube.Client;
using Fairlead.Kube.Objects;

namespace Fairlead.ApiServer.Controllers.Workloads;

/// <summary>Keeps as many pods as each ReplicaSet wants.</summary>
internal sealed class ReplicaSetController
{
    /// <summary>How many pods one turn makes: a ReplicaSet of thousands must not hold up the others.</summary>
    private const int MostAtOnce = 100;

    private readonly ControllerContext _context;
    private readonly KeyedLoop<ObjectKey> _loop;

    public ReplicaSetController(ControllerContext context)
        => (_context, _loop) = (context, new("replicaset", SyncAsync, context.Time, context.Logger));

    public Task RunAsync(CancellationToken ct) => Together.RunAsync(
        _loop.FollowAsync(_context.Informers.ReplicaSets, (_, set) => set is null ? [] : [set.Key], ct),
        _loop.FollowAsync(_context.Informers.Pods, (before, after) => WorkloadKeys.OfPod(before, after, "ReplicaSet", Candidates), ct),
        _loop.RunAsync(ct));

    private IEnumerable<IKubeObject> Candidates(Pod orphan)
        => WorkloadKeys.Selecting(_context.Informers.ReplicaSets.Snapshot.Current, orphan, s => s.Spec.Selector);

    private async Task SyncAsync(ObjectKey key, CancellationToken ct)
    {
        var informers = _context.Informers;
        if (informers.ReplicaSets.Snapshot.Current.Find(key) is not { } set)
        {
            return;
        }

        var plan = ReplicaSetPlanner.Plan(
            set,
            informers.PodsOf(set),
            _context.Now);
        string? problem = null;
        try
        {
            foreach (var pod in plan.Release)
            {
                await PatchPodAsync(pod, Owners.Release(pod, set.Metadata.Uid), ct);
            }

            foreach (var pod in plan.Adopt)
            {
                await PatchPodAsync(pod, Owners.Adopt(pod, set), ct);
            }

            await Task.WhenAll(plan.Delete.Take(MostAtOnce).Select(pod => DeleteAsync(set, pod, ct)));
            problem = await CreateAsync(set, Math.Min(plan.Create, MostAtOnce), ct);
        }
        finally
        {
            await UpdateStatusAsync(set, ReplicaSetPlanner.WithFailure(plan.Status, problem, _context.Now), ct);
        }

        if (plan.Recheck is { } wait)
        {
            _loop.MarkAfter(key, wait);
        }

        if (plan.Create > MostAtOnce || plan.Delete.Length > MostAtOnce)
        {
            _loop.Mark(key);
        }

        if (problem is not null)
        {
            throw new InvalidOperationException(problem);
        }
    }

    /// <summary>
    /// Makes pods: one first, then ever more at once, so that a template the server refuses is refused once, not a hundred
    /// times.
    /// </summary>
    private async Task<string?> CreateAsync(ReplicaSet set, int count, CancellationToken ct)
    {
        var template = PodTemplates.NewPod(set.Spec.Template, set);
        for (var (made, batch) = (0, 1); made < count; batch *= 2)
        {
            batch = Math.Min(batch, count - made);
            try
            {
                var pods = await Task.WhenAll(
                    Enumerable.Range(0, batch).Select(_ => _context.Client.CreateAsync(KubeResources.Pods, template, ct)));
                foreach (var pod in pods)
                {
                    _context.Events.Normal(set, "SuccessfulCreate", $"Created pod: {pod.Metadata.Name}");
                }

                await Task.WhenAll(pods.Select(p => _context.Informers.Pods.SeenAsync(p.Metadata.ResourceVersion, ct)));
                made += batch;
            }
            catch (KubeException e) when (e.IsInvalid)
            {
                var problem = $"Error creating: {e.Status.Message}";
                _context.Events.Warning(set, "FailedCreate", problem);
                return problem;
            }
        }

        return null;
    }

    private async Task DeleteAsync(ReplicaSet set, Pod pod, CancellationToken ct)
    {
        await _context.DeleteAsync(_context.Informers.Pods, KubeResources.Pods, pod, null, ct);
        _context.Events.Normal(set, "SuccessfulDelete", $"Deleted pod: {pod.Metadata.Name}");
    }

    private async Task PatchPodAsync(Pod pod, System.Text.Json.Nodes.JsonObject patch, CancellationToken ct)
    {
        var patched = await _context.Client.PatchAsync(KubeResources.Pods, pod.Metadata.Namespace, pod.Metadata.Name, patch, ct: ct);
        await _context.Informers.Pods.SeenAsync(patched.Metadata.ResourceVersion, ct);
    }

    private async Task UpdateStatusAsync(ReplicaSet set, ReplicaSetStatus status, CancellationToken ct)
    {
        if (status == set.Status)
        {
            return;
        }

        var written = await _context.Client.PatchAsync(
            KubeResources.ReplicaSets, set.Metadata.Namespace, set.Metadata.Name, StatusPatch.Between(set.Status, status), "status", ct);
        await _context.Informers.ReplicaSets.SeenAsync(written.Metadata.ResourceVersion, ct);
    }
}
