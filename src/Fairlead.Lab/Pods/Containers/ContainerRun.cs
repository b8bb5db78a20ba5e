using System.Globalization;
using System.Security.Cryptography;
using Fairlead.Cni.Launcher;
using Fairlead.Lab.Pods.Leftovers;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Processes;
using Fairlead.Topology.Containers.Launch;
using Fairlead.Topology.Containers.Logs;

namespace Fairlead.Lab.Pods.Containers;

/// <summary>One run of one container: its first process, its output, and how it ended.</summary>
/// <remarks>The first process of a process namespace takes all others with it, so its end is the container's.</remarks>
internal sealed class ContainerRun : IDisposable
{
    private static readonly TimeSpan s_draining = TimeSpan.FromSeconds(2);

    private readonly LeftoverRegistry _leftovers;
    private readonly CancellationTokenSource _ended = new();

    private ContainerRun(ProcessHandle process, ContainerLog log, DateTimeOffset startedAt, LeftoverRegistry leftovers)
    {
        (Process, Log, StartedAt, _leftovers) = (process, log, startedAt, leftovers);
        Id = NewId();
    }

    /// <summary>What follows <c>fairlead://</c> in the container's id.</summary>
    public string Id { get; }

    public ProcessHandle Process { get; }

    public ContainerLog Log { get; }

    public DateTimeOffset StartedAt { get; }

    public DateTimeOffset? FinishedAt { get; private set; }

    /// <summary>Completes when the launcher has become the program, or has ended because it could not.</summary>
    /// <remarks>Before that the process is still at home in the host's files: nothing may be run beside it.</remarks>
    public Task Launched { get; private init; } = Task.CompletedTask;

    /// <summary>Completes when the container has ended and all its output is in the log.</summary>
    public Task<ExitStatus> Exited { get; private set; } = null!;

    /// <summary>Fires when the container has ended.</summary>
    public CancellationToken Ended => _ended.Token;

    public bool HasExited => Exited.IsCompleted;

    /// <summary>Whether the process runs nothing any more; true a moment before <see cref="HasExited"/>.</summary>
    public bool IsGone => HasExited || new FileInfo(string.Create(CultureInfo.InvariantCulture, $"/proc/{Process.Id}/exe")).LinkTarget is null;

    /// <summary>Starts the launcher, notes the process, and only then tells it what to become.</summary>
    public static ContainerRun Start(ContainerStart start, TimeProvider time)
    {
        using var output = new OutputPipe();
        using var error = new OutputPipe();
        var log = ContainerLog.Create(start.LogPath);
        var startedAt = time.GetUtcNow();
        var started = ContainerProcess.Start(
            new ContainerPlace(start.Launcher, start.Network, start.Namespaces, Input: null, output.Writer, error.Writer),
            start.Spec,
            process => start.Leftovers.AddProcess(process.Id, process.StartTime));
        var run = new ContainerRun(started.Process, log, startedAt, start.Leftovers) { Launched = started.Launched };
        run.Exited = run.FollowAsync(
            new LogLineWriter(log, "stdout", time).PumpAsync(output.TakeReader(), CancellationToken.None),
            new LogLineWriter(log, "stderr", time).PumpAsync(error.TakeReader(), CancellationToken.None),
            time);
        return run;
    }

    public static string NewId() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));

    public void Dispose()
    {
        _ended.Dispose();
        Process.Dispose();
        Log.Dispose();
    }

    private async Task<ExitStatus> FollowAsync(Task stdout, Task stderr, TimeProvider time)
    {
        var status = await Process.WaitAsync(CancellationToken.None);
        FinishedAt = time.GetUtcNow();
        _leftovers.RemoveProcess(Process.Id, Process.StartTime);

        // Without a process namespace of its own (hostPID) its children outlive it; their output is not waited for.
        Libc.KillGroup(Process.Id);
        await Task.WhenAll(stdout, stderr).WaitAsync(s_draining, time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Log.Complete();
        await _ended.CancelAsync();
        return status;
    }
}

/// <summary>What a container is started with.</summary>
internal sealed record ContainerStart(
    string Launcher, PodLaunchSpec Spec, NetworkNamespace Network, NamespaceKinds Namespaces, string LogPath, LeftoverRegistry Leftovers);
