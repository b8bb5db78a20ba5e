using Fairlead.Lab.State;
using Microsoft.Extensions.Logging;

namespace Fairlead.Lab.Stages;

/// <summary>Starts stages in order, tells how long each took, and stops those that were begun in reverse.</summary>
internal sealed partial class StageRunner(TimeProvider time, ILogger<StageRunner> logger)
{
    private readonly Stack<ILabStage> _begun = new();
    private readonly List<LabTiming> _timings = [];
    private readonly TaskCompletionSource _failure = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public IReadOnlyList<LabTiming> Timings => _timings;

    public async Task StartAsync(IEnumerable<ILabStage> stages, Action<LabTiming> finished, CancellationToken ct)
    {
        foreach (var stage in stages)
        {
            var started = time.GetTimestamp();
            _begun.Push(stage);
            await StartAsync(stage, ct);
            var timing = new LabTiming(stage.Name, Math.Round(time.GetElapsedTime(started).TotalSeconds, 3));
            _timings.Add(timing);
            finished(timing);
        }
    }

    /// <summary>Waits until a part that was started can work no longer, and throws what became of it; or until <paramref name="ct"/> fires.</summary>
    /// <exception cref="LabException">A part has failed.</exception>
    public Task HoldAsync(CancellationToken ct) => _failure.Task.WaitAsync(ct);

    /// <summary>A part that needs one which has failed would wait for it in vain.</summary>
    private async Task StartAsync(ILabStage stage, CancellationToken ct)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var start = stage.StartAsync(either.Token);
        if (await Task.WhenAny(start, _failure.Task) == _failure.Task)
        {
            await either.CancelAsync();
            await start.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await _failure.Task;
        }

        await start;
        _ = WatchAsync(stage);
    }

    private async Task WatchAsync(ILabStage stage)
    {
        try
        {
            await stage.Running;
        }
        catch (OperationCanceledException)
        {
            // It was told to stop.
        }
        catch (Exception e)
        {
            LogFailed(e, stage.Name);
            _failure.TrySetException(new LabException($"{stage.Name}: failed while the lab was up: {e.Message}", "this is a fault of Fairlead's: lab.log has the details; 'fairlead up' starts anew and keeps the objects"));
        }
    }

    /// <summary>Stops everything that was begun. A part that fails to stop is logged and does not keep the rest from stopping.</summary>
    public async Task StopAsync()
    {
        while (_begun.TryPop(out var stage))
        {
            try
            {
                await stage.DisposeAsync();
            }
            catch (Exception e)
            {
                LogStopFailed(e, stage.Name);
            }
        }
    }

    [LoggerMessage(LogLevel.Critical, "{Stage} failed while the lab was up")]
    private partial void LogFailed(Exception e, string stage);

    [LoggerMessage(LogLevel.Error, "Stopping {Stage} failed; 'fairlead down' will clean up what is left")]
    private partial void LogStopFailed(Exception e, string stage);
}
