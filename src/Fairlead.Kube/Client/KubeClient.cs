using System.Globalization;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fairlead.Kube.Objects;

namespace Fairlead.Kube.Client;

/// <summary>Talks to one API server. Safe for use by many callers at once.</summary>
/// <remarks>
/// Refusals are <see cref="KubeException"/>; a server that cannot be reached or does not answer in time is an
/// <see cref="HttpRequestException"/> or <see cref="IOException"/>. An empty or null namespace means all namespaces for
/// lists and watches, and is what objects of the cluster have.
/// </remarks>
public sealed class KubeClient(KubeConfig config, TimeProvider? time = null) : IDisposable
{
    private const int DefaultPageSize = 500;
    private static readonly MediaTypeHeaderValue s_json = new("application/json");
    private static readonly MediaTypeHeaderValue s_mergePatch = new("application/merge-patch+json");
    private static readonly TimeSpan s_requestTimeout = TimeSpan.FromSeconds(30);

    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private readonly HttpClient _http = KubeTransport.Create(config);

    public KubeConfig Config { get; } = config;

    /// <summary>All objects of a kind, page by page, and the version to watch from.</summary>
    public async Task<KubeList<T>> ListAsync<T>(
        KubeResource<T> resource, string? ns = null, ListOptions? options = null, CancellationToken ct = default)
        where T : class, IKubeObject
    {
        var items = new List<T>();
        var pageSize = options?.PageSize ?? DefaultPageSize;
        string? token = null;
        while (true)
        {
            var query = Query(options, ("limit", pageSize.ToString(CultureInfo.InvariantCulture)), ("continue", token),
                ("resourceVersion", token is null ? options?.ResourceVersion : null));
            ListMeta meta;
            try
            {
                meta = ListAnswer.Parse(await SendAsync(HttpMethod.Get, resource.Path(ns) + query, null, ct), resource.JsonTypeInfo, items);
            }
            catch (KubeException e) when (e.IsGone && token is not null)
            {
                // The list took so long that its version is compacted away: begin again, in one piece.
                items.Clear();
                (token, pageSize) = (null, 0);
                continue;
            }

            if (string.IsNullOrEmpty(meta.Continue))
            {
                return new(meta.ResourceVersion, items);
            }

            token = meta.Continue;
        }
    }

    /// <summary>Each change after the version, until the server ends the watch.</summary>
    /// <exception cref="KubeException">The server refuses, or says in between that it cannot go on, such as 410 Gone.</exception>
    public async IAsyncEnumerable<WatchEvent<T>> WatchAsync<T>(
        KubeResource<T> resource, string? ns, string resourceVersion, ListOptions? options = null,
        [EnumeratorCancellation] CancellationToken ct = default)
        where T : class, IKubeObject
    {
        await foreach (var batch in WatchBatchesAsync(resource, ns, resourceVersion, options, ct))
        {
            foreach (var change in batch)
            {
                yield return change;
            }
        }
    }

    /// <summary>As <see cref="WatchAsync"/>, with what arrived together kept together.</summary>
    /// <remarks>The list is used again for the next batch.</remarks>
    internal IAsyncEnumerable<List<WatchEvent<T>>> WatchBatchesAsync<T>(
        KubeResource<T> resource, string? ns, string resourceVersion, ListOptions? options, CancellationToken ct)
        where T : class, IKubeObject
    {
        var seconds = WatchStream.Seconds.ToString(CultureInfo.InvariantCulture);
        var path = resource.Path(ns)
            + Query(
                options, ("watch", "true"), ("allowWatchBookmarks", "true"), ("timeoutSeconds", seconds),
                ("resourceVersion", resourceVersion));
        return WatchStream.ReadAsync(_http, _time, path, resource, ct);
    }

    public async Task<T> GetAsync<T>(KubeResource<T> resource, string? ns, string name, CancellationToken ct = default)
        where T : class, IKubeObject
        => Read(resource, await SendAsync(HttpMethod.Get, resource.Path(ns, Required(name)), null, ct));

    /// <summary>The object, or null if there is none.</summary>
    public async Task<T?> FindAsync<T>(KubeResource<T> resource, string? ns, string name, CancellationToken ct = default)
        where T : class, IKubeObject
    {
        try
        {
            return await GetAsync(resource, ns, name, ct);
        }
        catch (KubeException e) when (e.IsNotFound)
        {
            return null;
        }
    }

    public async Task<T> CreateAsync<T>(KubeResource<T> resource, T obj, CancellationToken ct = default)
        where T : class, IKubeObject
        => Read(resource, await SendAsync(HttpMethod.Post, resource.Path(obj.Metadata.Namespace), Body(resource, obj), ct));

    /// <summary>Replaces the object. A <see cref="KubeException.IsConflict"/> says that it has changed since it was read.</summary>
    public async Task<T> UpdateAsync<T>(KubeResource<T> resource, T obj, CancellationToken ct = default)
        where T : class, IKubeObject
        => Read(resource, await SendAsync(
            HttpMethod.Put, resource.Path(obj.Metadata.Namespace, Required(obj.Metadata.Name)), Body(resource, obj), ct));

    /// <summary>Replaces the object's status and nothing else.</summary>
    public async Task<T> UpdateStatusAsync<T>(KubeResource<T> resource, T obj, CancellationToken ct = default)
        where T : class, IKubeObject
        => Read(resource, await SendAsync(
            HttpMethod.Put, resource.Path(obj.Metadata.Namespace, Required(obj.Metadata.Name), "status"), Body(resource, obj), ct));

    /// <summary>Merges the patch into the object (RFC 7386): null removes a field, a list replaces the whole list.</summary>
    public async Task<T> PatchAsync<T>(
        KubeResource<T> resource, string? ns, string name, JsonNode patch, string? subresource = null, CancellationToken ct = default)
        where T : class, IKubeObject
        => Read(resource, await SendAsync(HttpMethod.Patch, resource.Path(ns, Required(name), subresource), Body(patch, s_mergePatch), ct));

    /// <summary>Deletes the object, or begins to. False: there was none.</summary>
    public async Task<bool> DeleteAsync(
        KubeResource resource, string? ns, string name, DeleteOptions? options = null, CancellationToken ct = default)
    {
        try
        {
            await SendAsync(
                HttpMethod.Delete, resource.Path(ns, Required(name)), options is null ? null : Body(DeleteBody(options), s_json), ct);
            return true;
        }
        catch (KubeException e) when (e.IsNotFound)
        {
            return false;
        }
    }

    /// <summary>Posts to a subresource, such as a pod's <c>binding</c>.</summary>
    public Task<JsonNode?> PostAsync(
        KubeResource resource, string? ns, string name, string subresource, JsonNode body, CancellationToken ct = default)
        => RequestAsync(HttpMethod.Post, resource.Path(ns, Required(name), subresource), body, ct);

    /// <summary>Any request, with JSON as it is; patches are merge patches. For what has no record.</summary>
    public async Task<JsonNode?> RequestAsync(HttpMethod method, string path, JsonNode? body = null, CancellationToken ct = default)
    {
        var content = body is null ? null : Body(body, method == HttpMethod.Patch ? s_mergePatch : s_json);
        var answer = await SendAsync(method, path, content, ct);
        return answer.Length == 0 ? null : JsonNode.Parse(answer);
    }

    /// <summary>A request whose answer is text, such as <c>/readyz</c> or a pod's log.</summary>
    public async Task<string> GetTextAsync(string path, CancellationToken ct = default)
        => Encoding.UTF8.GetString(await SendAsync(HttpMethod.Get, path, null, ct));

    /// <summary>Makes an object as a manifest says: creates it, or merges the manifest into the one that is there.</summary>
    public async Task<JsonNode> ApplyAsync(JsonNode manifest, CancellationToken ct = default)
    {
        var (apiVersion, kind) = ((string?)manifest["apiVersion"] ?? "", (string?)manifest["kind"] ?? "");
        var resource = KubeResources.Find(apiVersion, kind)
            ?? throw new ArgumentException($"unknown kind {apiVersion} {kind}", nameof(manifest));
        var name = (string?)manifest["metadata"]?["name"] ?? throw new ArgumentException($"{kind} without metadata.name", nameof(manifest));
        var ns = resource.Namespaced ? (string?)manifest["metadata"]?["namespace"] ?? Config.Namespace : null;
        try
        {
            return (await RequestAsync(HttpMethod.Post, resource.Path(ns), manifest, ct))!;
        }
        catch (KubeException e) when (e.IsAlreadyExists)
        {
            return (await RequestAsync(HttpMethod.Patch, resource.Path(ns, name), manifest, ct))!;
        }
    }

    public void Dispose() => _http.Dispose();

    private async Task<byte[]> SendAsync(HttpMethod method, string path, HttpContent? content, CancellationToken ct)
    {
        using var timeout = new CancellationTokenSource(s_requestTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, timeout.Token);
        using var request = new HttpRequestMessage(method, path.TrimStart('/')) { Content = content };
        try
        {
            using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token);
            if (!response.IsSuccessStatusCode)
            {
                throw await FailureAsync(response, $"{method} {path}", either.Token);
            }

            return await response.Content.ReadAsByteArrayAsync(either.Token);
        }
        catch (OperationCanceledException e) when (timeout.IsCancellationRequested && !ct.IsCancellationRequested)
        {
            throw new HttpRequestException($"{method} {path}: no answer within {s_requestTimeout.TotalSeconds:0} s", e);
        }
    }

    internal static async Task<KubeException> FailureAsync(HttpResponseMessage response, string operation, CancellationToken ct)
    {
        var body = await response.Content.ReadAsByteArrayAsync(ct);
        Status? status = null;
        try
        {
            status = KubeJson.Deserialize<Status>(body);
        }
        catch (JsonException)
        {
            // Not the API server but a proxy in between, or plain text: said as it is.
        }

        return new KubeException(
            status is { Code: > 0 } ? status : new Status
            {
                Outcome = "Failure",
                Code = (int)response.StatusCode,
                Reason = response.StatusCode.ToString(),
                Message = Encoding.UTF8.GetString(body.AsSpan(0, Math.Min(body.Length, 1000))).Trim(),
            },
            operation);
    }

    private static T Read<T>(KubeResource<T> resource, byte[] json)
        where T : class, IKubeObject
        => JsonSerializer.Deserialize(json, resource.JsonTypeInfo) ?? throw new JsonException($"null for a {resource.Kind}");

    private static ByteArrayContent Body<T>(KubeResource<T> resource, T obj)
        where T : class, IKubeObject
    {
        var content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(obj, resource.JsonTypeInfo));
        content.Headers.ContentType = s_json;
        return content;
    }

    private static ByteArrayContent Body(JsonNode node, MediaTypeHeaderValue type)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            node.WriteTo(writer);
        }

        var content = new ByteArrayContent(buffer.ToArray());
        content.Headers.ContentType = type;
        return content;
    }

    private static JsonObject DeleteBody(DeleteOptions options)
    {
        var body = new JsonObject { ["apiVersion"] = "v1", ["kind"] = "DeleteOptions" };
        if (options.GracePeriodSeconds is { } seconds)
        {
            body["gracePeriodSeconds"] = seconds;
        }

        if (options.PropagationPolicy is { } policy)
        {
            body["propagationPolicy"] = policy;
        }

        if (options.Uid is not null || options.ResourceVersion is not null)
        {
            var preconditions = new JsonObject();
            if (options.Uid is { } uid)
            {
                preconditions["uid"] = uid;
            }

            if (options.ResourceVersion is { } version)
            {
                preconditions["resourceVersion"] = version;
            }

            body["preconditions"] = preconditions;
        }

        return body;
    }

    private static string Query(ListOptions? options, params ReadOnlySpan<(string Key, string? Value)> more)
    {
        var query = new StringBuilder();
        Append(query, "labelSelector", options?.LabelSelector);
        Append(query, "fieldSelector", options?.FieldSelector);
        foreach (var (key, value) in more)
        {
            Append(query, key, value);
        }

        return query.ToString();
    }

    private static void Append(StringBuilder query, string key, string? value)
    {
        if (!string.IsNullOrEmpty(value))
        {
            query.Append(query.Length == 0 ? '?' : '&').Append(key).Append('=').Append(Uri.EscapeDataString(value));
        }
    }

    private static string Required(string name)
        => name.Length > 0 ? name : throw new ArgumentException("an object without a name", nameof(name));
}
