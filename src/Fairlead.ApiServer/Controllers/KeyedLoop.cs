using System.Threading.Channels;
using Fairlead.Kube.Client;
using Fairlead.Kube.Informers;
using Fairlead.Kube.Objects;
using Microsoft.Extensions.Logging;

namespace Fairlead.ApiServer.Controllers;

/// <summary>Works on keys that are marked: each by one worker at a time, several keys at once, a failed one again later.</summary>
/// <remarks>
/// A mark carries nothing but the key: the work reads the newest stores, so that marks may be lost in each other but never
/// a state. A key marked while it is worked on is worked on once more.
/// </remarks>
internal sealed partial class KeyedLoop<TKey>(
    string name, Func<TKey, CancellationToken, Task> work, TimeProvider time, ILogger logger, int workers = 4)
    where TKey : notnull
{
    private static readonly TimeSpan s_minBackoff = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan s_maxBackoff = TimeSpan.FromSeconds(30);

    private readonly Lock _lock = new();
    private readonly Dictionary<TKey, Entry> _entries = [];
    private readonly Channel<TKey> _ready = Channel.CreateUnbounded<TKey>();

    private enum Phase
    {
        Idle,
        Queued,
        Running,
        RunningMarked,
    }

    /// <summary>Says that there may be something to do for the key.</summary>
    public void Mark(TKey key)
    {
        lock (_lock)
        {
            if (!_entries.TryGetValue(key, out var entry))
            {
                _entries[key] = entry = new Entry();
            }

            entry.Retry?.Dispose();
            entry.Retry = null;
            switch (entry.Phase)
            {
                case Phase.Idle:
                    entry.Phase = Phase.Queued;
                    _ready.Writer.TryWrite(key);
                    break;
                case Phase.Running:
                    entry.Phase = Phase.RunningMarked;
                    break;
            }
        }
    }

    /// <summary>Marks the key in a while, unless something marks it before.</summary>
    public void MarkAfter(TKey key, TimeSpan delay)
    {
        lock (_lock)
        {
            if (!_entries.TryGetValue(key, out var entry))
            {
                _entries[key] = entry = new Entry();
            }

            entry.Retry?.Dispose();
            entry.Retry = time.CreateTimer(_ => Mark(key), null, delay, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Works until cancelled.</summary>
    public Task RunAsync(CancellationToken ct) => Task.WhenAll(Enumerable.Range(0, workers).Select(_ => WorkAsync(ct)));

    /// <summary>Marks what each change of the informer's objects touches, until cancelled.</summary>
    public async Task FollowAsync<T>(Informer<T> informer, Func<T?, T?, IEnumerable<TKey>> touched, CancellationToken ct)
        where T : class, IKubeObject
    {
        Store<T>? seen = null;
        await foreach (var store in informer.Snapshot.WatchAsync(ct))
        {
            if (!store.Synced)
            {
                continue;
            }

            foreach (var key in store.ChangesSince(seen))
            {
                foreach (var marked in touched(seen?.Find(key), store.Find(key)))
                {
                    Mark(marked);
                }
            }

            seen = store;
        }
    }

    private async Task WorkAsync(CancellationToken ct)
    {
        await foreach (var key in _ready.Reader.ReadAllAsync(ct))
        {
            lock (_lock)
            {
                _entries[key].Phase = Phase.Running;
            }

            var failed = false;
            try
            {
                await work(key, ct);
            }
            catch (Exception e) when (!ct.IsCancellationRequested)
            {
                failed = true;
                Failed(key, e);
            }

            Finished(key, failed);
        }
    }

    private void Failed(TKey key, Exception e)
    {
        TimeSpan backoff;
        lock (_lock)
        {
            var entry = _entries[key];
            backoff = entry.Backoff;
            entry.Backoff = TimeSpan.FromTicks(Math.Min(backoff.Ticks * 2, s_maxBackoff.Ticks));
        }

        // Somebody else was first, or the object went: common, and mended by looking again.
        if (e is KubeException { IsConflict: true } or KubeException { IsNotFound: true })
        {
            LogOvertaken(name, key.ToString(), e.Message);
        }
        else
        {
            LogFailed(e, name, key.ToString(), backoff);
        }

        MarkAfter(key, backoff);
    }

    private void Finished(TKey key, bool failed)
    {
        lock (_lock)
        {
            var entry = _entries[key];
            if (!failed)
            {
                entry.Backoff = s_minBackoff;
            }

            if (entry.Phase == Phase.RunningMarked)
            {
                entry.Phase = Phase.Queued;
                _ready.Writer.TryWrite(key);
            }
            else
            {
                entry.Phase = Phase.Idle;
                if (entry.Retry is null && !failed)
                {
                    _entries.Remove(key);
                }
            }
        }
    }

    [LoggerMessage(LogLevel.Debug, "{Controller}: {Key} was overtaken: {Problem}")]
    private partial void LogOvertaken(string controller, string? key, string problem);

    [LoggerMessage(LogLevel.Warning, "{Controller}: {Key} failed; next try in {Backoff}")]
    private partial void LogFailed(Exception e, string controller, string? key, TimeSpan backoff);

    private sealed class Entry
    {
        public Phase Phase { get; set; }

        public TimeSpan Backoff { get; set; } = s_minBackoff;

        /// <summary>The timer of the next try.</summary>
        public ITimer? Retry { get; set; }
    }
}
