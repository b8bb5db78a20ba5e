using Fairlead.Core.State;
using Fairlead.Kube.State;
using Fairlead.Tests.Fixtures;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fairlead.Tests.State;

public sealed class ReconcileLoopTests : IAsyncDisposable
{
    private static readonly ReconcileTiming s_timing = new(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(4), TimeSpan.FromMinutes(1));

    private readonly ManualTime _time = new();
    private readonly Recorder _reconciler = new();
    private readonly Snapshot<string> _desired = new("a");
    private readonly CancellationTokenSource _stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
    private readonly ReconcileLoop<string> _loop;
    private readonly Task _running;

    public ReconcileLoopTests()
    {
        _reconciler.Failures = 0;
        _loop = new(_reconciler, _desired, s_timing, _time, NullLogger<ReconcileLoop<string>>.Instance);
        _reconciler.Gate = new TaskCompletionSource();
        _running = Task.Run(() => _loop.RunAsync(_stop.Token));
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Asked_to_look_again_it_does_so_though_nothing_else_is_desired()
    {
        Begin(failures: 0);

        Assert.Equal(s_timing.Resync, await _time.UntilAwaitedAsync(Ct));
        _loop.LookAgain();
        Assert.Equal(s_timing.Resync, await _time.UntilAwaitedAsync(Ct));

        Assert.Equal(2, _reconciler.Calls);
    }

    [Fact]
    public async Task A_failure_is_tried_again_after_its_backoff()
    {
        Begin(failures: 1);

        Assert.Equal(TimeSpan.FromSeconds(1), await _time.UntilAwaitedAsync(Ct));     // failed; waits out its backoff
        Assert.Equal(1, _reconciler.Calls);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(s_timing.Resync, await _time.UntilAwaitedAsync(Ct));             // succeeded; waits for a change or the resync

        Assert.Equal(2, _reconciler.Calls);
        Assert.Equal("a", _loop.Progress.Current.State);
    }

    [Fact]
    public async Task The_backoff_doubles_up_to_its_limit_and_starts_anew_after_success()
    {
        Begin(failures: 4);

        foreach (var seconds in (int[])[1, 2, 4, 4])
        {
            Assert.Equal(TimeSpan.FromSeconds(seconds), await _time.UntilAwaitedAsync(Ct));
            _time.Advance(TimeSpan.FromSeconds(seconds));
        }

        Assert.Equal(s_timing.Resync, await _time.UntilAwaitedAsync(Ct));
        _reconciler.Failures = 1;
        _desired.Publish("b");
        Assert.Equal(TimeSpan.FromSeconds(1), await _time.UntilAwaitedAsync(Ct));
    }

    [Fact]
    public async Task A_change_is_applied_at_once()
    {
        Begin(failures: 0);

        await _time.UntilAwaitedAsync(Ct);
        _desired.Publish("b");
        await _time.UntilAwaitedAsync(Ct);

        Assert.Equal(["a", "b"], _reconciler.Seen);
    }

    [Fact]
    public async Task Without_a_change_it_looks_again_at_the_resync()
    {
        Begin(failures: 0);

        await _time.UntilAwaitedAsync(Ct);
        _time.Advance(s_timing.Resync);
        await _time.UntilAwaitedAsync(Ct);

        Assert.Equal(["a", "a"], _reconciler.Seen);
    }

    [Fact]
    public async Task A_state_that_was_replaced_before_its_turn_is_never_applied()
    {
        _desired.Publish("b");
        _desired.Publish("c");
        Begin(failures: 0);
        await _time.UntilAwaitedAsync(Ct);

        Assert.DoesNotContain("b", _reconciler.Seen);
        Assert.Equal("c", _loop.Progress.Current.State ?? _desired.Current);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _reconciler.Gate.TrySetResult();
        await _running.ContinueWith(_ => { }, TaskScheduler.Default);
        _stop.Dispose();
        _loop.Dispose();
    }

    // The loop starts with the class; this lets its first attempt through once the test has said what is to happen.
    private void Begin(int failures)
    {
        _reconciler.Failures = failures;
        _reconciler.Gate.SetResult();
    }

    private sealed class Recorder : IReconciler<string>
    {
        public TaskCompletionSource Gate { get; set; } = new();

        public int Failures { get; set; }

        public List<string> Seen { get; } = [];

        public int Calls => Seen.Count;

        public string Name => "recorder";

        public async Task ReconcileAsync(string desired, CancellationToken ct)
        {
            await Gate.Task;
            Seen.Add(desired);
            if (Failures-- > 0)
            {
                throw new IOException("refused");
            }
        }

        public Task CleanAsync(CancellationToken ct) => Task.CompletedTask;
    }
}
