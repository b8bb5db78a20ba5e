using Fairlead.Lab.Pods.Probes;
using Fairlead.Tests.Fixtures;

namespace Fairlead.Tests.Pods;

public sealed class ProbeTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(7);
    private static readonly ProbeTiming s_timing = new(TimeSpan.Zero, TimeSpan.FromSeconds(10), s_limit, 1, 3);

    private readonly ManualTime _time = new();
    private readonly List<string> _verdicts = [];
    private readonly List<string> _failures = [];
    private bool _answer;
    private int _checks;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public void A_result_counts_once_it_came_as_often_as_its_threshold_says()
    {
        var liveness = ProbeThreshold.Initial(ProbePurpose.Liveness);

        var twice = liveness.After(false, 1, 3).After(false, 1, 3);
        var interrupted = twice.After(true, 1, 3).After(false, 1, 3).After(false, 1, 3);

        Assert.True(twice.Passing);
        Assert.False(twice.After(false, 1, 3).Passing);
        Assert.True(interrupted.Passing);
        Assert.False(ProbeThreshold.Initial(ProbePurpose.Readiness).Passing);
        Assert.Null(ProbeThreshold.Initial(ProbePurpose.Startup).Passing);
    }

    [Fact]
    public async Task A_readiness_probe_is_tried_at_once_and_often_until_it_first_succeeds()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var run = Start(ProbePurpose.Readiness, s_timing, stop.Token);
        await _time.UntilAwaitedAsync(ProbeLoop.Eager, Ct);
        _answer = true;
        _time.Advance(ProbeLoop.Eager);
        await _time.UntilAwaitedAsync(s_timing.Period, Ct);

        Assert.Equal(["True"], _verdicts);
        Assert.Equal(2, _checks);
        Assert.Empty(_failures);
        await EndAsync(stop, run);
    }

    [Fact]
    public async Task Once_ready_it_takes_the_threshold_to_become_unready()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        _answer = true;
        var run = Start(ProbePurpose.Readiness, s_timing, stop.Token);
        await _time.UntilAwaitedAsync(s_timing.Period, Ct);
        _answer = false;
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(["True"], _verdicts);
            _time.Advance(s_timing.Period);
            await _time.UntilAwaitedAsync(s_timing.Period, Ct);
        }

        Assert.Equal(["True", "False"], _verdicts);
        Assert.Equal(3, _failures.Count);
        await EndAsync(stop, run);
    }

    [Fact]
    public async Task Early_failures_of_a_startup_probe_do_not_use_up_its_threshold()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var run = Start(ProbePurpose.Startup, s_timing, stop.Token);
        var delay = await NextDelayAsync();
        for (var i = 0; i < 15; i++)
        {
            _time.Advance(delay);
            delay = await NextDelayAsync();
        }

        Assert.Empty(_verdicts);
        Assert.InRange(delay, ProbeLoop.Eager, s_timing.Period);
        _answer = true;
        _time.Advance(delay);
        await run;
        Assert.Equal(["True"], _verdicts);
    }

    [Fact]
    public async Task A_liveness_probe_waits_for_its_delay_and_its_threshold()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var run = Start(ProbePurpose.Liveness, s_timing with { InitialDelay = TimeSpan.FromSeconds(5) }, stop.Token);
        await _time.UntilAwaitedAsync(TimeSpan.FromSeconds(5), Ct);
        Assert.Equal(0, _checks);
        _time.Advance(TimeSpan.FromSeconds(5));
        for (var i = 0; i < 2; i++)
        {
            await _time.UntilAwaitedAsync(s_timing.Period, Ct);
            Assert.Empty(_verdicts);
            _time.Advance(s_timing.Period);
        }

        await _time.UntilAwaitedAsync(s_timing.Period, Ct);
        Assert.Equal(["False"], _verdicts);
        await EndAsync(stop, run);
    }

    /// <summary>How long the loop waits now; the time limit of a check is not it.</summary>
    private async Task<TimeSpan> NextDelayAsync()
    {
        TimeSpan due;
        do
        {
            due = await _time.UntilAwaitedAsync(Ct);
        }
        while (due == s_limit);

        return due;
    }

    private Task Start(ProbePurpose purpose, ProbeTiming timing, CancellationToken ct)
        => new ProbeLoop(purpose, timing, CheckAsync, _time).RunAsync((passing, _) => _verdicts.Add(passing.ToString()), _failures.Add, ct);

    private Task<ProbeResult> CheckAsync(CancellationToken ct)
    {
        _checks++;
        return Task.FromResult(new ProbeResult(_answer, "no"));
    }

    private static async Task EndAsync(CancellationTokenSource stop, Task run)
    {
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
    }
}
