using System.Globalization;
using System.Text.Json.Nodes;
using Fairlead.Kube.Client;
using Fairlead.Kube.Objects;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Fairlead.Tests.Fixtures;

/// <summary>An API server for tests: objects of any kind in memory, lists, watches, and faults on request.</summary>
/// <remarks>It knows no schema and no rights. What it does with versions, finalizers, subresources and watches is as Kubernetes does it.</remarks>
public sealed class FakeApi : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, JsonObject> _objects = new(StringComparer.Ordinal);
    private readonly List<Change> _log = [];
    private readonly WebApplication _app;
    private readonly CancellationTokenSource _stop = new();
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private CancellationTokenSource _watches = new();
    private long _version = 100;
    private long _compacted;
    private int _names;
    private int _open;

    private FakeApi(WebApplication app) => _app = app;

    private readonly record struct Change(long Version, string Collection, string Namespace, string Type, string Json);

    /// <summary>Answers a request in place of the server, if it returns true.</summary>
    public Func<HttpContext, Task<bool>>? Fault { get; set; }

    /// <summary>Each request's method, path and query, in order.</summary>
    public List<string> Requests { get; } = [];

    public KubeClient Client { get; private set; } = null!;

    public Uri Address { get; private set; } = null!;

    public static async Task<FakeApi> StartAsync(TimeProvider? time = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var api = new FakeApi(app);
        app.Run(api.ServeAsync);
        await app.StartAsync();
        api.Address = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        api.Client = new KubeClient(new KubeConfig { Server = api.Address }, time);
        return api;
    }

    /// <summary>Ends every watch, as a server does that restarts.</summary>
    public void BreakWatches()
    {
        CancellationTokenSource watches;
        lock (_lock)
        {
            (watches, _watches) = (_watches, new());
        }

        watches.Cancel();
    }

    /// <summary>Completes at the next change of any object.</summary>
    public Task ChangedAsync()
    {
        lock (_lock)
        {
            return _changed.Task;
        }
    }

    /// <summary>Completes once so many watches are open.</summary>
    public async Task UntilWatchedAsync(int count, CancellationToken ct)
    {
        while (true)
        {
            Task next;
            lock (_lock)
            {
                if (_open >= count)
                {
                    return;
                }

                next = _changed.Task;
            }

            await next.WaitAsync(ct);
        }
    }

    /// <summary>Forgets old changes: a watch from before gets 410 Gone.</summary>
    public void Compact()
    {
        lock (_lock)
        {
            _log.Clear();
            _compacted = ++_version;
        }
    }

    /// <summary>Removes an object without a word to any watch, as happens while one is away.</summary>
    public void RemoveSilently(KubeResource resource, string ns, string name)
    {
        lock (_lock)
        {
            _objects.Remove(resource.Path(ns, name));
        }
    }

    public IReadOnlyList<T> All<T>(KubeResource<T> resource)
        where T : class, IKubeObject
    {
        lock (_lock)
        {
            return [.. _objects.Values.Where(o => Is(o, resource)).Select(o => KubeJson.FromNode<T>(o.DeepClone()))];
        }
    }

    public async ValueTask DisposeAsync()
    {
        BreakWatches();
        await _stop.CancelAsync();
        Client.Dispose();
        await _app.DisposeAsync();
        _stop.Dispose();
    }

    private static bool Is(JsonObject obj, KubeResource resource) => (string?)obj["kind"] == resource.Kind && (string?)obj["apiVersion"] == resource.ApiVersion;

    private async Task ServeAsync(HttpContext context)
    {
        lock (_lock)
        {
            Requests.Add($"{context.Request.Method} {context.Request.Path}{context.Request.QueryString}");
        }

        if (Fault is { } fault && await fault(context))
        {
            return;
        }

        var target = Target.Parse(context.Request.Path.Value!);
        if (context.Request.Query["watch"] == "true")
        {
            await WatchAsync(context, target);
            return;
        }

        var body = context.Request.ContentLength > 0 ? (await JsonNode.ParseAsync(context.Request.Body, cancellationToken: context.RequestAborted))!.AsObject() : null;
        JsonObject answer;
        try
        {
            lock (_lock)
            {
                answer = context.Request.Method switch
                {
                    "GET" when target.Name.Length == 0 => List(context, target),
                    "GET" => Existing(target),
                    "POST" when target.Subresource == "binding" => Bind(target, body!),
                    "POST" => Create(target, body!),
                    "PUT" when target.Subresource == "finalize" => Finalize(target, body!),
                    "PUT" => Replace(target, body!),
                    "PATCH" => Patch(target, body!),
                    "DELETE" => Delete(target, body),
                    _ => throw new RefusedException(405, "MethodNotAllowed", context.Request.Method),
                };
                answer = (JsonObject)answer.DeepClone();
            }
        }
        catch (RefusedException e)
        {
            context.Response.StatusCode = e.Code;
            answer = new JsonObject { ["kind"] = "Status", ["apiVersion"] = "v1", ["status"] = "Failure", ["reason"] = e.Reason, ["message"] = e.Message, ["code"] = e.Code };
        }

        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync(answer.ToJsonString(), context.RequestAborted);
    }

    private async Task WatchAsync(HttpContext context, Target target)
    {
        var from = long.Parse(context.Request.Query["resourceVersion"].ToString(), CultureInfo.InvariantCulture);
        context.Response.ContentType = "application/json";
        await context.Response.Body.FlushAsync(context.RequestAborted);
        CancellationToken broken;
        lock (_lock)
        {
            broken = _watches.Token;
            _open++;
            Wake();
        }

        using var either = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, broken, _stop.Token);
        try
        {
            while (true)
            {
                List<Change> changes;
                Task next;
                lock (_lock)
                {
                    if (from < _compacted)
                    {
                        changes = [new(from, "", "", "ERROR", """{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Expired","message":"too old resource version","code":410}""")];
                    }
                    else
                    {
                        changes = _log.FindAll(c => c.Version > from && c.Collection == target.Collection && (target.Namespace.Length == 0 || c.Namespace == target.Namespace));
                    }

                    next = _changed.Task;
                }

                foreach (var change in changes)
                {
                    await context.Response.WriteAsync($$"""{"type":"{{change.Type}}","object":{{change.Json}}}""" + "\n", either.Token);
                    from = Math.Max(from, change.Version);
                    if (change.Type == "ERROR")
                    {
                        return;
                    }
                }

                await context.Response.Body.FlushAsync(either.Token);
                await next.WaitAsync(either.Token);
            }
        }
        catch (OperationCanceledException)
        {
            if (broken.IsCancellationRequested)
            {
                context.Abort();
            }
        }
        finally
        {
            lock (_lock)
            {
                _open--;
            }
        }
    }

    private void Wake()
    {
        var changed = _changed;
        _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        changed.SetResult();
    }

    private JsonObject List(HttpContext context, Target target)
    {
        var limit = int.TryParse(context.Request.Query["limit"], CultureInfo.InvariantCulture, out var l) && l > 0 ? l : int.MaxValue;
        var skip = int.TryParse(context.Request.Query["continue"], CultureInfo.InvariantCulture, out var s) ? s : 0;
        var all = _objects.Values.Where(o => Target.Of(o).Collection == target.Collection && (target.Namespace.Length == 0 || (string?)o["metadata"]!["namespace"] == target.Namespace)).ToList();
        var page = all.Skip(skip).Take(limit).Select(o => o.DeepClone()).ToArray();
        var meta = new JsonObject { ["resourceVersion"] = Text(_version) };
        if (skip + page.Length < all.Count)
        {
            meta["continue"] = Text(skip + page.Length);
        }

        return new JsonObject { ["kind"] = "List", ["apiVersion"] = "v1", ["metadata"] = meta, ["items"] = new JsonArray(page) };
    }

    private JsonObject Create(Target target, JsonObject body)
    {
        var meta = body["metadata"]!.AsObject();
        if ((string?)meta["name"] is not { Length: > 0 })
        {
            meta["name"] = $"{meta["generateName"]}{Text(++_names).PadLeft(5, 'x')}";
        }

        if (target.Namespace.Length > 0)
        {
            meta["namespace"] = target.Namespace;
        }

        var key = target with { Name = (string)meta["name"]! };
        if (_objects.ContainsKey(key.Path))
        {
            throw new RefusedException(409, "AlreadyExists", $"{key.Path} already exists");
        }

        meta["uid"] = $"uid-{Text(++_names)}";
        meta["creationTimestamp"] = "2026-01-01T00:00:00Z";
        meta["generation"] = 1L;
        if (target.Collection == "/api/v1/namespaces")
        {
            body["spec"] = new JsonObject { ["finalizers"] = new JsonArray("kubernetes") };
            body["status"] = new JsonObject { ["phase"] = "Active" };
        }

        return Store(key, body, "ADDED");
    }

    private JsonObject Replace(Target target, JsonObject body)
    {
        var before = Existing(target);
        return Write(target, before, target.Subresource == "status" ? With(before, "status", body["status"]) : body, (string?)body["metadata"]?["resourceVersion"]);
    }

    private JsonObject Patch(Target target, JsonObject patch)
    {
        var before = Existing(target);
        var merged = Merge(before.DeepClone(), patch)!.AsObject();
        return Write(target, before, target.Subresource == "status" ? With(before, "status", merged["status"]) : With(merged, "status", before["status"]), (string?)patch["metadata"]?["resourceVersion"]);
    }

    private JsonObject Write(Target target, JsonObject before, JsonObject after, string? version)
    {
        var known = before["metadata"]!;
        if (version is { Length: > 0 } && version != (string?)known["resourceVersion"])
        {
            throw new RefusedException(409, "Conflict", "the object has been modified");
        }

        var meta = after["metadata"]!.AsObject();
        foreach (var kept in (string[])["uid", "creationTimestamp", "resourceVersion", "generation", "deletionTimestamp"])
        {
            meta[kept] = known[kept]?.DeepClone();
        }

        if (meta["deletionTimestamp"] is null)
        {
            meta.Remove("deletionTimestamp");
        }

        if (JsonNode.DeepEquals(before, after))
        {
            return before;
        }

        if (!JsonNode.DeepEquals(before["spec"], after["spec"]))
        {
            meta["generation"] = (long)known["generation"]! + 1;
        }

        return Store(target, after, "MODIFIED");
    }

    private JsonObject Bind(Target target, JsonObject binding)
    {
        var after = (JsonObject)Existing(target).DeepClone();
        if (after["spec"]!["nodeName"] is not null)
        {
            throw new RefusedException(409, "Conflict", "bound already");
        }

        after["spec"]!["nodeName"] = (string)binding["target"]!["name"]!;
        return Store(target, after, "MODIFIED");
    }

    private JsonObject Finalize(Target target, JsonObject body)
    {
        var after = (JsonObject)Existing(target).DeepClone();
        after["spec"] = body["spec"]!.DeepClone();
        return Store(target, after, "MODIFIED");
    }

    private JsonObject Delete(Target target, JsonObject? options)
    {
        var obj = (JsonObject)Existing(target).DeepClone();
        var meta = obj["metadata"]!.AsObject();
        if ((string?)options?["preconditions"]?["uid"] is { } uid && uid != (string?)meta["uid"])
        {
            throw new RefusedException(409, "Conflict", "another uid");
        }

        var finalizer = (string?)options?["propagationPolicy"] switch { "Foreground" => "foregroundDeletion", "Orphan" => "orphan", _ => null };
        if (finalizer is not null && meta["deletionTimestamp"] is null)
        {
            meta["finalizers"] = new JsonArray([.. meta["finalizers"]?.AsArray().Select(f => f!.DeepClone()) ?? [], finalizer]);
        }

        var grace = (long?)options?["gracePeriodSeconds"] ?? 30;
        var lingers = (string?)obj["kind"] switch
        {
            "Pod" => grace > 0 && (string?)obj["spec"]?["nodeName"] is { Length: > 0 },
            "Namespace" => obj["spec"]?["finalizers"]?.AsArray().Count > 0,
            _ => false,
        };
        meta["deletionTimestamp"] ??= "2026-01-01T00:00:00Z";
        if (lingers || meta["finalizers"]?.AsArray().Count > 0)
        {
            meta["deletionGracePeriodSeconds"] = grace;
            return JsonNode.DeepEquals(obj, _objects[target.Path]) ? obj : Store(target, obj, "MODIFIED");
        }

        return Store(target, obj, "DELETED");
    }

    private JsonObject Store(Target target, JsonObject obj, string type)
    {
        var meta = obj["metadata"]!;
        var ended = meta["deletionTimestamp"] is not null && type == "MODIFIED" && (meta["finalizers"] as JsonArray) is null or { Count: 0 }
            && ((string?)obj["kind"] == "Namespace" ? obj["spec"]?["finalizers"] is null or JsonArray { Count: 0 } : (string?)obj["kind"] != "Pod");
        type = ended ? "DELETED" : type;
        meta["resourceVersion"] = Text(++_version);
        if (type == "DELETED")
        {
            _objects.Remove(target.Path);
        }
        else
        {
            _objects[target.Path] = (JsonObject)obj.DeepClone();
        }

        _log.Add(new(_version, target.Collection, (string?)meta["namespace"] ?? "", type, obj.ToJsonString()));
        Wake();
        return obj;
    }

    private JsonObject Existing(Target target)
        => _objects.GetValueOrDefault(target.Path) ?? throw new RefusedException(404, "NotFound", $"{target.Path} not found");

    private static JsonObject With(JsonObject obj, string name, JsonNode? value)
    {
        var result = (JsonObject)obj.DeepClone();
        result.Remove(name);
        if (value is not null)
        {
            result[name] = value.DeepClone();
        }

        return result;
    }

    private static JsonNode? Merge(JsonNode? target, JsonNode? patch)
    {
        if (patch is not JsonObject changes)
        {
            return patch?.DeepClone();
        }

        var result = target as JsonObject ?? [];
        foreach (var (name, value) in changes)
        {
            var old = result[name];
            result.Remove(name);
            if (value is not null)
            {
                result[name] = Merge(old, value);
            }
        }

        return result;
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>What a path names.</summary>
    private sealed record Target(string Collection, string Namespace, string Name, string Subresource)
    {
        public string Path => KubeResources.All.First(r => r.Path() == Collection).Path(Namespace, Name);

        public static Target Parse(string path)
        {
            var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
            var root = parts[0] == "api" ? 2 : 3;
            var rest = parts[root..];
            var prefix = "/" + string.Join('/', parts[..root]);
            return rest is ["namespaces", _, not ("finalize" or "status"), ..]
                ? new($"{prefix}/{rest[2]}", rest[1], rest.ElementAtOrDefault(3) ?? "", rest.ElementAtOrDefault(4) ?? "")
                : new($"{prefix}/{rest[0]}", "", rest.ElementAtOrDefault(1) ?? "", rest.ElementAtOrDefault(2) ?? "");
        }

        public static Target Of(JsonObject obj)
        {
            var resource = KubeResources.Find((string)obj["apiVersion"]!, (string)obj["kind"]!)!;
            return new(resource.Path(), (string?)obj["metadata"]!["namespace"] ?? "", (string)obj["metadata"]!["name"]!, "");
        }
    }

    private sealed class RefusedException(int code, string reason, string message) : Exception(message)
    {
        public int Code { get; } = code;

        public string Reason { get; } = reason;
    }
}
