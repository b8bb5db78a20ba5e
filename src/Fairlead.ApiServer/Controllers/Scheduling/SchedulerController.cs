using System.Text.Json.Nodes;
using Fairlead.ApiServer.Controllers.Workloads;
using Fairlead.Kube.Client;
using Fairlead.Kube.Objects;

namespace Fairlead.ApiServer.Controllers.Scheduling;

/// <summary>Binds waiting pods to nodes, and says of those that must go on waiting why.</summary>
internal sealed class SchedulerController
{
    private const string All = "all";

    private readonly ControllerContext _context;
    private readonly KeyedLoop<string> _loop;
    private readonly Dictionary<string, string> _assumed = new(StringComparer.Ordinal);

    public SchedulerController(ControllerContext context)
        => (_context, _loop) = (context, new("scheduler", SyncAsync, context.Time, context.Logger, workers: 1));

    public Task RunAsync(CancellationToken ct) => Together.RunAsync(
        _loop.FollowAsync(_context.Informers.Pods, Touches, ct),
        _loop.FollowAsync(_context.Informers.Nodes, (before, after) => Matters(before, after) ? [All] : [], ct),
        _loop.RunAsync(ct));

    /// <summary>A pod that waits, or one that made room.</summary>
    private static IEnumerable<string> Touches(Pod? before, Pod? after)
        => (after is not null && after.Spec.NodeName.Length == 0 && PodState.IsActive(after)) || after is null
            || (before is not null && PodState.IsActive(before) && !PodState.IsActive(after))
            ? [All]
            : [];

    // A node's heartbeat is no reason to look at all pods again.
    private static bool Matters(Node? before, Node? after)
        => before is null || after is null || before.Spec != after.Spec || before.Metadata.Labels != after.Metadata.Labels
            || NodeFit.IsReady(before) != NodeFit.IsReady(after) || before.Status.Allocatable != after.Status.Allocatable;

    private async Task SyncAsync(string _, CancellationToken ct)
    {
        var (pods, nodes) = (_context.Informers.Pods.Snapshot.Current, _context.Informers.Nodes.Snapshot.Current);
        Forget(pods.Values);
        var plan = SchedulingPlanner.Plan(pods.Values, nodes.Values, _assumed);
        foreach (var (pod, node) in plan.Bind)
        {
            _assumed[pod.Metadata.Uid] = node;
        }

        var failures = new List<Exception>();
        await Task.WhenAll(plan.Bind.Select(b => TryAsync(() => BindAsync(b.Pod, b.Node, ct), b.Pod, failures)));
        await Task.WhenAll(plan.Refuse.Select(r => TryAsync(() => RefuseAsync(r.Pod, r.Message, ct), r.Pod, failures)));
        if (failures.Count > 0)
        {
            throw new AggregateException($"{failures.Count} pods could not be scheduled", failures);
        }
    }

    /// <summary>Drops what the store shows by now, and pods that are gone.</summary>
    private void Forget(IEnumerable<Pod> pods)
    {
        if (_assumed.Count > 0)
        {
            var waiting = pods.Where(p => p.Spec.NodeName.Length == 0).Select(p => p.Metadata.Uid).ToHashSet(StringComparer.Ordinal);
            foreach (var uid in _assumed.Keys.Where(u => !waiting.Contains(u)).ToList())
            {
                _assumed.Remove(uid);
            }
        }
    }

    private async Task BindAsync(Pod pod, string node, CancellationToken ct)
    {
        var binding = new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Binding",
            ["metadata"] = new JsonObject
            {
                ["name"] = pod.Metadata.Name,
                ["namespace"] = pod.Metadata.Namespace,
                ["uid"] = pod.Metadata.Uid,
            },
            ["target"] = new JsonObject { ["apiVersion"] = "v1", ["kind"] = "Node", ["name"] = node },
        };
        await _context.Client.PostAsync(KubeResources.Pods, pod.Metadata.Namespace, pod.Metadata.Name, "binding", binding, ct);
        _context.Events.Normal(pod, "Scheduled", $"Successfully assigned {pod.Metadata.Namespace}/{pod.Metadata.Name} to {node}");
    }

    private async Task RefuseAsync(Pod pod, string message, CancellationToken ct)
    {
        if (PodState.Find(pod, "PodScheduled") is { Status: "False" } known && known.Message == message)
        {
            return;
        }

        var since = PodState.Find(pod, "PodScheduled") is { Status: "False" } before ? before.LastTransitionTime : _context.Now;
        var condition = new Condition
        {
            Type = "PodScheduled",
            Status = "False",
            Reason = "Unschedulable",
            Message = message,
            LastTransitionTime = since,
        };
        var status = pod.Status with { Conditions = [.. pod.Status.Conditions.Where(c => c.Type != "PodScheduled"), condition] };
        _context.Events.Warning(pod, "FailedScheduling", message);
        await _context.Client.PatchAsync(
            KubeResources.Pods, pod.Metadata.Namespace, pod.Metadata.Name, StatusPatch.Between(pod.Status, status), "status", ct);
    }

    private async Task TryAsync(Func<Task> work, Pod pod, List<Exception> failures)
    {
        try
        {
            await work();
        }
        catch (KubeException e) when (e.IsNotFound || e.Code == 409)
        {
            // Gone, or bound by somebody else: the store will show it.
        }
        catch (Exception e) when (e is KubeException or HttpRequestException or IOException)
        {
            lock (failures)
            {
                _assumed.Remove(pod.Metadata.Uid);
                failures.Add(e);
            }
        }
    }
}
