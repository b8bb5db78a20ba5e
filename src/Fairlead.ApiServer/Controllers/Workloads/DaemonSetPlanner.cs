using System.Collections.Immutable;
using Fairlead.ApiServer.Controllers.Scheduling;
using Fairlead.Kube.Objects;
using Fairlead.Kube.Selectors;
using Fairlead.Kube.State;

namespace Fairlead.ApiServer.Controllers.Workloads;

/// <summary>What is to be done so that each matching node has its pod of a DaemonSet.</summary>
/// <param name="Create">The nodes that lack theirs.</param>
/// <param name="Recheck">When a pod will have been ready for long enough.</param>
internal sealed record DaemonSetPlan(
    ImmutableArray<Pod> Adopt, ImmutableArray<Pod> Create, ImmutableArray<Pod> Delete, DaemonSetStatus Status, TimeSpan? Recheck);

/// <summary>Compares a DaemonSet with the nodes and the pods there are.</summary>
internal static class DaemonSetPlanner
{
    public const string HashLabel = "controller-revision-hash";

    // A daemon runs where others may not: it is often what mends the node.
    private static readonly EquatableArray<Toleration> s_always =
    [
        new() { Key = "node.kubernetes.io/not-ready", Operator = "Exists", Effect = "NoExecute" },
        new() { Key = "node.kubernetes.io/unreachable", Operator = "Exists", Effect = "NoExecute" },
        new() { Key = "node.kubernetes.io/disk-pressure", Operator = "Exists", Effect = "NoSchedule" },
        new() { Key = "node.kubernetes.io/memory-pressure", Operator = "Exists", Effect = "NoSchedule" },
        new() { Key = "node.kubernetes.io/pid-pressure", Operator = "Exists", Effect = "NoSchedule" },
        new() { Key = "node.kubernetes.io/unschedulable", Operator = "Exists", Effect = "NoSchedule" },
    ];

    private static readonly Toleration s_network = new()
    {
        Key = "node.kubernetes.io/network-unavailable",
        Operator = "Exists",
        Effect = "NoSchedule",
    };

    /// <param name="pods">The DaemonSet's own pods, and those of its namespace that nobody owns.</param>
    public static DaemonSetPlan Plan(DaemonSet set, IEnumerable<Pod> pods, IEnumerable<Node> nodes, DateTimeOffset now)
    {
        var hash = PodTemplates.Hash(set.Spec.Template, set.Status.CollisionCount ?? 0);
        var tolerations = Tolerations(set.Spec.Template.Spec);
        var adopt = ImmutableArray.CreateBuilder<Pod>();
        var byNode = new Dictionary<string, List<Pod>>(StringComparer.Ordinal);
        foreach (var pod in pods.Where(p => Claims(set, p)).OrderBy(p => p.Metadata.CreationTimestamp).ThenBy(p => p.Key))
        {
            if (pod.Controller is null)
            {
                adopt.Add(pod);
            }

            if (!byNode.TryGetValue(pod.Spec.NodeName, out var there))
            {
                byNode[pod.Spec.NodeName] = there = [];
            }

            there.Add(pod);
        }

        var create = ImmutableArray.CreateBuilder<Pod>();
        var delete = ImmutableArray.CreateBuilder<Pod>();
        var daemons = new List<Pod?>();
        var misscheduled = 0;
        foreach (var node in nodes.OrderBy(n => n.Metadata.Name, StringComparer.Ordinal))
        {
            var there = byNode.GetValueOrDefault(node.Metadata.Name, []);
            var live = there.FindAll(PodState.IsActive);
            var (runs, stays) = Suits(set, tolerations, node);
            if (!runs && !(stays && live.Count > 0))
            {
                misscheduled += live.Count > 0 ? 1 : 0;
                delete.AddRange(live);
                continue;
            }

            // One that has ended is replaced; the old one must be gone before its successor comes, for both may want the same port.
            delete.AddRange(there.Where(p => PodState.IsFinished(p) && !p.IsTerminating));
            delete.AddRange(live.Skip(1));
            if (runs && there.Count == 0 && !set.IsTerminating)
            {
                create.Add(NewPod(set, node.Metadata.Name, hash, tolerations));
            }

            if (runs)
            {
                daemons.Add(live.FirstOrDefault());
            }
        }

        delete.AddRange(Outdated(set, daemons, hash, now));
        var (status, recheck) = StatusOf(set, daemons, misscheduled, hash, now);
        return set.IsTerminating
            ? new([], [], [], status, null)
            : new(adopt.ToImmutable(), create.ToImmutable(), [.. delete.Distinct()], status, recheck);
    }

    private static bool Claims(DaemonSet set, Pod pod)
        => pod.Controller is { } owner
            ? owner.Uid == set.Metadata.Uid
            : !set.IsTerminating && PodState.IsActive(pod) && pod.Spec.NodeName.Length > 0
                && LabelSelectors.Matches(set.Spec.Selector, pod.Metadata.Labels);

    /// <summary>Whether the node is to have a pod, and whether one that is there may stay.</summary>
    private static (bool Runs, bool Stays) Suits(DaemonSet set, EquatableArray<Toleration> tolerations, Node node)
    {
        var spec = set.Spec.Template.Spec;
        if (node.IsTerminating || !NodeFit.MatchesSelector(spec, node) || (spec.NodeName.Length > 0 && spec.NodeName != node.Metadata.Name))
        {
            return (false, false);
        }

        var stays = NodeFit.Untolerated(tolerations, node, "NoExecute") is null;
        return (stays && NodeFit.Untolerated(tolerations, node, "NoSchedule") is null, stays);
    }

    private static EquatableArray<Toleration> Tolerations(PodSpec spec)
    {
        IEnumerable<Toleration> more = spec.HostNetwork ? [.. s_always, s_network] : s_always;
        return [.. spec.Tolerations, .. more.Where(t => !spec.Tolerations.Contains(t))];
    }

    private static Pod NewPod(DaemonSet set, string node, string hash, EquatableArray<Toleration> tolerations)
    {
        var pod = PodTemplates.NewPod(set.Spec.Template, set);
        return pod with
        {
            Metadata = pod.Metadata with { Labels = pod.Metadata.Labels.With(HashLabel, hash) },
            Spec = pod.Spec with { NodeName = node, Tolerations = tolerations },
        };
    }

    /// <summary>Pods of an older template that may go now: at no time more nodes than allowed lack a pod that serves.</summary>
    private static IEnumerable<Pod> Outdated(DaemonSet set, List<Pod?> daemons, string hash, DateTimeOffset now)
    {
        if (set.Spec.UpdateStrategy?.Type == "OnDelete")
        {
            return [];
        }

        var allowed = Math.Max(1, (set.Spec.UpdateStrategy?.RollingUpdate?.MaxUnavailable ?? 1).Scale(daemons.Count, roundUp: true));
        var old = daemons.OfType<Pod>().Where(p => p.Metadata.Labels.Find(HashLabel) != hash).ToList();
        var useless = old.FindAll(p => !IsAvailable(set, p, now));
        var unavailable = daemons.Count(p => p is null || !IsAvailable(set, p, now));
        return [.. useless, .. old.Except(useless).Take(Math.Max(0, allowed - unavailable))];
    }

    private static bool IsAvailable(DaemonSet set, Pod pod, DateTimeOffset now)
        => PodState.UntilAvailable(pod, set.Spec.MinReadySeconds, now) == TimeSpan.Zero;

    private static (DaemonSetStatus Status, TimeSpan? Recheck) StatusOf(
        DaemonSet set, List<Pod?> daemons, int misscheduled, string hash, DateTimeOffset now)
    {
        var there = daemons.OfType<Pod>().ToList();
        var available = there.Count(p => IsAvailable(set, p, now));
        var status = set.Status with
        {
            ObservedGeneration = set.Metadata.Generation,
            DesiredNumberScheduled = daemons.Count,
            CurrentNumberScheduled = there.Count,
            NumberMisscheduled = misscheduled,
            NumberReady = there.Count(PodState.IsReady),
            NumberAvailable = available,
            NumberUnavailable = daemons.Count - available,
            UpdatedNumberScheduled = there.Count(p => p.Metadata.Labels.Find(HashLabel) == hash),
        };
        return (status, there.Select(p => PodState.UntilAvailable(p, set.Spec.MinReadySeconds, now)).Where(w => w > TimeSpan.Zero).Min());
    }
}
