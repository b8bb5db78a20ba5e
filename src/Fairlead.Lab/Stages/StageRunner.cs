using Fairlead.Lab.State;
using Microsoft.Extensions.Logging;

namespace Fairlead.Lab.Stages;

/// <summary>Starts stages in order, tells how long each took, and stops those that were begun in reverse.</summary>
internal sealed partial class StageRunner(TimeProvider time, ILogger<StageRunner> logger)
{
    private readonly Stack<ILabStage> _begun = new();
    private readonly List<LabTiming> _timings = [];

    public IReadOnlyList<LabTiming> Timings => _timings;

    public async Task StartAsync(IEnumerable<ILabStage> stages, Action<LabTiming> finished, CancellationToken ct)
    {
        foreach (var stage in stages)
        {
            var started = time.GetTimestamp();
            _begun.Push(stage);
            await stage.StartAsync(ct);
            var timing = new LabTiming(stage.Name, Math.Round(time.GetElapsedTime(started).TotalSeconds, 3));
            _timings.Add(timing);
            finished(timing);
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

    [LoggerMessage(LogLevel.Error, "Stopping {Stage} failed; 'fairlead down' will clean up what is left")]
    private partial void LogStopFailed(Exception e, string stage);
}
