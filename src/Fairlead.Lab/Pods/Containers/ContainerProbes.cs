using Fairlead.Kube.Objects;
using Fairlead.Lab.Pods.Probes;

namespace Fairlead.Lab.Pods.Containers;

/// <summary>The probes of one run of a container, and what they say of it now.</summary>
/// <remarks>Verdicts are written by the probes' tasks and read by the pod's; the bell rings after each change.</remarks>
internal sealed class ContainerProbes : IDisposable
{
    private readonly Container _container;
    private readonly Func<Probe, ProbeCheck> _check;
    private readonly Action<string> _event;
    private readonly Doorbell _bell;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _liveness;
    private volatile bool _started;
    private volatile bool _ready;
    private volatile string? _unhealthy;

    private ContainerProbes(Container container, Func<Probe, ProbeCheck> check, Action<string> unhealthy, Doorbell bell, TimeProvider time, CancellationToken ended)
    {
        (_container, _check, _event, _bell, _time) = (container, check, unhealthy, bell, time);
        _started = container.StartupProbe is null;
        _ready = container.ReadinessProbe is null;
        _liveness = CancellationTokenSource.CreateLinkedTokenSource(ended);
    }

    /// <summary>The startup probe has passed, or there is none.</summary>
    public bool IsStarted => _started;

    public bool IsReady => _started && _ready;

    /// <summary>Why the container must be restarted, if it must.</summary>
    public string? Unhealthy => _unhealthy;

    /// <summary>Probes from <paramref name="launched"/> until <paramref name="ended"/>.</summary>
    /// <param name="unhealthy">Gets the message of each failure that counts.</param>
    public static ContainerProbes Start(
        Container container, Func<Probe, ProbeCheck> check, Action<string> unhealthy, Doorbell bell, TimeProvider time, Task launched, CancellationToken ended)
    {
        var probes = new ContainerProbes(container, check, unhealthy, bell, time, ended);
        if (container is not { StartupProbe: null, LivenessProbe: null, ReadinessProbe: null })
        {
            _ = Task.Run(() => probes.RunAsync(launched, ended), CancellationToken.None);
        }

        return probes;
    }

    /// <summary>A container that is being stopped may still say whether it serves, but is not restarted any more.</summary>
    public void StopLiveness() => _liveness.Cancel();

    public void Dispose() => _liveness.Dispose();

    private async Task RunAsync(Task launched, CancellationToken ended)
    {
        try
        {
            await launched.WaitAsync(ended);
            if (_container.StartupProbe is { } startup)
            {
                await Loop(ProbePurpose.Startup, startup, (passed, _) =>
                {
                    _started = passed;
                    _unhealthy = passed ? null : "failed startup probe";
                }).RunAsync(_liveness.Token);
            }

            if (_started)
            {
                await Task.WhenAll(LivenessAsync(), ReadinessAsync(ended));
            }
        }
        catch (OperationCanceledException)
        {
            // The container has ended.
        }
    }

    private Task LivenessAsync()
        => _container.LivenessProbe is { } probe
            ? Loop(ProbePurpose.Liveness, probe, (passed, _) => _unhealthy = passed ? null : "failed liveness probe").RunAsync(_liveness.Token)
            : Task.CompletedTask;

    private Task ReadinessAsync(CancellationToken ended)
        => _container.ReadinessProbe is { } probe
            ? Loop(ProbePurpose.Readiness, probe, (passed, _) => _ready = passed).RunAsync(ended)
            : Task.CompletedTask;

    private ProbeRun Loop(ProbePurpose purpose, Probe probe, Action<bool, string> verdict)
        => new(
            new ProbeLoop(purpose, ProbeTiming.Of(probe), _check(probe), _time),
            (passed, said) =>
            {
                verdict(passed, said);
                _bell.Ring();
            },
            said => _event($"{purpose} probe failed: {said}"));

    private readonly record struct ProbeRun(ProbeLoop Loop, Action<bool, string> Verdict, Action<string> Failed)
    {
        public Task RunAsync(CancellationToken ct) => Loop.RunAsync(Verdict, Failed, ct);
    }
}
