using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading.Channels;

namespace Fairlead.ApiServer.Storage;

/// <summary>All objects, each resource an ordered immutable map, with one version counter over all of them.</summary>
/// <remarks>
/// One loop does all writing: it takes what has queued up, checks each write against the state that the writes before it leave,
/// commits them in one transaction (so that a hundred writers share its cost), and only then shows them to readers, rings the
/// watchers' bell and answers. Readers take no lock.
/// </remarks>
internal sealed class ObjectStore : IAsyncDisposable
{
    private const int MaxBatch = 256;
    private readonly IJournal _journal;
    private readonly ConcurrentDictionary<string, ResourceStore> _resources = new(StringComparer.Ordinal);
    private readonly Channel<Write> _queue = Channel.CreateBounded<Write>(new BoundedChannelOptions(4096) { SingleReader = true });
    private readonly int _history;
    private readonly Task _loop;
    private long _version;
    private long _published;

    public ObjectStore(IJournal journal, int history)
    {
        (_journal, _history) = (journal, history);
        _version = _published = Math.Max(journal.LastVersion, 1);
        try
        {
            LoadAll(journal);
        }
        catch
        {
            journal.Dispose();
            throw;
        }

        _loop = Task.Run(WriteLoopAsync);
    }

    /// <summary>The newest version that readers can see.</summary>
    public long Version => Volatile.Read(ref _published);

    public ResourceStore Resource(string resource) => _resources.GetOrAdd(resource, static (_, store) => store.NewResource(), this);

    /// <summary>Puts an object in the place of <paramref name="expected"/> (null: a new one); a null <paramref name="next"/> deletes.</summary>
    /// <returns>The stored object (for a deletion the last version of it), or null if another writer was faster.</returns>
    public async Task<StoredObject?> WriteAsync(string resource, string key, StoredObject? expected, JsonObject? next, CancellationToken ct)
    {
        var write = new Write(resource, key, expected, next);
        await _queue.Writer.WriteAsync(write, ct);
        return await write.Done.Task;   // once queued it happens: the caller must not believe otherwise
    }

    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        await _loop;
        _journal.Dispose();
    }

    private void LoadAll(IJournal journal)
    {
        var loaded = new Dictionary<string, ImmutableSortedDictionary<string, StoredObject>.Builder>(StringComparer.Ordinal);
        foreach (var entry in journal.Load())
        {
            if (!loaded.TryGetValue(entry.Resource, out var objects))
            {
                loaded[entry.Resource] = objects = ResourceState.None.ToBuilder();
            }

            objects[entry.Key] = Load(entry);
        }

        foreach (var (resource, objects) in loaded)
        {
            Resource(resource).Load(objects.ToImmutable());
        }
    }

    private static StoredObject Load(JournalEntry entry)
    {
        try
        {
            return StoredObject.Load(entry.Key, entry.Version, entry.Json!);
        }
        catch (JsonException e)
        {
            throw new IOException($"the store is damaged: {entry.Resource} {entry.Key} cannot be read", e);
        }
    }

    private ResourceStore NewResource() => new(_history, Version);

    private async Task WriteLoopAsync()
    {
        var batch = new List<(Write Write, Change? Change)>();
        var entries = new List<JournalEntry>();
        while (await _queue.Reader.WaitToReadAsync())
        {
            (batch, entries) = ([], []);
            Collect(batch, entries);
            try
            {
                if (entries.Count > 0)
                {
                    _journal.Commit(entries);
                }
            }
            catch (Exception e)
            {
                foreach (var (write, _) in batch)
                {
                    write.Done.TrySetException(new IOException("the store could not be written", e));
                }

                continue;
            }

            Publish(batch);
        }
    }

    private void Collect(List<(Write, Change?)> batch, List<JournalEntry> entries)
    {
        var staged = new Dictionary<(string, string), StoredObject?>();
        while (batch.Count < MaxBatch && _queue.Reader.TryRead(out var write))
        {
            var slot = (write.Resource, write.Key);
            var current = staged.TryGetValue(slot, out var earlier) ? earlier : Resource(write.Resource).Find(write.Key);
            if (!ReferenceEquals(current, write.Expected) || (current is null && write.Next is null))
            {
                batch.Add((write, null));
                continue;
            }

            if (TryFreeze(write, current) is { } change)
            {
                staged[slot] = change.After;
                entries.Add(new JournalEntry(write.Resource, write.Key, change.Version, change.After?.Json));
                batch.Add((write, change));
            }
        }
    }

    /// <summary>Null for an object that cannot be kept. Only its own writer is told: the loop is everybody's and must go on.</summary>
    private Change? TryFreeze(Write write, StoredObject? current)
    {
        var version = ++_version;
        try
        {
            var after = write.Next is null ? null : StoredObject.From(write.Key, version, write.Next);
            return new Change(version, current, after, after ?? StoredObject.From(write.Key, version, current!.Parse()));
        }
        catch (Exception e)
        {
            write.Done.TrySetException(e);
            return null;
        }
    }

    private void Publish(List<(Write Write, Change? Change)> batch)
    {
        foreach (var (write, change) in batch)
        {
            if (change is not null)
            {
                Resource(write.Resource).Apply(write.Key, change);
                Volatile.Write(ref _published, change.Version);
            }
        }

        foreach (var (write, change) in batch)
        {
            write.Done.TrySetResult(change?.Last);
        }
    }

    private sealed record Write(string Resource, string Key, StoredObject? Expected, JsonObject? Next)
    {
        public TaskCompletionSource<StoredObject?> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
