using Fairlead.Core.State;

namespace Fairlead.Tests.State;

public sealed class PartsTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_failure_of_one_ends_the_others_and_is_what_is_thrown()
    {
        var ended = false;

        var thrown = await Assert.ThrowsAsync<InvalidOperationException>(() => Parts.RunAsync(
            Ct,
            async ct =>
            {
                using var end = ct.Register(() => ended = true);
                await Task.Delay(Timeout.InfiniteTimeSpan, ct);
            },
            _ => Task.CompletedTask,
            _ => throw new InvalidOperationException("broken")));

        Assert.Equal(("broken", true), (thrown.Message, ended));
    }

    [Fact]
    public async Task A_part_that_has_ended_leaves_the_others_be_until_all_are_cancelled()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var running = Parts.RunAsync(stop.Token, _ => Task.CompletedTask, ct => Task.Delay(Timeout.InfiniteTimeSpan, ct));

        Assert.False(running.IsCompleted);
        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }
}
