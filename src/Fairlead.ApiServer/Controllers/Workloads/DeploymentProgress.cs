using Fairlead.Kube.Objects;
using Fairlead.Kube.State;

namespace Fairlead.ApiServer.Controllers.Workloads;

/// <summary>A Deployment's status: counts, and whether it is available and gets on, as <c>kubectl rollout status</c> reads it.</summary>
internal static class DeploymentProgress
{
    private const string Available = "Available";
    private const string Progressing = "Progressing";
    private const string Complete = "NewReplicaSetAvailable";
    private const string TimedOut = "ProgressDeadlineExceeded";

    public static DeploymentStatus StatusOf(
        Deployment deployment, ReplicaSet? current, IReadOnlyList<ReplicaSet> old, bool created, DateTimeOffset now)
    {
        ReplicaSet[] all = current is null ? [.. old] : [current, .. old];
        var available = all.Sum(s => s.Status.AvailableReplicas);
        var status = deployment.Status with
        {
            ObservedGeneration = deployment.Metadata.Generation,
            Replicas = all.Sum(s => s.Status.Replicas),
            UpdatedReplicas = current?.Status.Replicas ?? 0,
            ReadyReplicas = all.Sum(s => s.Status.ReadyReplicas),
            AvailableReplicas = available,
            UnavailableReplicas = Math.Max(0, all.Sum(DeploymentRollout.Replicas) - available),
        };
        var enough = available >= DeploymentRollout.Replicas(deployment) - DeploymentRollout.MaxUnavailable(deployment);
        status = Set(status, enough
            ? Make(Available, "True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
            : Make(Available, "False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability."), now);
        return Deadline(deployment) is null
            ? status with { Conditions = status.Conditions.Where(c => c.Type != Progressing).ToEquatableArray() }
            : WithProgress(deployment, status, current, created, now);
    }

    /// <summary>Whether every pod is of the newest template and serves.</summary>
    public static bool IsComplete(Deployment deployment, DeploymentStatus status)
    {
        var wanted = DeploymentRollout.Replicas(deployment);
        return status.UpdatedReplicas == wanted && status.Replicas == wanted && status.AvailableReplicas == wanted;
    }

    /// <summary>When the roll-out will have taken too long, if it is under way.</summary>
    public static TimeSpan? UntilDeadline(Deployment deployment, DeploymentStatus status, DateTimeOffset now)
    {
        var progress = Find(status, Progressing);
        if (Deadline(deployment) is not { } deadline || deployment.Spec.Paused || progress is null or { Reason: Complete or TimedOut })
        {
            return null;
        }

        // A second more: the deadline must be past, not just reached.
        var left = (progress.LastUpdateTime ?? now) + deadline + TimeSpan.FromSeconds(1) - now;
        return left > TimeSpan.Zero ? left : TimeSpan.FromSeconds(1);
    }

    private static DeploymentStatus WithProgress(
        Deployment deployment, DeploymentStatus status, ReplicaSet? current, bool created, DateTimeOffset now)
    {
        var known = Find(status, Progressing);
        if (deployment.Spec.Paused)
        {
            return Set(status, Make(Progressing, "Unknown", "DeploymentPaused", "Deployment is paused"), now);
        }

        if (known is { Reason: "DeploymentPaused" })
        {
            status = Set(status, Make(Progressing, "Unknown", "DeploymentResumed", "Deployment is resumed"), now);
            known = Find(status, Progressing);
        }

        var name = current is null ? $"Deployment \"{deployment.Metadata.Name}\"" : $"ReplicaSet \"{current.Metadata.Name}\"";
        if (created)
        {
            return Set(
                status, Make(Progressing, "True", "NewReplicaSetCreated", $"Created new replica set \"{current?.Metadata.Name}\""), now);
        }

        if (IsComplete(deployment, status))
        {
            return Set(status, Make(Progressing, "True", Complete, $"{name} has successfully progressed."), now);
        }

        // Once complete it stays so until the next template: pods that come and go are no roll-out.
        if (known is { Reason: Complete } && status.Replicas == status.UpdatedReplicas)
        {
            return status;
        }

        if (known is null)
        {
            return Set(status, Make(Progressing, "True", current is null ? "ReplicaSetUpdated" : "FoundNewReplicaSet",
                current is null ? $"{name} is progressing." : $"Found new replica set \"{current.Metadata.Name}\""), now);
        }

        if (HasMoved(deployment.Status, status))
        {
            var moved = Make(Progressing, "True", "ReplicaSetUpdated", $"{name} is progressing.");
            return Replace(
                status, moved with { LastUpdateTime = now, LastTransitionTime = known.Status == "True" ? known.LastTransitionTime : now });
        }

        return known.Reason != Complete && known.Reason != TimedOut && (known.LastUpdateTime ?? now) + Deadline(deployment) < now
            ? Set(status, Make(Progressing, "False", TimedOut, $"{name} has timed out progressing."), now)
            : status;
    }

    private static bool HasMoved(DeploymentStatus before, DeploymentStatus after)
        => after.UpdatedReplicas > before.UpdatedReplicas
            || after.Replicas - after.UpdatedReplicas < before.Replicas - before.UpdatedReplicas
            || after.ReadyReplicas > before.ReadyReplicas
            || after.AvailableReplicas > before.AvailableReplicas;

    private static TimeSpan? Deadline(Deployment deployment)
        => (deployment.Spec.ProgressDeadlineSeconds ?? 600) is var seconds and < int.MaxValue ? TimeSpan.FromSeconds(seconds) : null;

    private static Condition? Find(DeploymentStatus status, string type) => status.Conditions.FirstOrDefault(c => c.Type == type);

    private static Condition Make(string type, string state, string reason, string message)
        => new() { Type = type, Status = state, Reason = reason, Message = message };

    /// <summary>Sets the condition unless it says the same already: times tell when something changed, not when somebody looked.</summary>
    private static DeploymentStatus Set(DeploymentStatus status, Condition condition, DateTimeOffset now)
    {
        var known = Find(status, condition.Type);
        return known is not null && known.Status == condition.Status && known.Reason == condition.Reason
            ? status
            : Replace(status, condition with
            {
                LastUpdateTime = now,
                LastTransitionTime = known?.Status == condition.Status ? known.LastTransitionTime : now,
            });
    }

    private static DeploymentStatus Replace(DeploymentStatus status, Condition condition)
        => status with { Conditions = [.. status.Conditions.Where(c => c.Type != condition.Type), condition] };
}
