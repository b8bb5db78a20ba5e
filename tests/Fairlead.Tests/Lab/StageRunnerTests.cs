using Fairlead.Lab;
using Fairlead.Lab.Stages;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fairlead.Tests.Lab;

public sealed class StageRunnerTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private readonly StageRunner _runner = new(TimeProvider.System, NullLogger<StageRunner>.Instance);
    private readonly List<string> _stopped = [];

    [Fact]
    public async Task A_part_that_fails_while_the_lab_is_up_ends_it_and_is_named()
    {
        var running = new TaskCompletionSource();
        await _runner.StartAsync([Stage("first"), Stage("second", running: running.Task)], _ => { }, Ct);
        var hold = _runner.HoldAsync(Ct);
        Assert.False(hold.IsCompleted);

        running.SetException(new InvalidOperationException("a broken part"));

        var e = await Assert.ThrowsAsync<LabException>(() => hold);
        Assert.Contains("second", e.Message, StringComparison.Ordinal);
        Assert.Contains("a broken part", e.Message, StringComparison.Ordinal);
        await _runner.StopAsync();
        Assert.Equal(["second", "first"], _stopped);
    }

    [Fact]
    public async Task A_part_that_waits_for_one_that_has_failed_waits_no_longer()
    {
        var running = new TaskCompletionSource();
        var start = _runner.StartAsync([Stage("first", running: running.Task), Stage("second", start: ct => Task.Delay(Timeout.Infinite, ct))], _ => { }, Ct);
        Assert.False(start.IsCompleted);

        running.SetException(new InvalidOperationException("a broken part"));

        var e = await Assert.ThrowsAsync<LabException>(() => start);
        Assert.Contains("first", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_part_that_is_told_to_stop_has_not_failed()
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        await _runner.StartAsync([Stage("first", running: Task.FromCanceled(new CancellationToken(canceled: true)))], _ => { }, Ct);
        var hold = _runner.HoldAsync(end.Token);
        Assert.False(hold.IsCompleted);
        await end.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => hold);
    }

    private TestStage Stage(string name, Func<CancellationToken, Task>? start = null, Task? running = null) => new(name, start, running, _stopped);

    private sealed class TestStage(string name, Func<CancellationToken, Task>? start, Task? running, List<string> stopped) : ILabStage
    {
        public string Name => name;

        public Task Running => running ?? Task.CompletedTask;

        public Task StartAsync(CancellationToken ct) => start?.Invoke(ct) ?? Task.CompletedTask;

        public ValueTask DisposeAsync()
        {
            stopped.Add(name);
            return ValueTask.CompletedTask;
        }
    }
}
