using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Objects;
using Fairlead.ApiServer.Storage;
using Fairlead.Tests.Fixtures;

namespace Fairlead.Tests.ApiServer;

/// <summary>What holds for every store, whatever keeps its objects.</summary>
public abstract class StoreConformance : IDisposable
{
    protected string Folder { get; } = Directory.CreateTempSubdirectory("fairlead-store-").FullName;

    private protected abstract IJournal Journal();

    [Fact]
    public async Task Versions_grow_over_all_resources()
    {
        await using var store = new ObjectStore(Journal(), 16);

        var a = await store.WriteAsync("pods", "n/a", null, Named("a"), TestContext.Current.CancellationToken);
        var b = await store.WriteAsync("services", "n/b", null, Named("b"), TestContext.Current.CancellationToken);

        Assert.True(b!.Version > a!.Version);
        Assert.Equal(b.Version, store.Version);
        Assert.Equal(a.Version.ToString(System.Globalization.CultureInfo.InvariantCulture), (string?)a.Parse()["metadata"]!["resourceVersion"]);
    }

    [Fact]
    public async Task Of_two_writers_of_one_version_one_wins()
    {
        await using var store = new ObjectStore(Journal(), 16);
        var first = await store.WriteAsync("pods", "n/a", null, Named("a"), TestContext.Current.CancellationToken);

        var results = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => store.WriteAsync("pods", "n/a", first, Named($"v{i}"), TestContext.Current.CancellationToken)));

        Assert.Single(results, r => r is not null);
        Assert.Null(await store.WriteAsync("pods", "n/a", null, Named("again"), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task What_cannot_be_kept_is_refused_to_its_writer_alone()
    {
        await using var store = new ObjectStore(Journal(), 16);
        var deep = Named("deep");
        var inner = deep;
        for (var i = 0; i < 60; i++)
        {
            inner = inner.Child("a");
        }

        var large = Named("large");
        large["data"] = new string('x', StoredObject.MaxBytes);
        var ct = TestContext.Current.CancellationToken;

        var refused = new[] { store.WriteAsync("pods", "n/deep", null, deep, ct), store.WriteAsync("pods", "n/large", null, large, ct) };
        var good = await store.WriteAsync("pods", "n/good", null, Named("good"), ct);

        await Assert.ThrowsAsync<ObjectLimitException>(() => refused[0]);
        await Assert.ThrowsAsync<ObjectLimitException>(() => refused[1]);
        Assert.Equal("n/good", Assert.Single(store.Resource("pods").State.Objects).Key);
        Assert.NotNull(good);
    }

    [Fact]
    public async Task Many_writers_lose_nothing()
    {
        await using var store = new ObjectStore(Journal(), 16);

        await Task.WhenAll(Enumerable.Range(0, 500).Select(i => store.WriteAsync("pods", $"n/p{i}", null, Named($"p{i}"), TestContext.Current.CancellationToken)));

        Assert.Equal(500, store.Resource("pods").State.Objects.Count);
        Assert.Equal(500, store.Resource("pods").State.Objects.Values.Select(o => o.Version).Distinct().Count());
    }

    /// <summary>The law of list and watch: a list, and the changes after it, give the next list, whenever one starts.</summary>
    [Fact]
    public async Task Replaying_the_changes_after_a_list_gives_the_next_list()
    {
        var random = new Random(7);
        await using var store = new ObjectStore(Journal(), 4096);
        var pods = store.Resource("pods");
        var views = new List<(Dictionary<string, long> Objects, long Position)>();
        for (var step = 0; step < 600; step++)
        {
            if (step % 50 == 0)
            {
                var state = pods.State;
                Assert.True(pods.Log.TryFind(state.Version, out var position, out _));
                views.Add((state.Objects.ToDictionary(o => o.Key, o => o.Value.Version, StringComparer.Ordinal), position));
            }

            var key = $"n/p{random.Next(20)}";
            var current = pods.Find(key);
            var next = current is not null && random.Next(3) == 0 ? null : Named(key);
            if (current is not null || next is not null)
            {
                Assert.NotNull(await store.WriteAsync("pods", key, current, next, TestContext.Current.CancellationToken));
            }
        }

        var final = pods.State.Objects.ToDictionary(o => o.Key, o => o.Value.Version, StringComparer.Ordinal);
        foreach (var (objects, start) in views)
        {
            var (position, changes) = (start, new List<Change>());
            Assert.True(pods.Log.TryRead(ref position, changes, out _));
            foreach (var change in changes)
            {
                if (change.After is { } after)
                {
                    objects[after.Key] = after.Version;
                }
                else
                {
                    objects.Remove(change.Last.Key);
                }
            }

            Assert.Equal(final.OrderBy(o => o.Key, StringComparer.Ordinal), objects.OrderBy(o => o.Key, StringComparer.Ordinal));
        }
    }

    [Fact]
    public async Task A_watcher_that_falls_behind_the_log_is_told()
    {
        await using var store = new ObjectStore(Journal(), 8);
        var pods = store.Resource("pods");
        pods.Log.TryFind(store.Version, out var position, out _);
        var early = store.Version;

        for (var i = 0; i < 20; i++)
        {
            await store.WriteAsync("pods", $"n/p{i}", null, Named("p"), TestContext.Current.CancellationToken);
        }

        Assert.False(pods.Log.TryRead(ref position, [], out _));
        Assert.False(pods.Log.TryFind(early, out _, out var oldest));
        Assert.True(oldest > early);
    }

    public void Dispose()
    {
        Directory.Delete(Folder, recursive: true);
        GC.SuppressFinalize(this);
    }

    protected static JsonObject Named(string name) => new() { ["metadata"] = new JsonObject { ["name"] = name, ["labels"] = new JsonObject { ["l"] = name } } };
}

public sealed class MemoryStoreTests : StoreConformance
{
    private protected override IJournal Journal() => new MemoryJournal();
}

public sealed class EventExpiryTests
{
    [Fact]
    public async Task Events_go_an_hour_after_they_last_happened()
    {
        var time = new ManualTime();
        await using var store = new ObjectStore(new MemoryJournal(), 16);
        await store.WriteAsync("events", "n/old", null, Event("2025-12-31T22:00:00Z"), TestContext.Current.CancellationToken);
        await store.WriteAsync("events", "n/again", null, Event("2025-12-31T23:30:00Z"), TestContext.Current.CancellationToken);

        await new EventExpiry(store, time).SweepAsync(TestContext.Current.CancellationToken);
        var first = store.Resource("events").State.Objects.Keys.Single();
        time.Advance(TimeSpan.FromMinutes(31));
        await new EventExpiry(store, time).SweepAsync(TestContext.Current.CancellationToken);

        Assert.Equal("n/again", first);
        Assert.Empty(store.Resource("events").State.Objects);
    }

    private static JsonObject Event(string last) => new()
    {
        ["metadata"] = new JsonObject { ["name"] = "e", ["creationTimestamp"] = "2025-12-31T20:00:00Z" },
        ["lastTimestamp"] = last,
    };
}

public sealed class SqliteStoreTests : StoreConformance
{
    private string File => Path.Combine(Folder, "store.db");

    private protected override IJournal Journal() => SqliteJournal.Open(File);

    [Fact]
    public async Task A_reopened_store_has_its_objects_and_goes_on_counting()
    {
        long version;
        await using (var store = new ObjectStore(Journal(), 16))
        {
            var a = await store.WriteAsync("pods", "n/a", null, Named("a"), TestContext.Current.CancellationToken);
            await store.WriteAsync("pods", "n/b", null, Named("b"), TestContext.Current.CancellationToken);
            await store.WriteAsync("pods", "n/a", a, null, TestContext.Current.CancellationToken);
            version = store.Version;
        }

        await using var again = new ObjectStore(Journal(), 16);

        Assert.Equal("n/b", Assert.Single(again.Resource("pods").State.Objects).Key);
        Assert.Equal(version, again.Version);
        Assert.False(again.Resource("pods").Log.TryFind(version - 1, out _, out _));
        Assert.True(again.Resource("pods").Log.TryFind(version, out _, out _));
    }

    /// <summary>A killed process leaves the files as they are at that moment: a copy of them, taken while the store is open, is such a state.</summary>
    [Fact]
    public async Task What_was_acknowledged_survives_a_kill()
    {
        await using var store = new ObjectStore(Journal(), 16);
        for (var i = 0; i < 50; i++)
        {
            await store.WriteAsync("pods", $"n/p{i}", null, Named($"p{i}"), TestContext.Current.CancellationToken);
        }

        var copy = Path.Combine(Folder, "copy.db");
        CopyOpen(File, copy);
        CopyOpen(File + "-wal", copy + "-wal");

        await using var revived = new ObjectStore(SqliteJournal.Open(copy), 16);
        Assert.Equal(50, revived.Resource("pods").State.Objects.Count);
        Assert.Equal(store.Version, revived.Version);
    }

    [Fact]
    public void A_file_in_use_is_refused_with_its_name()
    {
        using var first = Journal();
        first.Commit([new JournalEntry("pods", "n/a", 2, "{}"u8.ToArray())]);

        var error = Assert.Throws<IOException>(() => SqliteJournal.Open(File).Dispose());

        Assert.Equal($"the store {File} is in use by another process", error.Message);
    }

    [Fact]
    public void Only_its_owner_may_read_the_store()
    {
        using var journal = Journal();

        Assert.All(Directory.GetFiles(Folder), f => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, System.IO.File.GetUnixFileMode(f)));
    }

    [Fact]
    public void A_damaged_object_is_named()
    {
        using (var journal = Journal())
        {
            journal.Commit([new JournalEntry("pods", "n/a", 2, "{\"metadata\":"u8.ToArray())]);
        }

        var error = Assert.Throws<IOException>(() => new ObjectStore(Journal(), 16));

        Assert.Equal("the store is damaged: pods n/a cannot be read", error.Message);
        Journal().Dispose();   // it was closed, so that another try is not told that it is in use
    }

    private static void CopyOpen(string from, string to)
    {
        using var source = new FileStream(from, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var target = System.IO.File.Create(to);
        source.CopyTo(target);
    }
}
