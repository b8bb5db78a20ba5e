using System.Runtime.CompilerServices;

namespace Fairlead.Kube.State;

/// <summary>The newest whole value of something that changes: read without a lock, replaced atomically, awaitable.</summary>
/// <remarks>A watcher may miss values in between, never the last one. Values are compared by reference.</remarks>
public sealed class Snapshot<T>(T initial)
    where T : class
{
    private State _state = new(initial);

    /// <summary>The newest value.</summary>
    public T Current => Volatile.Read(ref _state).Value;

    /// <summary>Replaces the value and wakes whoever waits.</summary>
    public void Publish(T next) => Interlocked.Exchange(ref _state, new State(next)).Replaced.TrySetResult();

    /// <summary>Completes once <see cref="Current"/> is no longer <paramref name="seen"/>.</summary>
    public Task ChangedAsync(T seen)
    {
        var state = Volatile.Read(ref _state);
        return ReferenceEquals(state.Value, seen) ? state.Replaced.Task : Task.CompletedTask;
    }

    /// <summary>The current value, then each newer one as it is seen.</summary>
    public async IAsyncEnumerable<T> WatchAsync([EnumeratorCancellation] CancellationToken ct)
    {
        while (true)
        {
            var value = Current;
            yield return value;
            await ChangedAsync(value).WaitAsync(ct);
        }
    }

    private sealed class State(T value)
    {
        public readonly T Value = value;
        public readonly TaskCompletionSource Replaced = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
