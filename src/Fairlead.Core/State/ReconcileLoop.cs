using System.Diagnostics;
using Fairlead.Kube.State;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Fairlead.Core.State;

/// <summary>How long a reconcile loop waits.</summary>
/// <param name="Resync">Between two looks when nothing changes: somebody else may have touched what we own.</param>
public sealed record ReconcileTiming(TimeSpan MinBackoff, TimeSpan MaxBackoff, TimeSpan Resync)
{
    public static ReconcileTiming Default { get; } = new(TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(1));
}

/// <summary>Keeps the world as the newest desired state says: on each change, after each failure, and now and then.</summary>
/// <remarks>
/// A state that was replaced before its turn came is never applied. Stopping leaves what was applied in force. A state
/// that arrives during the wait after a failure does not shorten it, so that a busy cluster cannot undo the backoff.
/// </remarks>
public sealed partial class ReconcileLoop<TDesired>(
    IReconciler<TDesired> reconciler, Snapshot<TDesired> desired, ReconcileTiming timing, TimeProvider time,
    ILogger<ReconcileLoop<TDesired>> logger)
    : BackgroundService
    where TDesired : class
{
    private readonly Snapshot<object> _bell = new(new object());

    /// <summary>The last state that is in force; null before the first.</summary>
    public Snapshot<Applied> Progress { get; } = new(new Applied(null));

    /// <summary>Follows the desired state until cancelled.</summary>
    public Task RunAsync(CancellationToken ct) => ExecuteAsync(ct);

    /// <summary>Has the loop look again now, though nothing else is desired: somebody was heard to touch what we own.</summary>
    public void LookAgain() => _bell.Publish(new object());

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var backoff = timing.MinBackoff;
        var news = Task.CompletedTask;
        while (true)
        {
            stoppingToken.ThrowIfCancellationRequested();
            var (state, bell) = (desired.Current, _bell.Current);
            try
            {
                await ReconcileAsync(state, stoppingToken);
                backoff = timing.MinBackoff;

                // After a resync there is no news: the same wait goes on. Each new one would hang on to the states until they change.
                news = news.IsCompleted ? Task.WhenAny(desired.ChangedAsync(state), _bell.ChangedAsync(bell)) : news;
                await news.WaitAsync(timing.Resync, time, stoppingToken)
                    .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);      // a timeout is the resync
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                LogFailed(e, reconciler.Name, backoff);
                await Task.Delay(backoff, time, stoppingToken);
                backoff = TimeSpan.FromTicks(Math.Min(backoff.Ticks * 2, timing.MaxBackoff.Ticks));
            }
        }
    }

    private async Task ReconcileAsync(TDesired state, CancellationToken ct)
    {
        var start = time.GetTimestamp();
        var tag = new KeyValuePair<string, object?>("reconciler", reconciler.Name);
        using var activity = Telemetry.Source.StartActivity(reconciler.Name);
        try
        {
            await reconciler.ReconcileAsync(state, ct);
            Telemetry.Duration.Record(time.GetElapsedTime(start).TotalSeconds, tag);
            if (!ReferenceEquals(Progress.Current.State, state))
            {
                Progress.Publish(new Applied(state));
            }
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            Telemetry.Failures.Add(1, tag);
            activity?.SetStatus(ActivityStatusCode.Error, e.Message);
            throw;
        }
    }

    [LoggerMessage(LogLevel.Warning, "{Reconciler} failed; next try in {Backoff}")]
    private partial void LogFailed(Exception e, string reconciler, TimeSpan backoff);

    /// <summary>A desired state that has been brought about.</summary>
    public sealed record Applied(TDesired? State);
}
