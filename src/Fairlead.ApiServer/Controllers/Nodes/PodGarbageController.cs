using System.Collections.Concurrent;
using Fairlead.Kube.Objects;

namespace Fairlead.ApiServer.Controllers.Nodes;

/// <summary>Deletes pods that nobody can end any more: those of a node that is gone, and those that never got one.</summary>
internal sealed class PodGarbageController
{
    private readonly ControllerContext _context;
    private readonly KeyedLoop<ObjectKey> _loop;
    private readonly ConcurrentDictionary<ObjectKey, DateTimeOffset> _suspectSince = new();

    public PodGarbageController(ControllerContext context)
        => (_context, _loop) = (context, new("podgc", SyncAsync, context.Time, context.Logger));

    public Task RunAsync(CancellationToken ct) => Together.RunAsync(
        _loop.FollowAsync(_context.Informers.Pods, (_, pod) => pod is not null && IsSuspect(pod) ? [pod.Key] : [], ct),
        _loop.FollowAsync(_context.Informers.Nodes, (before, after) => after is null ? PodsOf(before!.Metadata.Name) : [], ct),
        _loop.RunAsync(ct));

    private bool IsSuspect(Pod pod)
        => pod.Spec.NodeName.Length == 0
            ? pod.IsTerminating
            : _context.Informers.Nodes.Snapshot.Current.Find("", pod.Spec.NodeName) is null;

    private IEnumerable<ObjectKey> PodsOf(string node)
        => _context.Informers.Pods.Snapshot.Current.Values.Where(p => p.Spec.NodeName == node).Select(p => p.Key);

    private async Task SyncAsync(ObjectKey key, CancellationToken ct)
    {
        if (_context.Informers.Pods.Snapshot.Current.Find(key) is not { } pod || !IsSuspect(pod))
        {
            _suspectSince.TryRemove(key, out _);
            return;
        }

        // A node may come back, or register after its first pod was bound to it.
        if (pod.Spec.NodeName.Length > 0)
        {
            var left = _suspectSince.GetOrAdd(key, _context.Now) + _context.Options.NodeGonePeriod - _context.Now;
            if (left > TimeSpan.Zero)
            {
                _loop.MarkAfter(key, left);
                return;
            }

            if (await _context.Client.FindAsync(KubeResources.Nodes, null, pod.Spec.NodeName, ct) is not null)
            {
                return;
            }

            _context.Events.Normal(pod, "TaintManagerEviction", $"deleting pod of node {pod.Spec.NodeName}, which is gone");
        }

        await _context.Client.DeleteAsync(
            KubeResources.Pods, key.Namespace, key.Name, new() { GracePeriodSeconds = 0, Uid = pod.Metadata.Uid }, ct);
        _suspectSince.TryRemove(key, out _);
    }
}
