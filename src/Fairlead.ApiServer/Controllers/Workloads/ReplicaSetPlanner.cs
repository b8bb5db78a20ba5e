using System.Collections.Immutable;
using System.Globalization;
using Fairlead.Kube.Objects;
using Fairlead.Kube.Selectors;
using Fairlead.Kube.State;

namespace Fairlead.ApiServer.Controllers.Workloads;

/// <summary>What is to be done so that a ReplicaSet has the pods it wants.</summary>
/// <param name="Create">How many pods to make.</param>
/// <param name="Recheck">When a pod will have been ready for long enough.</param>
internal sealed record ReplicaSetPlan(
    ImmutableArray<Pod> Adopt, ImmutableArray<Pod> Release, int Create, ImmutableArray<Pod> Delete, ReplicaSetStatus Status,
    TimeSpan? Recheck);

/// <summary>Compares a ReplicaSet with the pods there are.</summary>
internal static class ReplicaSetPlanner
{
    private const string DeletionCost = "controller.kubernetes.io/pod-deletion-cost";

    /// <param name="pods">The ReplicaSet's own pods, and those of its namespace that nobody owns.</param>
    public static ReplicaSetPlan Plan(ReplicaSet set, IEnumerable<Pod> pods, DateTimeOffset now)
    {
        var adopt = ImmutableArray.CreateBuilder<Pod>();
        var release = ImmutableArray.CreateBuilder<Pod>();
        var active = new List<Pod>();
        foreach (var pod in pods)
        {
            var matches = LabelSelectors.Matches(set.Spec.Selector, pod.Metadata.Labels);
            if (pod.Controller is { } owner)
            {
                if (owner.Uid != set.Metadata.Uid)
                {
                    continue;
                }

                if (!matches)
                {
                    if (!set.IsTerminating)
                    {
                        release.Add(pod);
                    }

                    continue;
                }
            }
            else if (!matches || set.IsTerminating || !PodState.IsActive(pod))
            {
                continue;
            }
            else
            {
                adopt.Add(pod);
            }

            if (PodState.IsActive(pod))
            {
                active.Add(pod);
            }
        }

        var wanted = set.Spec.Replicas ?? 1;
        var surplus = active.Count - wanted;
        var idle = set.IsTerminating || surplus == 0;
        var (status, recheck) = StatusOf(set, active, now);
        return new(
            adopt.ToImmutable(),
            release.ToImmutable(),
            idle ? 0 : Math.Max(0, -surplus),
            idle || surplus < 0 ? [] : [.. InOrderOfDeletion(active).Take(surplus)],
            status,
            recheck);
    }

    /// <summary>First those whose loss costs least: without a node, not yet running, not ready, cheap, crowded, young.</summary>
    public static IEnumerable<Pod> InOrderOfDeletion(IReadOnlyCollection<Pod> pods)
    {
        var crowd = pods.Where(p => p.Spec.NodeName.Length > 0).CountBy(p => p.Spec.NodeName, StringComparer.Ordinal)
            .ToDictionary(StringComparer.Ordinal);
        return pods
            .OrderBy(p => p.Spec.NodeName.Length > 0)
            .ThenBy(p => p.Status.Phase switch { "Running" => 2, "Unknown" => 1, _ => 0 })
            .ThenBy(PodState.IsReady)
            .ThenBy(Cost)
            .ThenByDescending(p => crowd.GetValueOrDefault(p.Spec.NodeName))
            .ThenByDescending(p => PodState.IsReady(p) ? PodState.Find(p, "Ready")!.LastTransitionTime ?? default : default)
            .ThenByDescending(PodState.Restarts)
            .ThenByDescending(p => p.Metadata.CreationTimestamp ?? default)
            .ThenBy(p => p.Metadata.Name, StringComparer.Ordinal);
    }

    private static int Cost(Pod pod)
        => int.TryParse(
            pod.Metadata.Annotations.Find(DeletionCost), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var cost)
            ? cost
            : 0;

    private static (ReplicaSetStatus Status, TimeSpan? Recheck) StatusOf(ReplicaSet set, List<Pod> active, DateTimeOffset now)
    {
        var waits = active.Select(p => PodState.UntilAvailable(p, set.Spec.MinReadySeconds, now)).ToList();
        var template = set.Spec.Template.Metadata.Labels;
        var status = set.Status with
        {
            Replicas = active.Count,
            FullyLabeledReplicas = active.Count(p => LabelSelectors.Matches(template, p.Metadata.Labels)),
            ReadyReplicas = active.Count(PodState.IsReady),
            AvailableReplicas = waits.Count(w => w == TimeSpan.Zero),
            ObservedGeneration = set.Metadata.Generation,
        };
        return (status, waits.Where(w => w > TimeSpan.Zero).Min());
    }

    /// <summary>The status with the condition that says whether pods could be made.</summary>
    public static ReplicaSetStatus WithFailure(ReplicaSetStatus status, string? problem, DateTimeOffset now)
    {
        var others = status.Conditions.Where(c => c.Type != "ReplicaFailure");
        var known = status.Conditions.FirstOrDefault(c => c.Type == "ReplicaFailure");
        if (problem is null)
        {
            return known is null ? status : status with { Conditions = others.ToEquatableArray() };
        }

        if (known is not null && known.Message == problem)
        {
            return status;
        }

        var condition = new Condition
        {
            Type = "ReplicaFailure",
            Status = "True",
            Reason = "FailedCreate",
            Message = problem,
            LastTransitionTime = known?.LastTransitionTime ?? now,
        };
        return status with { Conditions = [.. others, condition] };
    }
}
