using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Responses;
using Fairlead.ApiServer.Selection;
using Fairlead.ApiServer.Storage;

namespace Fairlead.ApiServer.Endpoints;

/// <summary>Lists objects at one version, in pages if the client wants.</summary>
internal sealed class ListEndpoint(ObjectStore store, TimeProvider time)
{
    private const int FlushEvery = 32;
    private const string TooOld = "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.";

    /// <summary>A page: its objects, the version of the whole list, and where the next page starts.</summary>
    private sealed record Page(List<StoredObject> Objects, long Version, string Continue, long Remaining);

    public Task RunAsync(ResourceRequest request)
    {
        var selector = request.Selector();
        var page = Read(request, selector);
        return Acceptance.FormOf(request.Http) switch
        {
            ResponseForm.Table => Answers.JsonAsync(request.Http, 200,
                ObjectForms.Table(request.Resource, page.Objects, request.Query("includeObject"), time.GetUtcNow(), headers: true, MetaOf(page))),
            ResponseForm.Metadata => WriteAsync(request, "PartialObjectMetadataList", "meta.k8s.io/v1", page, o => ObjectForms.Metadata(o.Parse()).ToUtf8()),
            _ => WriteAsync(request, $"{request.Resource.Kind}List", request.Resource.GroupVersion, page, o => ObjectForms.Bytes(request.Resource, o)),
        };
    }

    private Page Read(ResourceRequest request, ObjectSelector selector)
    {
        var resource = store.Resource(request.Resource.StoreName);
        var (state, after) = StateFor(request, resource);
        if (selector.Name is { } single && (request.Namespace.Length > 0 || !request.Resource.Namespaced))
        {
            var found = state.Objects.GetValueOrDefault(StoredObject.KeyOf(request.StoreNamespace, single));
            return new Page(found is not null && selector.Matches(found) ? [found] : [], state.Version, "", 0);
        }

        var limit = request.Number("limit") is > 0 and var asked ? asked : long.MaxValue;
        var objects = new List<StoredObject>();
        var remaining = 0L;
        foreach (var (key, stored) in state.Objects)
        {
            if ((after.Length > 0 && string.CompareOrdinal(key, after) <= 0) || !selector.Matches(stored))
            {
                continue;
            }

            if (objects.Count < limit)
            {
                objects.Add(stored);
            }
            else
            {
                remaining++;
            }
        }

        if (remaining == 0)
        {
            return new Page(objects, state.Version, "", 0);
        }

        resource.Pin(state);
        return new Page(objects, state.Version, Token(state.Version, objects[^1].Key), remaining);
    }

    private static (ResourceState State, string After) StateFor(ResourceRequest request, ResourceStore resource)
    {
        if (request.Query("continue") is { Length: > 0 } token)
        {
            if (!TryReadToken(token, out var version, out var after))
            {
                throw StatusException.BadRequest("continue key is not valid");
            }

            var state = resource.State.Version == version ? resource.State : resource.Pinned(version);
            return (state ?? throw StatusException.Expired(TooOld), after);
        }

        var wanted = request.Number("resourceVersion");
        if (request.Query("resourceVersionMatch") == "Exact" && wanted is > 0 && wanted != resource.State.Version)
        {
            return (resource.Pinned(wanted.Value) ?? throw StatusException.Expired("The resourceVersion for the provided list is too old."), "");
        }

        return (resource.State, "");
    }

    private static string Token(long version, string key)
        => Convert.ToBase64String(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{version} {key}")));

    private static bool TryReadToken(string token, out long version, out string key)
    {
        (version, key) = (0, "");
        var bytes = new byte[token.Length];
        if (!Convert.TryFromBase64String(token, bytes, out var length) || Encoding.UTF8.GetString(bytes, 0, length) is not { } text
            || text.IndexOf(' ', StringComparison.Ordinal) is not (> 0 and var space))
        {
            return false;
        }

        key = text[(space + 1)..];
        return long.TryParse(text.AsSpan(0, space), CultureInfo.InvariantCulture, out version);
    }

    private static JsonObject MetaOf(Page page)
    {
        var meta = new JsonObject { ["resourceVersion"] = page.Version.ToString(CultureInfo.InvariantCulture) };
        if (page.Continue.Length > 0)
        {
            meta["continue"] = page.Continue;
            meta["remainingItemCount"] = page.Remaining;
        }

        return meta;
    }

    /// <summary>The stored bytes go out as they are, one after the other: a list is never built in memory.</summary>
    private static async Task WriteAsync(ResourceRequest request, string kind, string version, Page page, Func<StoredObject, byte[]> bytes)
    {
        var response = request.Http.Response;
        response.ContentType = "application/json";
        response.Headers.CacheControl = "no-cache, private";
        var head = $"{{\"kind\":\"{kind}\",\"apiVersion\":\"{version}\",\"metadata\":{MetaOf(page).ToJsonString()},\"items\":[";
        var writer = response.BodyWriter;
        writer.Write(Encoding.UTF8.GetBytes(head));
        for (var i = 0; i < page.Objects.Count; i++)
        {
            if (i > 0)
            {
                writer.Write(","u8);
            }

            writer.Write(bytes(page.Objects[i]));
            if (i % FlushEvery == FlushEvery - 1)
            {
                await writer.FlushAsync(request.Aborted);
            }
        }

        writer.Write("]}\n"u8);
        await writer.FlushAsync(request.Aborted);
    }
}
