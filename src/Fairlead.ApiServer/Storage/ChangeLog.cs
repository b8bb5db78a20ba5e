namespace Fairlead.ApiServer.Storage;

/// <summary>One change as watchers see it: what was there before and what is there after, either absent.</summary>
/// <remarks>For a deletion <see cref="Last"/> is the object as it went, with the deletion's own version; otherwise it equals <see cref="After"/>.</remarks>
internal sealed record Change(long Version, StoredObject? Before, StoredObject? After, StoredObject Last);

/// <summary>The newest changes of one resource, in order, and a bell.</summary>
/// <remarks>
/// A watch is a position in this log, not a queue of its own: a slow watcher costs nothing, and one that falls behind by more than
/// the log holds is told so (<see cref="TryRead"/> is false) and has to list again. All members are safe from any thread.
/// </remarks>
internal sealed class ChangeLog(int capacity, long start)
{
    private readonly Lock _lock = new();
    private readonly Change?[] _ring = new Change?[capacity];
    private long _next;
    private TaskCompletionSource _changed = NewBell();

    /// <summary>Changes up to this version are no longer here. After a restart those are all: what happened before cannot be replayed.</summary>
    private long _forgotten = start;

    public void Append(Change change)
    {
        TaskCompletionSource bell;
        lock (_lock)
        {
            ref var slot = ref _ring[_next % capacity];
            _forgotten = slot?.Version ?? _forgotten;
            slot = change;
            _next++;
            (bell, _changed) = (_changed, NewBell());
        }

        bell.TrySetResult();
    }

    /// <summary>The position just after a version, or the oldest version that could still be resumed from.</summary>
    public bool TryFind(long version, out long position, out long oldest)
    {
        lock (_lock)
        {
            oldest = _forgotten + 1;
            var first = Math.Max(0, _next - capacity);
            position = _next;
            while (position > first && _ring[(position - 1) % capacity]!.Version > version)
            {
                position--;
            }

            return version >= _forgotten;
        }
    }

    /// <summary>The changes from a position on, which moves behind them; false if some of them are forgotten.</summary>
    public bool TryRead(ref long position, List<Change> into, out Task changed)
    {
        lock (_lock)
        {
            changed = _changed.Task;
            if (position < _next - capacity)
            {
                return false;
            }

            for (; position < _next; position++)
            {
                into.Add(_ring[position % capacity]!);
            }

            return true;
        }
    }

    private static TaskCompletionSource NewBell() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
