using System.Text.Json.Nodes;
using Fairlead.Kube.Client;
using Fairlead.Kube.Objects;

namespace Fairlead.ApiServer.Controllers.Garbage;

/// <summary>Deletes what has lost its owners, in the background or before the owner goes, or lets it go free.</summary>
internal sealed class GarbageController
{
    private readonly ControllerContext _context;
    private readonly KeyedLoop<GraphKey> _loop;
    private readonly OwnerGraph _graph = new();
    private readonly Dictionary<KubeResource, ObjectSource> _sources;

    public GarbageController(ControllerContext context)
    {
        _context = context;
        _loop = new("garbage", SyncAsync, context.Time, context.Logger);
        _sources = context.Informers.All.ToDictionary(s => s.Resource);
    }

    public Task RunAsync(CancellationToken ct) => Together.RunAsync(
        [
            _loop.RunAsync(ct),
            .. _context.Informers.All.Select(source => source.FollowAsync(
                (before, after) =>
                {
                    foreach (var key in _graph.Change(source.Resource, before, after))
                    {
                        _loop.Mark(key);
                    }
                },
                ct)),
        ]);

    private async Task SyncAsync(GraphKey key, CancellationToken ct)
    {
        if (Find(key) is not { } obj)
        {
            return;
        }

        await JudgeAsync(key, obj, ct);
        await FinishAsync(key, obj, ct);
    }

    private async Task JudgeAsync(GraphKey key, IKubeObject obj, CancellationToken ct)
    {
        if (obj.Metadata.OwnerReferences.IsEmpty || obj.IsTerminating)
        {
            return;
        }

        var owners = new List<OwnerState>();
        foreach (var owner in obj.Metadata.OwnerReferences)
        {
            owners.Add(await StateAsync(owner, key.Key.Namespace, ct));
        }

        var verdict = GarbagePlanner.Decide(obj, owners);
        if (verdict != Verdict.Keep)
        {
            var policy = verdict == Verdict.DeleteInForeground ? "Foreground" : "Background";
            await _context.Client.DeleteAsync(
                key.Resource, key.Key.Namespace, key.Key.Name, new() { PropagationPolicy = policy, Uid = obj.Metadata.Uid }, ct);
        }
    }

    /// <summary>Lets the owner go, once its dependents have gone or are set free.</summary>
    private async Task FinishAsync(GraphKey key, IKubeObject obj, CancellationToken ct)
    {
        if (!obj.IsTerminating)
        {
            return;
        }

        var dependents = _graph.Dependents(obj.Metadata.Uid).Select(k => (Key: k, Object: Find(k))).Where(d => d.Object is not null)
            .ToList();
        if (obj.Metadata.Finalizers.Contains(GarbagePlanner.Orphan))
        {
            foreach (var (dependent, held) in dependents)
            {
                await PatchAsync(dependent, Owners.Release(held!, obj.Metadata.Uid), ct);
            }

            dependents.Clear();
        }

        if (GarbagePlanner.Finished(obj, dependents.Select(d => d.Object!)) is { } finalizer)
        {
            var left = new JsonArray([.. GarbagePlanner.Without(obj, finalizer).Select(f => JsonValue.Create(f))]);
            var meta = new JsonObject { ["resourceVersion"] = obj.Metadata.ResourceVersion, ["finalizers"] = left };
            await PatchAsync(key, new JsonObject { ["metadata"] = meta }, ct);
        }
    }

    private async Task<OwnerState> StateAsync(OwnerReference owner, string ns, CancellationToken ct)
    {
        if (_graph.Find(owner.Uid) is { } known && Find(known) is { } present)
        {
            return present.IsTerminating && present.Metadata.Finalizers.Contains(GarbagePlanner.Foreground)
                ? OwnerState.WaitsForDependents
                : OwnerState.Present;
        }

        // The store of the owner's kind may be behind that of ours: nothing is deleted on hearsay.
        if (KubeResources.Find(owner.ApiVersion, owner.Kind) is not { } resource)
        {
            return OwnerState.Unknown;
        }

        var live = await _context.Client.FindAsync(KubeResources.Partial(resource), resource.Namespaced ? ns : null, owner.Name, ct);
        return live?.Metadata.Uid == owner.Uid ? OwnerState.Present : OwnerState.Absent;
    }

    private async Task PatchAsync(GraphKey key, JsonObject patch, CancellationToken ct)
    {
        try
        {
            await _context.Client.RequestAsync(HttpMethod.Patch, key.Resource.Path(key.Key.Namespace, key.Key.Name), patch, ct);
        }
        catch (KubeException e) when (e.IsNotFound)
        {
            // Gone already: as wanted.
        }
    }

    private IKubeObject? Find(GraphKey key) => _sources[key.Resource].Find(key.Key);
}
