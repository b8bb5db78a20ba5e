using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Fairlead.Kube.Client;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fairlead.Kube.Informers;

/// <summary>Which objects an informer follows, and whether it keeps all of each.</summary>
/// <param name="Namespace">One namespace, or null for all.</param>
/// <param name="Trim">Cuts each object down to what is needed before it is kept.</param>
public sealed record InformerOptions<T>(
    string? Namespace = null, string? FieldSelector = null, string? LabelSelector = null, Func<T, T>? Trim = null);

/// <summary>Follows all objects of a kind: list, watch, list again when the server has lost the thread.</summary>
/// <remarks>Each batch of changes becomes one new <see cref="Store{T}"/>. While the server is away the last one stays.</remarks>
public sealed partial class Informer<T>
    where T : class, IKubeObject
{
    private static readonly TimeSpan s_minBackoff = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan s_maxBackoff = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan s_seenLimit = TimeSpan.FromSeconds(5);

    private readonly KubeClient _client;
    private readonly KubeResource<T> _resource;
    private readonly InformerOptions<T> _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly ChangeLog _log = new();
    private TimeSpan _backoff = s_minBackoff;
    private long _version;

    public Informer(
        KubeClient client, KubeResource<T> resource, InformerOptions<T>? options = null, TimeProvider? time = null, ILogger? logger = null)
    {
        _client = client;
        _resource = resource;
        _options = options ?? new();
        _time = time ?? TimeProvider.System;
        _logger = logger ?? NullLogger.Instance;
    }

    /// <summary>The newest store.</summary>
    public Snapshot<Store<T>> Snapshot { get; } = new(Store.Empty<T>());

    /// <summary>The newest store, once the objects have been listed.</summary>
    public async Task<Store<T>> SyncedAsync(CancellationToken ct)
    {
        await foreach (var store in Snapshot.WatchAsync(ct))
        {
            if (store.Synced)
            {
                return store;
            }
        }

        throw new OperationCanceledException(ct);
    }

    /// <summary>The first store that meets the condition, or the newest one when the time is up.</summary>
    public async Task<Store<T>> UntilAsync(Func<Store<T>, bool> condition, TimeSpan limit, CancellationToken ct)
    {
        if (condition(Snapshot.Current))
        {
            return Snapshot.Current;
        }

        using var timeout = new CancellationTokenSource(limit, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, timeout.Token);
        try
        {
            await foreach (var store in Snapshot.WatchAsync(either.Token))
            {
                if (condition(store))
                {
                    return store;
                }
            }
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            // Time is up: the caller goes on with what there is.
        }

        return Snapshot.Current;
    }

    /// <summary>A store that holds a write of ours: whoever decides from the store must not decide from an older one.</summary>
    /// <param name="resourceVersion">The version that the server gave the written object.</param>
    public Task<Store<T>> SeenAsync(string resourceVersion, CancellationToken ct)
    {
        return Number(resourceVersion) is { } written
            ? UntilAsync(store => Number(store.ResourceVersion) >= written, s_seenLimit, ct)
            : Task.FromResult(Snapshot.Current);

        static ulong? Number(string version)
            => ulong.TryParse(version, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
    }

    /// <summary>Follows the objects until cancelled; that is its only end.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        string? version = null;
        while (true)
        {
            try
            {
                version ??= await ListAsync(ct);
                var begun = _time.GetTimestamp();
                await foreach (var batch in _client.WatchBatchesAsync(_resource, _options.Namespace, version, Selectors, ct))
                {
                    version = Apply(batch, version);
                    _backoff = s_minBackoff;
                }

                // The server ended the watch, as it does every few minutes. Go on where it ended, at once; a server that
                // ends each one soon and without an event is a broken one, and gets the pause of a failure. Where nothing
                // happens for long is only quiet: a pause would hide the next event for its length.
                _backoff = _time.GetElapsedTime(begun) > s_maxBackoff ? s_minBackoff : _backoff;
                await PauseUnlessFirstAsync(ct);
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                throw;
            }
            catch (KubeException e) when (e.IsGone)
            {
                LogRelist(_resource.Plural);
                version = null;
                await PauseUnlessFirstAsync(ct);
            }
            catch (Exception e) when (e is KubeException or HttpRequestException or IOException or JsonException)
            {
                LogLost(e.Message, _resource.Plural, _backoff);
                version = e is KubeException or JsonException ? null : version;
                await PauseAsync(ct);
                _backoff = Longer(_backoff);
            }
        }
    }

    private ListOptions Selectors => new(_options.LabelSelector, _options.FieldSelector);

    private async Task<string> ListAsync(CancellationToken ct)
    {
        var list = await _client.ListAsync(_resource, _options.Namespace, Selectors, ct);
        var before = Snapshot.Current;
        var objects = ImmutableDictionary.CreateBuilder<ObjectKey, T>();
        var changed = ImmutableArray.CreateBuilder<ObjectKey>();
        foreach (var item in list.Items)
        {
            var key = new ObjectKey(item.Metadata.Namespace, item.Metadata.Name);
            if (before.Objects.TryGetValue(key, out var known) && Same(known, item))
            {
                objects[key] = known;
            }
            else
            {
                objects[key] = Trim(item);
                changed.Add(key);
            }
        }

        changed.AddRange(before.Objects.Keys.Where(k => !objects.ContainsKey(k)));
        Publish(objects.ToImmutable(), changed.ToImmutable(), list.ResourceVersion);
        return list.ResourceVersion;
    }

    /// <summary>Publishes what the batch makes of the store; returns the version to go on from.</summary>
    private string Apply(List<WatchEvent<T>> batch, string version)
    {
        var objects = Snapshot.Current.Objects.ToBuilder();
        var changed = ImmutableArray.CreateBuilder<ObjectKey>();
        foreach (var (type, item) in batch)
        {
            if (item.Metadata.ResourceVersion.Length > 0)
            {
                version = item.Metadata.ResourceVersion;
            }

            if (type == WatchEventType.Bookmark)
            {
                continue;
            }

            var key = new ObjectKey(item.Metadata.Namespace, item.Metadata.Name);
            if (type == WatchEventType.Deleted)
            {
                objects.Remove(key);
            }
            else if (objects.TryGetValue(key, out var known) && Same(known, item))
            {
                continue;
            }
            else
            {
                objects[key] = Trim(item);
            }

            changed.Add(key);
        }

        if (changed.Count > 0)
        {
            Publish(objects.ToImmutable(), changed.ToImmutable(), version);
        }

        return version;
    }

    private void Publish(ImmutableDictionary<ObjectKey, T> objects, ImmutableArray<ObjectKey> changed, string resourceVersion)
    {
        _log.Add(++_version, changed);
        Snapshot.Publish(new Store<T>(true, objects, resourceVersion, _version, _log));
    }

    private T Trim(T item) => _options.Trim is { } trim ? trim(item) : item;

    private static bool Same(T known, T item)
        => known.Metadata.ResourceVersion == item.Metadata.ResourceVersion && known.Metadata.Uid == item.Metadata.Uid
            && item.Metadata.ResourceVersion.Length > 0;

    private Task PauseAsync(CancellationToken ct) => Task.Delay(_backoff, _time, ct);

    private async Task PauseUnlessFirstAsync(CancellationToken ct)
    {
        if (_backoff > s_minBackoff)
        {
            await PauseAsync(ct);
        }

        _backoff = Longer(_backoff);
    }

    private static TimeSpan Longer(TimeSpan backoff) => TimeSpan.FromTicks(Math.Min(backoff.Ticks * 2, s_maxBackoff.Ticks));

    [LoggerMessage(LogLevel.Debug, "The server no longer has the version of {Resource} that was watched: listing again")]
    private partial void LogRelist(string resource);

    [LoggerMessage(LogLevel.Warning, "Lost {Resource}: {Problem}; next try in {Backoff}")]
    private partial void LogLost(string problem, string resource, TimeSpan backoff);
}
