using Fairlead.Kube.Objects;
using Fairlead.Linux.Processes;

namespace Fairlead.Lab.Pods.Containers;

/// <summary>Ends a running container as kubelet does: <c>preStop</c>, SIGTERM, and SIGKILL once the time is up.</summary>
internal sealed class ContainerStopper(PodHost host)
{
    /// <summary>Ends the container within the grace period; <paramref name="hurry"/> ends the period at once.</summary>
    /// <param name="pod">For Events.</param>
    /// <param name="container">A running one.</param>
    /// <param name="serveOn">How long it goes on undisturbed, so that its endpoint leaves the Services first.</param>
    /// <param name="grace">From now to SIGKILL.</param>
    /// <param name="podIP">Where a hook's request goes.</param>
    public async Task StopAsync(Pod pod, PodContainer container, TimeSpan serveOn, TimeSpan grace, string podIP, CancellationToken hurry)
    {
        var run = container.Run!;
        container.Probes?.StopLiveness();
        using var limit = new CancellationTokenSource(grace, host.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(hurry, limit.Token, run.Ended);

        // Time's up, hurry and the container's own end all lead to the same next step.
        await BeforeAsync(pod, container, run, serveOn, podIP, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (run.Process.Signal(Signal.Terminate))
        {
            await ((Task)run.Exited).WaitAsync(either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        _ = run.Process.Kill();
        _ = await run.Exited;
    }

    private async Task BeforeAsync(Pod pod, PodContainer container, ContainerRun run, TimeSpan serveOn, string podIP, CancellationToken ct)
    {
        var waiting = serveOn > TimeSpan.Zero ? Task.Delay(serveOn, host.Time, ct) : Task.CompletedTask;
        if (container.Spec.Lifecycle?.PreStop is { } hook
            && await LifecycleHook.RunAsync(hook, container.Spec, run.Process, podIP, host.Options.Launcher, host.Checks, host.Time, ct) is { } failure)
        {
            host.Events.Warning(pod, container.Name, "FailedPreStopHook", $"PreStopHook failed: {failure}");
        }

        await waiting;
    }
}
