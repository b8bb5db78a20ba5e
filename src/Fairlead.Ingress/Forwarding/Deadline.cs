namespace Fairlead.Ingress.Forwarding;

/// <summary>A time limit that is moved with every read and write, and almost never reached.</summary>
/// <remarks>
/// Moving a timer for each of them would cost more than the parsing. So only the time is noted; the timer, once started, looks at it when
/// it fires and starts itself again for the rest. It may be set from any thread; the last one counts.
/// </remarks>
internal sealed class Deadline : IDisposable
{
    private const long Never = long.MaxValue;

    private readonly TimeProvider _time;
    private readonly Action _reached;
    private readonly ITimer _timer;
    private readonly Lock _lock = new();
    private long _at = Never;
    private long _due = Never;

    public Deadline(TimeProvider time, Action reached)
    {
        _time = time;
        _reached = reached;
        _timer = time.CreateTimer(static state => ((Deadline)state!).Fired(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>The limit is from now; zero is no limit.</summary>
    public void Set(TimeSpan limit)
    {
        if (limit <= TimeSpan.Zero)
        {
            Clear();
            return;
        }

        // The write comes before the read for every thread: either this sees that the timer is off, or the timer sees the new time.
        var at = _time.GetTimestamp() + (long)(limit.TotalSeconds * _time.TimestampFrequency);
        Interlocked.Exchange(ref _at, at);
        if (at < Volatile.Read(ref _due))
        {
            Schedule(at);
        }
    }

    public void Clear() => Volatile.Write(ref _at, Never);

    public void Dispose() => _timer.Dispose();

    private void Schedule(long at)
    {
        lock (_lock)
        {
            if (at >= Volatile.Read(ref _due))
            {
                return;
            }

            // A millisecond more, so that the timer does not fire just before the time that it is for.
            Volatile.Write(ref _due, at);
            var rest = _time.GetElapsedTime(_time.GetTimestamp(), at);
            _timer.Change(rest > TimeSpan.Zero ? rest + TimeSpan.FromMilliseconds(1) : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
        }
    }

    private void Fired()
    {
        Interlocked.Exchange(ref _due, Never);
        var at = Volatile.Read(ref _at);
        if (at == Never)
        {
            return;
        }

        if (_time.GetTimestamp() >= at)
        {
            _reached();
        }
        else
        {
            Schedule(at);
        }
    }
}
