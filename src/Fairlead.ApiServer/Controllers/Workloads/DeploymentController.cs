using System.Text.Json.Nodes;
using Fairlead.Kube.Client;
using Fairlead.Kube.Objects;

namespace Fairlead.ApiServer.Controllers.Workloads;

/// <summary>Leads each Deployment's ReplicaSets from one template to the next.</summary>
internal sealed class DeploymentController
{
    private readonly ControllerContext _context;
    private readonly KeyedLoop<ObjectKey> _loop;

    public DeploymentController(ControllerContext context)
        => (_context, _loop) = (context, new("deployment", SyncAsync, context.Time, context.Logger));

    public Task RunAsync(CancellationToken ct) => Together.RunAsync(
        _loop.FollowAsync(_context.Informers.Deployments, (_, deployment) => deployment is null ? [] : [deployment.Key], ct),
        _loop.FollowAsync(_context.Informers.ReplicaSets, OfSet, ct),
        _loop.FollowAsync(_context.Informers.Pods, (before, after) => after is null ? OfGonePod(before) : [], ct),
        _loop.RunAsync(ct));

    private IEnumerable<ObjectKey> OfSet(ReplicaSet? before, ReplicaSet? after)
    {
        var keys = WorkloadKeys.Of(before, after, "Deployment");
        return after is not null && after.Controller is null
            ? keys.Concat(
                WorkloadKeys.Selecting(_context.Informers.Deployments.Snapshot.Current, after, d => d.Spec.Selector).Select(d => d.Key))
            : keys;
    }

    /// <summary>Recreate waits for the last old pod.</summary>
    private IEnumerable<ObjectKey> OfGonePod(Pod? pod)
    {
        var set = pod?.Controller is { Kind: "ReplicaSet" } owner
            ? _context.Informers.ReplicaSets.Snapshot.Current.Find(pod.Metadata.Namespace, owner.Name)
            : null;
        return WorkloadKeys.Of(null, set, "Deployment");
    }

    private async Task SyncAsync(ObjectKey key, CancellationToken ct)
    {
        var informers = _context.Informers;
        if (informers.Deployments.Snapshot.Current.Find(key) is not { } deployment)
        {
            return;
        }

        var (store, pods) = (informers.ReplicaSets.Snapshot.Current, informers.Pods.Snapshot.Current);
        var mine = informers.ReplicaSetsByOwner.Find(store, deployment.Metadata.Uid);
        var plan = DeploymentPlanner.Plan(
            deployment,
            [.. mine, .. informers.ReplicaSetsByOwner.Find(store, SharedInformers.Orphans(key.Namespace))],
            [.. mine.SelectMany(s => informers.PodsByOwner.Find(pods, s.Metadata.Uid))],
            _context.Now);

        foreach (var set in plan.Adopt)
        {
            await SeenAsync(
                await _context.Client.PatchAsync(
                    KubeResources.ReplicaSets, key.Namespace, set.Metadata.Name, Owners.Adopt(set, deployment), ct: ct), ct);
        }

        if (plan.Revision is { } revision && deployment.Metadata.Annotations.Find(DeploymentPlanner.Revision) != revision)
        {
            await AnnotateAsync(deployment, revision, ct);
        }

        if (plan.Create is { } create && !await CreateAsync(deployment, create, ct))
        {
            return;
        }

        foreach (var change in plan.Change)
        {
            await ChangeAsync(deployment, change, ct);
        }

        foreach (var set in plan.Delete)
        {
            await _context.DeleteAsync(informers.ReplicaSets, KubeResources.ReplicaSets, set, null, ct);
        }

        await UpdateStatusAsync(deployment, plan.Status, ct);
        if (plan.Recheck is { } wait)
        {
            _loop.MarkAfter(key, wait);
        }
    }

    /// <summary>Makes the ReplicaSet. False: its name is taken by one with another template; the next turn takes another name.</summary>
    private async Task<bool> CreateAsync(Deployment deployment, ReplicaSet create, CancellationToken ct)
    {
        try
        {
            await SeenAsync(await _context.Client.CreateAsync(KubeResources.ReplicaSets, create, ct), ct);
            if (create.Spec.Replicas > 0)
            {
                _context.Events.Normal(
                    deployment, "ScalingReplicaSet", $"Scaled up replica set {create.Metadata.Name} from 0 to {create.Spec.Replicas}");
            }

            return true;
        }
        catch (KubeException e) when (e.IsAlreadyExists)
        {
            var taken = await _context.Client.GetAsync(KubeResources.ReplicaSets, create.Metadata.Namespace, create.Metadata.Name, ct);
            if (taken.Controller?.Uid == deployment.Metadata.Uid
                && DeploymentPlanner.SameTemplate(taken.Spec.Template, deployment.Spec.Template))
            {
                await SeenAsync(taken, ct);
                _loop.Mark(new ObjectKey(deployment.Metadata.Namespace, deployment.Metadata.Name));
                return false;
            }

            await UpdateStatusAsync(
                deployment, deployment.Status with { CollisionCount = (deployment.Status.CollisionCount ?? 0) + 1 }, ct);
            return false;
        }
        catch (KubeException e) when (e.IsInvalid)
        {
            var message = $"Failed to create new replica set \"{create.Metadata.Name}\": {e.Status.Message}";
            var failed = new Condition
            {
                Type = "Progressing",
                Status = "False",
                Reason = "ReplicaSetCreateError",
                Message = message,
                LastUpdateTime = _context.Now,
                LastTransitionTime = _context.Now,
            };
            if (!deployment.Status.Conditions.Any(c => c.Reason == failed.Reason && c.Message == message))
            {
                await UpdateStatusAsync(
                    deployment,
                    deployment.Status with { Conditions = [.. deployment.Status.Conditions.Where(c => c.Type != "Progressing"), failed] },
                    ct);
                _context.Events.Warning(deployment, failed.Reason, message);
            }

            throw;
        }
    }

    private async Task ChangeAsync(Deployment deployment, ReplicaSetChange change, CancellationToken ct)
    {
        var annotations = new JsonObject();
        foreach (var (name, value) in change.New.Metadata.Annotations)
        {
            if (change.Old.Metadata.Annotations.Find(name) != value)
            {
                annotations[name] = value;
            }
        }

        var patch = new JsonObject
        {
            ["metadata"] = new JsonObject { ["annotations"] = annotations },
            ["spec"] = new JsonObject { ["replicas"] = change.New.Spec.Replicas, ["minReadySeconds"] = change.New.Spec.MinReadySeconds },
        };
        var setName = change.Old.Metadata.Name;
        await SeenAsync(
            await _context.Client.PatchAsync(KubeResources.ReplicaSets, change.Old.Metadata.Namespace, setName, patch, ct: ct), ct);
        var (before, after) = (DeploymentRollout.Replicas(change.Old), DeploymentRollout.Replicas(change.New));
        if (before != after)
        {
            _context.Events.Normal(
                deployment, "ScalingReplicaSet",
                $"Scaled {(after > before ? "up" : "down")} replica set {setName} from {before} to {after}");
        }
    }

    private async Task AnnotateAsync(Deployment deployment, string revision, CancellationToken ct)
    {
        var annotations = new JsonObject { [DeploymentPlanner.Revision] = revision };
        var patch = new JsonObject { ["metadata"] = new JsonObject { ["annotations"] = annotations } };
        var written = await _context.Client.PatchAsync(
            KubeResources.Deployments, deployment.Metadata.Namespace, deployment.Metadata.Name, patch, ct: ct);
        await _context.Informers.Deployments.SeenAsync(written.Metadata.ResourceVersion, ct);
    }

    private async Task UpdateStatusAsync(Deployment deployment, DeploymentStatus status, CancellationToken ct)
    {
        if (status != deployment.Status)
        {
            var written = await _context.Client.PatchAsync(
                KubeResources.Deployments, deployment.Metadata.Namespace, deployment.Metadata.Name,
                StatusPatch.Between(deployment.Status, status), "status", ct);
            await _context.Informers.Deployments.SeenAsync(written.Metadata.ResourceVersion, ct);
        }
    }

    private async Task SeenAsync(ReplicaSet set, CancellationToken ct)
        => await _context.Informers.ReplicaSets.SeenAsync(set.Metadata.ResourceVersion, ct);
}
