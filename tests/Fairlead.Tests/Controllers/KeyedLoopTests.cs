using System.Threading.Channels;
using Fairlead.ApiServer.Controllers;
using Fairlead.Tests.Fixtures;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fairlead.Tests.Controllers;

public sealed class KeyedLoopTests : IAsyncDisposable
{
    private readonly ManualTime _time = new();
    private readonly CancellationTokenSource _stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
    private readonly Channel<string> _started = Channel.CreateUnbounded<string>();
    private readonly Channel<bool> _outcomes = Channel.CreateUnbounded<bool>();
    private readonly KeyedLoop<string> _loop;
    private readonly Task _running;

    public KeyedLoopTests()
    {
        _loop = new("test", WorkAsync, _time, NullLogger.Instance, workers: 2);
        _running = _loop.RunAsync(_stop.Token);
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    [Fact]
    public async Task A_key_marked_while_it_is_worked_on_is_worked_on_once_more_and_never_twice_at_once()
    {
        _loop.Mark("a");
        Assert.Equal("a", await _started.Reader.ReadAsync(Ct));
        _loop.Mark("a");
        _loop.Mark("a");
        Assert.False(_started.Reader.TryRead(out _));

        End();
        Assert.Equal("a", await _started.Reader.ReadAsync(Ct));
        End();
        _loop.Mark("b");

        Assert.Equal("b", await _started.Reader.ReadAsync(Ct));
        End();
    }

    [Fact]
    public async Task A_slow_key_does_not_hold_up_another()
    {
        _loop.Mark("slow");
        await _started.Reader.ReadAsync(Ct);
        _loop.Mark("other");

        Assert.Equal("other", await _started.Reader.ReadAsync(Ct));
        End();
        End();
    }

    [Fact]
    public async Task A_failed_key_is_tried_again_ever_later_until_it_succeeds()
    {
        _loop.Mark("a");
        foreach (var milliseconds in (int[])[10, 20, 40])
        {
            await _started.Reader.ReadAsync(Ct);
            End(fails: true);
            await _time.UntilAwaitedAsync(TimeSpan.FromMilliseconds(milliseconds), Ct);
            _time.Advance(TimeSpan.FromMilliseconds(milliseconds));
        }

        await _started.Reader.ReadAsync(Ct);
        End();
    }

    [Fact]
    public async Task A_mark_does_not_wait_for_the_next_try()
    {
        _loop.Mark("a");
        await _started.Reader.ReadAsync(Ct);
        End(fails: true);
        await _time.UntilAwaitedAsync(TimeSpan.FromMilliseconds(10), Ct);

        _loop.Mark("a");

        Assert.Equal("a", await _started.Reader.ReadAsync(Ct));
        End();
    }

    private void End(bool fails = false) => _outcomes.Writer.TryWrite(!fails);

    private async Task WorkAsync(string key, CancellationToken ct)
    {
        _started.Writer.TryWrite(key);
        if (!await _outcomes.Reader.ReadAsync(ct))
        {
            throw new IOException("refused");
        }
    }
}
