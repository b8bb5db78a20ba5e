using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Responses;
using Fairlead.ApiServer.Selection;
using Fairlead.ApiServer.Storage;

namespace Fairlead.ApiServer.Endpoints;

/// <summary>Streams changes to a client.</summary>
/// <remarks>
/// A watcher owns nothing but its position in the resource's change log. A client that reads too slowly stops its own writer only;
/// when the log has moved on past its position it gets a 410 and has to list again.
/// </remarks>
internal sealed class WatchEndpoint(ObjectStore store, TimeProvider time, CancellationToken stopping)
{
    private const int MaxBatch = 256;
    private static readonly TimeSpan s_bookmarkEvery = TimeSpan.FromMinutes(1);

    public async Task RunAsync(ResourceRequest request)
    {
        var selector = request.Selector();
        var form = Acceptance.FormOf(request.Http);
        var seconds = request.Number("timeoutSeconds") is > 0 and var asked ? Math.Min(asked, 24 * 3600) : Random.Shared.Next(1800, 3600);
        var since = request.Number("resourceVersion") ?? 0;
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(seconds), time);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(request.Aborted, timeout.Token, stopping);
        request.Http.Response.ContentType = "application/json";
        request.Http.Response.Headers.CacheControl = "no-cache, private";
        var stream = new WatchStream(request, selector, form, request.Http.Response.BodyWriter, time);
        try
        {
            await stream.FlushAsync(end.Token);   // headers at once: the client knows that it is watching
            await FollowAsync(request, stream, since, end.Token);
        }
        catch (OperationCanceledException)
        {
            // The client left, the time is over or the server stops: a watch simply ends.
        }
    }

    private async Task FollowAsync(ResourceRequest request, WatchStream stream, long since, CancellationToken ct)
    {
        var resource = store.Resource(request.Resource.StoreName);
        var bookmarks = request.Flag("allowWatchBookmarks");
        var initial = request.Query("sendInitialEvents");
        if (initial == "true" || (since == 0 && initial.Length == 0))
        {
            var state = resource.State;
            await stream.InitialAsync(state, ct);
            since = state.Version;
            if (initial == "true" && bookmarks)
            {
                stream.Bookmark(since, initialEventsEnd: true);
                await stream.FlushAsync(ct);
            }
        }
        else if (since == 0)
        {
            since = resource.State.Version;
        }

        if (since > Math.Max(store.Version, resource.State.Version))
        {
            // From before the restart of a store in memory, or of one that lost its last moments in a power cut: the client holds what is
            // not here, and changes from now on would never tell it so.
            stream.Error(StatusException.Expired($"too large resource version: {since}, current: {resource.State.Version}"));
            await stream.FlushAsync(ct);
            return;
        }

        if (!resource.Log.TryFind(since, out var position, out var oldest))
        {
            stream.Error(StatusException.Expired($"too old resource version: {since} ({oldest})"));
            await stream.FlushAsync(ct);
            return;
        }

        var changes = new List<Change>();
        while (true)
        {
            changes.Clear();
            if (!resource.Log.TryRead(ref position, changes, out var changed))
            {
                stream.Error(StatusException.Expired($"too old resource version: {since} (this watch was too slow)"));
                await stream.FlushAsync(ct);
                return;
            }

            foreach (var batch in changes.Chunk(MaxBatch))
            {
                foreach (var change in batch)
                {
                    stream.Change(change);
                    since = change.Version;
                }

                await stream.FlushAsync(ct);
            }

            if (changes.Count > 0)
            {
                continue;
            }

            await changed.WaitAsync(s_bookmarkEvery, time, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            ct.ThrowIfCancellationRequested();
            if (bookmarks && !changed.IsCompleted)
            {
                stream.Bookmark(since, initialEventsEnd: false);
                await stream.FlushAsync(ct);
            }
        }
    }
}

/// <summary>Writes watch events in the form the client asked for.</summary>
internal sealed class WatchStream(ResourceRequest request, ObjectSelector selector, ResponseForm form, PipeWriter writer, TimeProvider time)
{
    private bool _headersSent;

    public async ValueTask FlushAsync(CancellationToken ct) => await writer.FlushAsync(ct);

    public async Task InitialAsync(ResourceState state, CancellationToken ct)
    {
        var count = 0;
        foreach (var stored in state.Objects.Values.Where(selector.Matches))
        {
            Event("ADDED", stored);
            if (++count % 64 == 0)
            {
                await writer.FlushAsync(ct);
            }
        }

        await writer.FlushAsync(ct);
    }

    /// <summary>An object that comes to match the selector is added for this watcher, and one that no longer does is deleted.</summary>
    public void Change(Change change)
    {
        var before = change.Before is { } b && selector.Matches(b);
        var after = change.After is { } a && selector.Matches(a);
        switch (before, after)
        {
            case (false, true):
                Event("ADDED", change.After!);
                break;
            case (true, true):
                Event("MODIFIED", change.After!);
                break;
            case (true, false):
                // The state that matched, with the version of the change that ended it.
                Event("DELETED", change.After is null ? change.Last : StoredObject.From(change.Before!.Key, change.Version, change.Before.Parse()));
                break;
        }
    }

    public void Bookmark(long version, bool initialEventsEnd)
    {
        var meta = new JsonObject { ["resourceVersion"] = version.ToString(CultureInfo.InvariantCulture), ["creationTimestamp"] = null };
        if (initialEventsEnd)
        {
            meta["annotations"] = new JsonObject { ["k8s.io/initial-events-end"] = "true" };
        }

        var value = new JsonObject { ["kind"] = request.Resource.Kind, ["apiVersion"] = request.Resource.GroupVersion, ["metadata"] = meta };
        if (form == ResponseForm.Table)
        {
            value = new JsonObject
            {
                ["kind"] = "Table",
                ["apiVersion"] = "meta.k8s.io/v1",
                ["metadata"] = new JsonObject { ["resourceVersion"] = version.ToString(CultureInfo.InvariantCulture) },
                ["columnDefinitions"] = null,
                ["rows"] = new JsonArray((JsonNode)new JsonObject { ["cells"] = new JsonArray(), ["object"] = value }),
            };
        }

        Write("BOOKMARK", value.ToUtf8());
    }

    public void Error(StatusException refusal) => Write("ERROR", refusal.ToJson().ToUtf8());

    private void Event(string type, StoredObject stored)
    {
        switch (form)
        {
            case ResponseForm.Table:
                var meta = new JsonObject { ["resourceVersion"] = stored.Version.ToString(CultureInfo.InvariantCulture) };
                Write(type, ObjectForms.Table(request.Resource, [stored], request.Query("includeObject"), time.GetUtcNow(), !_headersSent, meta).ToUtf8());
                _headersSent = true;
                break;
            case ResponseForm.Metadata:
                Write(type, ObjectForms.Metadata(stored.Parse()).ToUtf8());
                break;
            default:
                Write(type, ObjectForms.Bytes(request.Resource, stored));
                break;
        }
    }

    private void Write(string type, ReadOnlySpan<byte> value)
    {
        writer.Write(type switch
        {
            "ADDED" => "{\"type\":\"ADDED\",\"object\":"u8,
            "MODIFIED" => "{\"type\":\"MODIFIED\",\"object\":"u8,
            "DELETED" => "{\"type\":\"DELETED\",\"object\":"u8,
            "BOOKMARK" => "{\"type\":\"BOOKMARK\",\"object\":"u8,
            _ => "{\"type\":\"ERROR\",\"object\":"u8,
        });
        writer.Write(value);
        writer.Write("}\n"u8);
    }
}
