using System.Collections.Immutable;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Fairlead.Lab.Pods.Sandboxes;
using Fairlead.Topology.Containers.Logs;

namespace Fairlead.Lab.Pods.Containers;

/// <summary>Where a container's output is, and if there is none yet, why.</summary>
internal sealed record LogSource(ContainerLog? Current, ContainerLog? Previous, string Waiting);

/// <summary>All containers of one pod: the order in which they start, restart and stop.</summary>
/// <remarks>Belongs to the pod's loop.</remarks>
internal sealed class PodContainers : IDisposable
{
    private readonly PodHost _host;
    private readonly PodFolder _folder;
    private readonly ContainerStarter _starter;
    private readonly ContainerStopper _stopper;
    private readonly ImmutableArray<PodContainer> _init;
    private readonly ImmutableArray<PodContainer> _main;

    /// <param name="host">The node.</param>
    /// <param name="folder">The pod's files.</param>
    /// <param name="bell">The pod's loop.</param>
    /// <param name="pod">The pod at its start.</param>
    /// <param name="resume">Goes on counting restarts from what the pod's status says.</param>
    public PodContainers(PodHost host, PodFolder folder, Doorbell bell, Pod pod, bool resume)
    {
        (_host, _folder) = (host, folder);
        _starter = new ContainerStarter(host, folder, bell);
        _stopper = new ContainerStopper(host);
        _init = [.. pod.Spec.InitContainers.Select(c => new PodContainer(c, isInit: true))];
        _main = [.. pod.Spec.Containers.Select(c => new PodContainer(c, isInit: false))];
        foreach (var container in All)
        {
            if (resume)
            {
                container.Resume(pod.Status.InitContainerStatuses.Concat(pod.Status.ContainerStatuses).FirstOrDefault(s => s.Name == container.Name));
            }

            container.Wait(_init.IsEmpty ? "ContainerCreating" : "PodInitializing");
        }
    }

    public IEnumerable<string> Names => All.Select(c => c.Name);

    /// <summary>The names of those that run.</summary>
    public IEnumerable<string> Running => All.Where(c => c.IsRunning).Select(c => c.Name);

    public bool HaveRun => All.Any(c => c.HasRun);

    public EquatableArray<ContainerStatus> InitStatuses => _init.Select(c => c.Status()).ToEquatableArray();

    public EquatableArray<ContainerStatus> Statuses => _main.Select(c => c.Status()).ToEquatableArray();

    private IEnumerable<PodContainer> All => _init.Concat(_main);

    public ImmutableDictionary<string, LogSource> Logs()
        => All.ToImmutableDictionary(
            c => c.Name, c => new LogSource(c.Log, c.PreviousLog, c.State.Waiting?.Reason ?? "ContainerCreating"), StringComparer.Ordinal);

    /// <summary>Starts what is to run now: init containers one after the other, then all others.</summary>
    /// <returns>When to look again although nothing has rung.</returns>
    public async Task<TimeSpan?> EnsureAsync(Pod pod, PodSandbox sandbox, CancellationToken hurry, CancellationToken ct)
    {
        TimeSpan? next = null;
        foreach (var container in _init)
        {
            if (container is { IsSidecar: false, State.Terminated.ExitCode: 0 })
            {
                continue;
            }

            next = Min(next, await EnsureAsync(pod, container, sandbox, hurry, ct));
            if (!_main.Any(c => c.HasRun) && (!container.IsSidecar || container is not { IsRunning: true, Probes.IsStarted: true }))
            {
                return next;
            }
        }

        foreach (var container in _main)
        {
            next = Min(next, await EnsureAsync(pod, container, sandbox, hurry, ct));
        }

        return next;
    }

    /// <summary>Takes note of containers that have ended.</summary>
    public void Reap(Pod pod)
    {
        foreach (var container in All.Where(c => c is { IsRunning: true, Run.HasExited: true }))
        {
            var file = LaunchSpecCompiler.TerminationMessagePath(container.Spec) is null ? null : _folder.TerminationMessage(container.Name);
            if (container.Ended(file) is { } refusal)
            {
                _host.Events.Warning(pod, container.Name, "Failed", $"Error: failed to start container \"{container.Name}\": {refusal}");
            }
        }
    }

    /// <summary>Main containers end together; sidecars, which serve them, after that.</summary>
    public async Task StopAsync(Pod pod, TimeSpan serveOn, string podIP, CancellationToken hurry)
    {
        var grace = GraceOf(pod, null);
        var deadline = _host.Time.GetUtcNow() + grace;
        await Task.WhenAll(_main.Concat(_init.Where(c => !c.IsSidecar)).Where(c => c.IsRunning)
            .Select(c => _stopper.StopAsync(pod, c, serveOn, grace, podIP, hurry)));
        var left = deadline - _host.Time.GetUtcNow();
        await Task.WhenAll(_init.Where(c => c is { IsSidecar: true, IsRunning: true })
            .Select(c => _stopper.StopAsync(pod, c, TimeSpan.Zero, left > TimeSpan.Zero ? left : TimeSpan.Zero, podIP, hurry)));
    }

    /// <summary>Ends everything at once, for the end of the lab.</summary>
    public async Task KillAsync()
    {
        var running = All.Where(c => c is { IsRunning: true, Run.HasExited: false }).ToList();
        await Task.WhenAll(running.Select(c => c.Run!.Process.StopAsync(_host.Options.StopGrace, _host.Time)));
        await Task.WhenAll(running.Select(c => c.Run!.Exited));
    }

    public void Dispose()
    {
        foreach (var container in All)
        {
            container.Dispose();
        }
    }

    private async Task<TimeSpan?> EnsureAsync(Pod pod, PodContainer container, PodSandbox sandbox, CancellationToken hurry, CancellationToken ct)
    {
        var spec = container.IsInit ? pod.Spec.InitContainers.First(c => c.Name == container.Name) : pod.Spec.Containers.First(c => c.Name == container.Name);
        var imageChanged = container.Update(spec);
        if (container.IsRunning)
        {
            var why = imageChanged ? $"Container {container.Name} definition changed, will be restarted"
                : container.Probes?.Unhealthy is { } unhealthy ? $"Container {container.Name} {unhealthy}, will be restarted"
                : null;
            if (why is null)
            {
                return null;
            }

            _host.Events.Normal(pod, container.Name, "Killing", why);
            await _stopper.StopAsync(pod, container, TimeSpan.Zero, GraceOf(pod, container), sandbox.Addresses.PodIP, hurry);
            Reap(pod);
        }

        if (container.LastEnd is { } ended && container.HasRun && !MayRestart(pod.Spec, container, ended))
        {
            return null;
        }

        var delay = container.RestartDelay(_host.Time.GetUtcNow());
        if (delay > TimeSpan.Zero)
        {
            var message = $"back-off {GoDuration.Format(container.BackoffDelay)} restarting failed container={container.Name} pod={pod.Metadata.Name}_{pod.Metadata.Namespace}({pod.Metadata.Uid})";
            if (container.State.Waiting?.Reason != "CrashLoopBackOff")
            {
                _host.Events.Warning(pod, container.Name, "BackOff", $"Back-off restarting failed container {container.Name} in pod {pod.Metadata.Name}_{pod.Metadata.Namespace}({pod.Metadata.Uid})");
            }

            container.Wait("CrashLoopBackOff", message);
            return delay;
        }

        return await _starter.StartAsync(pod, container, sandbox, ct);
    }

    private static bool MayRestart(PodSpec spec, PodContainer container, ContainerStateTerminated ended)
        => container.IsSidecar || (spec.RestartPolicy ?? "Always") switch
        {
            "Never" => false,
            "OnFailure" => ended.ExitCode != 0,
            _ => !container.IsInit || ended.ExitCode != 0,
        };

    private static TimeSpan GraceOf(Pod pod, PodContainer? container)
        => TimeSpan.FromSeconds(Math.Max(0,
            (container?.Probes?.Unhealthy is not null ? container.Spec.LivenessProbe?.TerminationGracePeriodSeconds : null)
            ?? pod.Metadata.DeletionGracePeriodSeconds ?? pod.Spec.TerminationGracePeriodSeconds ?? 30));

    private static TimeSpan? Min(TimeSpan? a, TimeSpan? b) => a is null ? b : b is null ? a : a < b ? a : b;
}
