namespace Fairlead.Lab.Pods;

/// <summary>Wakes one waiting loop: any number of rings before it looks are one.</summary>
/// <remarks>Ring after the state is changed; the loop reads all state after it is woken, so none is missed. One waiter only.</remarks>
internal sealed class Doorbell(TimeProvider time)
{
    private TaskCompletionSource _rung = New();

    public void Ring() => Volatile.Read(ref _rung).TrySetResult();

    /// <summary>Completes when the bell was rung since the last call, or after <paramref name="limit"/>.</summary>
    public async Task WaitAsync(TimeSpan? limit, CancellationToken ct)
    {
        await Volatile.Read(ref _rung).Task.WaitAsync(limit ?? Timeout.InfiniteTimeSpan, time, ct)
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        ct.ThrowIfCancellationRequested();
        if (_rung.Task.IsCompleted)
        {
            Interlocked.Exchange(ref _rung, New());
        }
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
