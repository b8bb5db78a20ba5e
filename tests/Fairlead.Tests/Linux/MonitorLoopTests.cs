using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Fairlead.Linux.Netlink;
using Fairlead.Tests.Fixtures;

namespace Fairlead.Tests.Linux;

public sealed class MonitorLoopTests
{
    private readonly ManualTime _time = new();
    private readonly Channel<string> _told = Channel.CreateUnbounded<string>();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Changes_are_told_and_an_overrun_asks_for_a_look_once_there_is_listening_again()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var running = RunAsync(new([new Script("a", new NetlinkOverrunException()), new Script("b", null)]), stop.Token);

        Assert.Equal(["open", "heard a", "open", "missed", "heard b"], await ToldAsync(5));

        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public async Task A_failure_is_told_and_listening_begins_anew_after_a_pause_with_a_look()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var running = RunAsync(new([new Script("a", new IOException("gone")), new Script("b", null)]), stop.Token);

        Assert.Equal(["open", "heard a", "lost gone"], await ToldAsync(3));
        Assert.Equal(MonitorLoop.Pause, await _time.UntilAwaitedAsync(Ct));
        _time.Advance(MonitorLoop.Pause);

        Assert.Equal(["open", "missed", "heard b"], await ToldAsync(3));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    private Task RunAsync(Queue<Script> scripts, CancellationToken ct) => MonitorLoop.RunAsync(
        () =>
        {
            Tell("open");
            return scripts.Dequeue();
        },
        change =>
        {
            Tell($"heard {change}");
            return Task.CompletedTask;
        },
        () => Tell("missed"),
        e => Tell($"lost {e.Message}"),
        _time,
        ct);

    private void Tell(string what) => _told.Writer.TryWrite(what);

    private async Task<List<string>> ToldAsync(int count)
    {
        var told = new List<string>();
        while (told.Count < count)
        {
            told.Add(await _told.Reader.ReadAsync(Ct));
        }

        return told;
    }

    /// <summary>One change, then a failure, or nothing more.</summary>
    private sealed record Script(string Change, Exception? Failure) : IChangeMonitor<string>
    {
        public async IAsyncEnumerable<string> ReadAllAsync([EnumeratorCancellation] CancellationToken ct = default)
        {
            yield return Change;
            if (Failure is not null)
            {
                throw Failure;
            }

            await Task.Delay(Timeout.InfiniteTimeSpan, ct);
        }

        public void Dispose()
        {
        }
    }
}
