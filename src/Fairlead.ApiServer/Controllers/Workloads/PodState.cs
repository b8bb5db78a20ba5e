using Fairlead.Kube.Objects;

namespace Fairlead.ApiServer.Controllers.Workloads;

/// <summary>What controllers ask of a pod's status.</summary>
internal static class PodState
{
    /// <summary>Whether the pod has ended for good.</summary>
    public static bool IsFinished(Pod pod) => pod.Status.Phase is "Succeeded" or "Failed";

    /// <summary>Whether the pod counts: it has not ended and nobody asked it to.</summary>
    public static bool IsActive(Pod pod) => !IsFinished(pod) && !pod.IsTerminating;

    public static bool IsReady(Pod pod) => Find(pod, "Ready") is { Status: "True" };

    public static Condition? Find(Pod pod, string type)
    {
        foreach (var condition in pod.Status.Conditions)
        {
            if (condition.Type == type)
            {
                return condition;
            }
        }

        return null;
    }

    /// <summary>How long until the pod has been ready for the time asked: zero when it has, null when it is not ready.</summary>
    public static TimeSpan? UntilAvailable(Pod pod, int minReadySeconds, DateTimeOffset now)
    {
        if (Find(pod, "Ready") is not { Status: "True" } ready)
        {
            return null;
        }

        if (minReadySeconds <= 0)
        {
            return TimeSpan.Zero;
        }

        var due = (ready.LastTransitionTime ?? now) + TimeSpan.FromSeconds(minReadySeconds);
        return due <= now ? TimeSpan.Zero : due - now;
    }

    public static int Restarts(Pod pod) => pod.Status.ContainerStatuses.Sum(c => c.RestartCount);
}
