namespace Fairlead.Lab.Pods.Probes;

/// <summary>Probes one run of a container for one purpose, and says when the verdict changes.</summary>
/// <remarks>
/// Kubelet waits up to a period before it looks at all, and a period between looks: ten seconds until a server that was up after
/// 80 ms gets traffic. Here a startup or readiness probe is tried at once and every <see cref="Eager"/>, then ever less
/// often, until it first succeeds or <see cref="EagerFor"/> is over; such an early failure counts for nothing, so thresholds mean what they mean in
/// kubelet.
/// </remarks>
internal sealed class ProbeLoop(ProbePurpose purpose, ProbeTiming timing, ProbeCheck check, TimeProvider time)
{
    public static readonly TimeSpan Eager = TimeSpan.FromMilliseconds(100);
    public static readonly TimeSpan EagerFor = TimeSpan.FromSeconds(15);

    private const int EagerShare = 5;

    /// <summary>Runs until cancelled, or until the purpose is served: a startup probe ends with its verdict.</summary>
    /// <param name="changed">Gets each new verdict, and what the last check said.</param>
    /// <param name="failed">Gets each failure that counts, for an Event.</param>
    public async Task RunAsync(Action<bool, string> changed, Action<string> failed, CancellationToken ct)
    {
        var verdict = ProbeThreshold.Initial(purpose);
        var begun = time.GetTimestamp();
        await DelayAsync(timing.InitialDelay, ct);

        var eager = purpose != ProbePurpose.Liveness && timing.InitialDelay == TimeSpan.Zero;
        var counted = TimeSpan.Zero;
        while (true)
        {
            var started = time.GetTimestamp();
            var result = await CheckAsync(ct);
            var now = time.GetElapsedTime(begun);
            eager &= !result.Success && now < EagerFor;
            if (result.Success || !eager || now - counted >= timing.Period)
            {
                counted = now;
                var next = verdict.After(result.Success, timing.SuccessThreshold, timing.FailureThreshold);
                if (!result.Success)
                {
                    failed(result.Output);
                }

                if (next.Passing is { } passing && passing != verdict.Passing)
                {
                    changed(passing, result.Output);
                    if (purpose == ProbePurpose.Startup)
                    {
                        return;
                    }
                }

                verdict = next;
            }

            await DelayAsync((eager ? EagerDelay(now) : timing.Period) - time.GetElapsedTime(started), ct);
        }
    }

    private async Task<ProbeResult> CheckAsync(CancellationToken ct)
    {
        using var limit = new CancellationTokenSource(timing.Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, limit.Token);
        try
        {
            return await check(either.Token);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return new ProbeResult(false, $"no answer within {GoDuration.Format(timing.Timeout)}");
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            return new ProbeResult(false, e.Message);
        }
    }

    private Task DelayAsync(TimeSpan delay, CancellationToken ct) => delay > TimeSpan.Zero ? Task.Delay(delay, time, ct) : Task.CompletedTask;

    /// <summary>A fifth of the time so far: a slow starter is not asked a hundred times, and waits no more than a fifth longer.</summary>
    private TimeSpan EagerDelay(TimeSpan sinceStart)
    {
        var share = sinceStart / EagerShare;
        var delay = share > Eager ? share : Eager;
        return delay < timing.Period ? delay : timing.Period;
    }
}
