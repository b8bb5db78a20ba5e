using Fairlead.Kube.Objects;
using Fairlead.Linux.Processes;
using Fairlead.Topology.Containers.Launch;
using Fairlead.Topology.Containers.Logs;

namespace Fairlead.Lab.Pods.Containers;

/// <summary>One container of a pod over all its runs: what state it is in and when it may run again.</summary>
/// <remarks>Belongs to its pod's loop; nothing else changes it.</remarks>
internal sealed class PodContainer(Container spec, bool isInit) : IDisposable
{
    private const string IdPrefix = "fairlead://";
    private const int LongestMessage = 4096;

    private RestartBackoff _backoff;

    public Container Spec { get; private set; } = spec;

    public string Name { get; } = spec.Name;

    /// <summary>An init container that runs as long as the pod.</summary>
    public bool IsSidecar => isInit && Spec.RestartPolicy == "Always";

    public bool IsInit => isInit;

    public ContainerState State { get; private set; } = new() { Waiting = new ContainerStateWaiting { Reason = "ContainerCreating" } };

    public ContainerState? LastState { get; private set; }

    public int RestartCount { get; private set; }

    public ContainerRun? Run { get; private set; }

    public ContainerProbes? Probes { get; private set; }

    /// <summary>The log of the newest run, and of the one before.</summary>
    public ContainerLog? Log { get; private set; }

    public ContainerLog? PreviousLog { get; private set; }

    public bool IsRunning => State.Running is not null;

    public bool HasRun => Run is not null;

    /// <summary>How the newest run ended; null while it runs or before there was one.</summary>
    public ContainerStateTerminated? LastEnd => State.Terminated ?? (State.Waiting is not null ? LastState?.Terminated : null);

    /// <summary>The delay in force, for messages.</summary>
    public TimeSpan BackoffDelay => _backoff.Delay;

    /// <summary>When an image that cannot be had was last asked for.</summary>
    public DateTimeOffset? ImageRefused { get; set; }

    public ContainerStatus Status() => new()
    {
        Name = Name,
        Image = Spec.Image,
        ImageID = HasRun ? Spec.Image : "",
        ContainerID = Run is { } run ? IdPrefix + run.Id : null,
        State = State,
        LastState = LastState ?? new ContainerState(),
        RestartCount = RestartCount,
        Started = IsRunning && (Probes?.IsStarted ?? true),
        Ready = isInit && !IsSidecar ? State.Terminated is { ExitCode: 0 } : IsRunning && Probes is { IsReady: true },
    };

    /// <summary>Goes on from what an earlier life of the node reported: the count of restarts survives it.</summary>
    public void Resume(ContainerStatus? status)
    {
        if (status is null || (status.State?.Running is null && status.State?.Terminated is null && status.RestartCount == 0))
        {
            return;
        }

        RestartCount = status.RestartCount + 1;
        LastState = new ContainerState
        {
            Terminated = status.State?.Terminated ?? new ContainerStateTerminated
            {
                ExitCode = 255,
                Reason = "Unknown",
                Message = "the lab that ran it ended",
                StartedAt = status.State?.Running?.StartedAt,
                FinishedAt = status.State?.Running?.StartedAt,
                ContainerID = status.ContainerID,
            },
        };
    }

    /// <summary>Takes a change of the specification; only the image can change.</summary>
    public bool Update(Container spec)
    {
        var changed = spec.Image != Spec.Image;
        Spec = spec;
        if (changed)
        {
            ImageRefused = null;
        }

        return changed;
    }

    public void Wait(string reason, string? message = null)
    {
        if (State.Terminated is { } ended)
        {
            LastState = new ContainerState { Terminated = ended };
        }

        State = new ContainerState { Waiting = new ContainerStateWaiting { Reason = reason, Message = message } };
    }

    /// <summary>How long the next start has to wait.</summary>
    public TimeSpan RestartDelay(DateTimeOffset now)
        => Run?.FinishedAt is { } finished ? _backoff.Remaining(finished, now) : TimeSpan.Zero;

    public int NextRun => HasRun ? RestartCount + 1 : RestartCount;

    public void Started(ContainerRun run, ContainerProbes probes, DateTimeOffset now)
    {
        if (Run is { } before)
        {
            _backoff = _backoff.Next(before.FinishedAt ?? now, now);
            RestartCount++;
            before.Dispose();
            Probes?.Dispose();
            PreviousLog?.Delete();
            PreviousLog = before.Log;
        }

        if (State.Terminated is { } ended)
        {
            LastState = new ContainerState { Terminated = ended };
        }

        (Run, Probes, Log) = (run, probes, run.Log);
        State = new ContainerState { Running = new ContainerStateRunning { StartedAt = run.StartedAt } };
    }

    /// <summary>Takes note of the end of the newest run.</summary>
    /// <returns>What the launcher said, if the program was never started.</returns>
    public string? Ended(string? terminationFile)
    {
        var status = Run!.Exited.Result;
        var refusal = LaunchFailure.Of(status, Run.Log);
        var message = refusal ?? Message(terminationFile, status);
        State = new ContainerState
        {
            Terminated = new ContainerStateTerminated
            {
                ExitCode = refusal is null ? status.ShellCode : 128,
                Reason = refusal is not null ? "StartError" : status.ShellCode == 0 ? "Completed" : "Error",
                Message = message,
                StartedAt = Run.StartedAt,
                FinishedAt = Run.FinishedAt,
                ContainerID = IdPrefix + Run.Id,
            },
        };
        return refusal;
    }

    public void Dispose()
    {
        Run?.Dispose();
        Probes?.Dispose();
        Log?.Dispose();
        PreviousLog?.Dispose();
    }

    private string? Message(string? file, ExitStatus status)
    {
        try
        {
            if (file is not null && File.Exists(file) && new FileInfo(file).Length > 0)
            {
                using var reader = new StreamReader(file);
                var buffer = new char[LongestMessage];
                return new string(buffer, 0, reader.ReadBlock(buffer));
            }
        }
        catch (IOException)
        {
            // Last words are a courtesy.
        }

        return Spec.TerminationMessagePolicy == "FallbackToLogsOnError" && !status.Succeeded ? LaunchFailure.LastLines(Run!.Log) : null;
    }
}
