using Fairlead.Linux.Processes;
using Fairlead.Topology.Containers.Launch;
using Fairlead.Topology.Containers.Logs;
using Fairlead.Topology.Containers.State;

namespace Fairlead.Topology.Containers;

/// <summary>A container that this process supervises: holds its ports, keeps its log, waits for its end, and takes its network down.</summary>
public sealed class RunningContainer
{
    private static readonly TimeSpan s_draining = TimeSpan.FromSeconds(2);

    private readonly ContainerHost _surroundings;
    private readonly StartedContainer _started;
    private readonly ContainerLog? _log;
    private readonly Task[] _pumps;
    private string? _refusal;

    internal RunningContainer(ContainerHost surroundings, StartedContainer started, ContainerLog? log, Task[] pumps)
    {
        (_surroundings, _started, _log, _pumps) = (surroundings, started, log, pumps);
        Exited = FollowAsync();
    }

    /// <summary>What was asked, and what it got.</summary>
    public ContainerRecord Record => _started.Record;

    /// <summary>Completes with the exit code when the container has ended and its network is gone.</summary>
    public Task<int> Exited { get; }

    /// <summary>Completes when its program runs: with null, or with the reason where the launcher could not start it.</summary>
    public async Task<string?> LaunchedAsync()
    {
        await _started.Process.Launched;
        if (_log is null || _started.Process.Process.IsAlive)
        {
            return null;
        }

        await Exited;
        return _refusal;
    }

    /// <summary>Passes a signal on to its first process.</summary>
    public void Signal(Signal signal) => _started.Process.Process.Signal(signal);

    /// <summary>Asks it to end, and ends it after the grace period.</summary>
    public Task StopAsync(TimeSpan grace) => _started.Process.Process.StopAsync(grace, _surroundings.Time);

    private async Task<int> FollowAsync()
    {
        var status = await _started.Process.Process.WaitAsync(CancellationToken.None);
        var at = _surroundings.Time.GetUtcNow();
        if (_log is not null)
        {
            await Task.WhenAll(_pumps).WaitAsync(s_draining, _surroundings.Time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _refusal = LaunchFailure.Of(status, _log);
            _log.Complete();
        }

        using (var change = await ContainerChange.BeginAsync(_surroundings, CancellationToken.None))
        {
            if (change.Store.Containers().FirstOrDefault(c => c.Id == Record.Id) is { } record)
            {
                change.Finish(record, status.ShellCode, at);
                change.Settle();
            }
        }

        await _started.Ports.DisposeAsync();
        if (_started.Resolver is { } resolver)
        {
            await resolver.DisposeAsync();
        }

        return status.ShellCode;
    }
}
