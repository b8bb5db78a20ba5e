using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Fairlead.Lab.Pods.Variables;

namespace Fairlead.Lab.Pods.Reporting;

/// <summary>What is known of a pod on its node at one instant; all that its status is made from.</summary>
internal sealed record PodObservation
{
    public required PodAddresses Addresses { get; init; }

    /// <summary>The sandbox has its network.</summary>
    public bool HasSandbox { get; init; }

    public DateTimeOffset? StartTime { get; init; }

    public EquatableArray<ContainerStatus> InitContainers { get; init; }

    public EquatableArray<ContainerStatus> Containers { get; init; }

    /// <summary>The containers are stopped and will not be started again, whatever the restart policy.</summary>
    public bool IsEnding { get; init; }

    public string? Reason { get; init; }

    public string? Message { get; init; }
}

/// <summary>Computes a pod's phase and conditions as kubelet does. All of it, and no I/O.</summary>
internal static class PodStatusCompiler
{
    /// <param name="previous">The conditions reported last: a condition that did not change keeps its time.</param>
    public static PodStatus Compile(Pod pod, PodObservation seen, EquatableArray<Condition> previous, DateTimeOffset now)
    {
        var phase = PhaseOf(pod.Spec, seen);
        return new PodStatus
        {
            Phase = phase,
            Reason = seen.Reason,
            Message = seen.Message,
            ObservedGeneration = pod.Metadata.Generation > 0 ? pod.Metadata.Generation : null,
            Conditions = Conditions(pod, seen, phase, previous, now),
            HostIP = seen.Addresses.HostIP,
            HostIPs = [new PodIP { Ip = seen.Addresses.HostIP }],
            PodIP = seen.Addresses.PodIPs.Count > 0 ? seen.Addresses.PodIPs[0] : "",
            PodIPs = seen.Addresses.PodIPs.Select(ip => new PodIP { Ip = ip }).ToEquatableArray(),
            StartTime = seen.StartTime,
            InitContainerStatuses = seen.InitContainers,
            ContainerStatuses = seen.Containers,
            QosClass = pod.Status.QosClass ?? QosClass.Of(pod.Spec),
        };
    }

    /// <summary>kubelet's <c>getPhase</c>.</summary>
    internal static string PhaseOf(PodSpec spec, PodObservation seen)
    {
        if (seen is { IsEnding: true, Reason: not null })
        {
            return "Failed"; // ended by the node for a reason, however its containers took it
        }

        var policy = spec.RestartPolicy ?? "Always";
        foreach (var init in seen.InitContainers)
        {
            if (!IsInitialized(spec, init, seen))
            {
                var failed = (init.State?.Terminated ?? (init.State?.Waiting is null ? null : init.LastState?.Terminated)) is { ExitCode: not 0 };
                return failed && (policy == "Never" || seen.IsEnding) ? "Failed" : "Pending";
            }
        }

        var (waiting, running, stopped, succeeded) = (0, 0, 0, 0);
        foreach (var container in spec.Containers)
        {
            var state = seen.Containers.FirstOrDefault(c => c.Name == container.Name) is { } status ? Effective(status) : null;
            switch (state)
            {
                case { Running: not null }:
                    running++;
                    break;
                case { Terminated: { } end }:
                    stopped++;
                    succeeded += end.ExitCode == 0 ? 1 : 0;
                    break;
                default:
                    waiting++;
                    break;
            }
        }

        if (seen.IsEnding && running == 0 && stopped > 0)
        {
            return succeeded == stopped ? "Succeeded" : "Failed";
        }

        return (waiting, running, stopped) switch
        {
            ( > 0, _, _) => "Pending",
            (_, > 0, _) => "Running",
            (_, 0, > 0) when policy == "Always" => "Running",
            (_, 0, > 0) when stopped == succeeded => "Succeeded",
            (_, 0, > 0) => policy == "Never" ? "Failed" : "Running",
            _ => "Pending",
        };

        // One that waits for its restart counts as what it was.
        static ContainerState? Effective(ContainerStatus status)
            => status is { State.Waiting: not null, LastState.Terminated: not null } ? status.LastState : status.State;
    }

    /// <summary>A restartable init container (a sidecar) is done with when it has started, if only once; any other when it has ended well.</summary>
    private static bool IsInitialized(PodSpec spec, ContainerStatus init, PodObservation seen)
        => IsSidecar(spec, init.Name) ? init.Started == true || seen.Containers.Any(HasStarted) : init.State?.Terminated is { ExitCode: 0 };

    private static bool HasStarted(ContainerStatus status)
        => status is { State.Running: not null } or { State.Terminated: not null } or { LastState.Terminated: not null };

    private static bool IsSidecar(PodSpec spec, string name)
        => spec.InitContainers.FirstOrDefault(c => c.Name == name)?.RestartPolicy == "Always";

    private static EquatableArray<Condition> Conditions(
        Pod pod, PodObservation seen, string phase, EquatableArray<Condition> previous, DateTimeOffset now)
    {
        var initialized = Initialized(pod.Spec, seen, phase);
        var containersReady = ContainersReady(pod.Spec, seen, phase);
        Condition[] ours =
        [
            new() { Type = "PodReadyToStartContainers", Status = seen.HasSandbox ? "True" : "False" },
            initialized,
            PodReady(pod, containersReady),
            containersReady,
            new() { Type = "PodScheduled", Status = "True" },
        ];

        // Conditions of others (readiness gates, disruption) are theirs.
        var others = pod.Status.Conditions.Where(c => ours.All(o => o.Type != c.Type));
        return ours.Select(c => Stamp(pod, c, previous, now)).Concat(others).ToEquatableArray();
    }

    private static Condition Stamp(Pod pod, Condition next, EquatableArray<Condition> previous, DateTimeOffset now)
    {
        var before = previous.FirstOrDefault(c => c.Type == next.Type);
        return next with
        {
            LastTransitionTime = before?.Status == next.Status && before.LastTransitionTime is { } at ? at : now,
            ObservedGeneration = pod.Metadata.Generation > 0 ? pod.Metadata.Generation : null,
        };
    }

    private static Condition Initialized(PodSpec spec, PodObservation seen, string phase)
    {
        var incomplete = spec.InitContainers.Where(c => seen.InitContainers.FirstOrDefault(s => s.Name == c.Name) is not { } s || !IsInitialized(spec, s, seen))
            .Select(c => c.Name).ToList();
        return phase == "Succeeded" ? new Condition { Type = "Initialized", Status = "True", Reason = "PodCompleted" }
            : incomplete.Count == 0 ? new Condition { Type = "Initialized", Status = "True" }
            : new Condition
            {
                Type = "Initialized", Status = "False", Reason = "ContainersNotInitialized",
                Message = $"containers with incomplete status: [{string.Join(' ', incomplete)}]",
            };
    }

    private static Condition ContainersReady(PodSpec spec, PodObservation seen, string phase)
    {
        if (phase is "Succeeded" or "Failed")
        {
            return new Condition { Type = "ContainersReady", Status = "False", Reason = phase == "Succeeded" ? "PodCompleted" : "PodFailed" };
        }

        var sidecars = spec.InitContainers.Where(c => c.RestartPolicy == "Always");
        var unready = sidecars.Concat(spec.Containers)
            .Where(c => seen.InitContainers.Concat(seen.Containers).FirstOrDefault(s => s.Name == c.Name) is not { Ready: true })
            .Select(c => c.Name).ToList();
        return unready.Count == 0
            ? new Condition { Type = "ContainersReady", Status = "True" }
            : new Condition
            {
                Type = "ContainersReady", Status = "False", Reason = "ContainersNotReady",
                Message = $"containers with unready status: [{string.Join(' ', unready)}]",
            };
    }

    private static Condition PodReady(Pod pod, Condition containersReady)
    {
        if (containersReady.Status != "True")
        {
            return containersReady with { Type = "Ready" };
        }

        var missing = pod.Spec.ReadinessGates
            .Select(g => (g.ConditionType, Status: pod.Status.Conditions.FirstOrDefault(c => c.Type == g.ConditionType)?.Status))
            .Where(g => g.Status != "True")
            .Select(g => g.Status is null
                ? $"corresponding condition of pod readiness gate \"{g.ConditionType}\" does not exist."
                : $"the status of pod readiness gate \"{g.ConditionType}\" is not \"True\", but {g.Status}")
            .ToList();
        return missing.Count == 0
            ? new Condition { Type = "Ready", Status = "True" }
            : new Condition { Type = "Ready", Status = "False", Reason = "ReadinessGatesNotReady", Message = string.Join(", ", missing) };
    }
}
