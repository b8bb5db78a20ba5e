using Fairlead.Kube.Client;
using Fairlead.Kube.Informers;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Fairlead.Tests.Fixtures;
using Microsoft.AspNetCore.Http;

namespace Fairlead.Tests.Kube;

public sealed class InformerTests : IAsyncLifetime
{
    private readonly ManualTime _time = new();
    private readonly CancellationTokenSource _stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
    private FakeApi _api = null!;
    private Informer<ConfigMap> _informer = null!;
    private Task _running = Task.CompletedTask;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _api = await FakeApi.StartAsync();
        _informer = new(_api.Client, KubeResources.ConfigMaps, time: _time);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running.ContinueWith(_ => { }, TaskScheduler.Default);
        await _api.DisposeAsync();
        _stop.Dispose();
    }

    [Fact]
    public async Task Lists_then_follows_changes()
    {
        await CreateAsync("a");
        Start();
        await UntilAsync("a");

        await CreateAsync("b");
        await UntilAsync("a", "b");
        await _api.Client.DeleteAsync(KubeResources.ConfigMaps, "ns", "a", ct: Ct);
        await UntilAsync("b");

        Assert.Single(_api.Requests, r => r.Contains("limit=", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Before_the_first_list_the_store_says_that_it_knows_nothing()
    {
        Assert.False(_informer.Snapshot.Current.Synced);

        Start();

        Assert.True((await _informer.SyncedAsync(Ct)).Synced);
    }

    [Fact]
    public async Task A_list_in_pages_is_one_store()
    {
        for (var i = 0; i < 7; i++)
        {
            await CreateAsync($"c{i}");
        }

        var list = await _api.Client.ListAsync(KubeResources.ConfigMaps, options: new() { PageSize = 3 }, ct: Ct);

        Assert.Equal(7, list.Items.Count);
        Assert.Equal(3, _api.Requests.Count(r => r.Contains("limit=3", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Goes_on_where_a_broken_watch_ended_without_listing_again()
    {
        Start();
        await _informer.SyncedAsync(Ct);
        await CreateAsync("a");
        await UntilAsync("a");
        await _api.UntilWatchedAsync(1, Ct);

        _api.BreakWatches();
        await CreateAsync("b");
        await PassBackoffAsync(50);
        await UntilAsync("a", "b");

        Assert.Single(_api.Requests, r => r.Contains("limit=", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Lists_again_when_the_version_is_gone_and_drops_what_was_deleted_meanwhile()
    {
        await CreateAsync("a");
        await CreateAsync("b");
        Start();
        await UntilAsync("a", "b");
        await _api.UntilWatchedAsync(1, Ct);
        var before = _informer.Snapshot.Current;

        _api.RemoveSilently(KubeResources.ConfigMaps, "ns", "a");
        _api.Compact();
        _api.BreakWatches();
        await PassBackoffAsync(50);      // lost
        await PassBackoffAsync(100);     // gone
        await UntilAsync("b");

        var after = _informer.Snapshot.Current;
        Assert.Equal([new ObjectKey("ns", "a")], after.ChangesSince(before));
        Assert.Same(before.Find("ns", "b"), after.Find("ns", "b"));
    }

    [Fact]
    public async Task Watches_that_end_after_long_quiet_follow_each_other_without_a_pause()
    {
        var begun = System.Threading.Channels.Channel.CreateUnbounded<TaskCompletionSource>();
        _api.Fault = async context =>
        {
            if (!context.Request.Query.ContainsKey("watch"))
            {
                return false;
            }

            await context.Response.StartAsync(context.RequestAborted);
            var end = new TaskCompletionSource();
            begun.Writer.TryWrite(end);
            await end.Task.WaitAsync(context.RequestAborted);
            return true;
        };
        Start();

        // No time passes but that of the watches: a pause would never end.
        for (var i = 0; i < 4; i++)
        {
            var watch = await begun.Reader.ReadAsync(Ct);
            _time.Advance(TimeSpan.FromSeconds(20));
            watch.SetResult();
        }

        Assert.True(_informer.Snapshot.Current.Synced);
    }

    [Fact]
    public async Task Keeps_the_last_store_while_the_server_refuses_and_waits_longer_each_time()
    {
        await CreateAsync("a");
        Start();
        await UntilAsync("a");
        await _api.UntilWatchedAsync(1, Ct);

        _api.Fault = async context =>
        {
            context.Response.StatusCode = 503;
            await context.Response.WriteAsync("not now", context.RequestAborted);
            return true;
        };
        _api.BreakWatches();
        foreach (var milliseconds in (int[])[50, 100, 200, 400])
        {
            await _time.UntilAwaitedAsync(TimeSpan.FromMilliseconds(milliseconds), Ct);
            Assert.NotNull(_informer.Snapshot.Current.Find("ns", "a"));
            _time.Advance(TimeSpan.FromMilliseconds(milliseconds));
        }

        await _time.UntilAwaitedAsync(TimeSpan.FromMilliseconds(800), Ct);
        _api.Fault = null;
        _time.Advance(TimeSpan.FromMilliseconds(800));
        await CreateAsync("b");
        await UntilAsync("a", "b");
    }

    [Fact]
    public async Task A_write_of_ours_can_be_waited_for()
    {
        Start();
        await _informer.SyncedAsync(Ct);

        var written = await CreateAsync("a");
        var store = await _informer.SeenAsync(written.Metadata.ResourceVersion, Ct);

        Assert.NotNull(store.Find("ns", "a"));
    }

    [Fact]
    public async Task Objects_are_cut_down_before_they_are_kept()
    {
        await CreateAsync("a");
        _informer = new(_api.Client, KubeResources.ConfigMaps, new(Trim: c => c with { Data = default }), _time);
        Start();

        Assert.Empty((await _informer.SyncedAsync(Ct)).Find("ns", "a")!.Data);
    }

    [Fact]
    public async Task A_refusal_carries_the_servers_words()
    {
        await CreateAsync("a");

        var refusal = await Assert.ThrowsAsync<KubeException>(() => CreateAsync("a"));

        Assert.True(refusal.IsAlreadyExists);
        Assert.False(refusal.IsConflict);
        Assert.Contains("already exists", refusal.Message, StringComparison.Ordinal);
        Assert.Null(await _api.Client.FindAsync(KubeResources.ConfigMaps, "ns", "none", Ct));
        Assert.False(await _api.Client.DeleteAsync(KubeResources.ConfigMaps, "ns", "none", ct: Ct));
    }

    [Fact]
    public async Task A_server_that_hangs_is_given_up()
    {
        using var client = new KubeClient(new KubeConfig { Server = _api.Address }, _time);
        var hangs = new TaskCompletionSource();
        _api.Fault = async context =>
        {
            hangs.TrySetResult();
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
            return true;
        };

        var request = client.GetAsync(KubeResources.ConfigMaps, "ns", "a", Ct);
        await hangs.Task.WaitAsync(Ct);
        _time.Advance(TimeSpan.FromSeconds(30));

        var failure = await Assert.ThrowsAsync<HttpRequestException>(() => request);
        Assert.Contains("no answer within 30 s", failure.Message, StringComparison.Ordinal);
    }

    private void Start() => _running = Task.Run(() => _informer.RunAsync(_stop.Token), Ct);

    private async Task PassBackoffAsync(int milliseconds)
    {
        await _time.UntilAwaitedAsync(TimeSpan.FromMilliseconds(milliseconds), Ct);
        _time.Advance(TimeSpan.FromMilliseconds(milliseconds));
    }

    private Task<ConfigMap> CreateAsync(string name)
        => _api.Client.CreateAsync(KubeResources.ConfigMaps, new ConfigMap { Metadata = new() { Name = name, Namespace = "ns" }, Data = EquatableMap.Of(("k", name)) }, Ct);

    private async Task UntilAsync(params string[] names)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        limit.CancelAfter(TimeSpan.FromSeconds(20));
        await foreach (var store in _informer.Snapshot.WatchAsync(limit.Token))
        {
            if (store.Objects.Keys.Select(k => k.Name).Order(StringComparer.Ordinal).SequenceEqual(names))
            {
                return;
            }
        }
    }
}
