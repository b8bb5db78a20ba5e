using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Objects;
using Fairlead.ApiServer.Patching;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Responses;
using Fairlead.ApiServer.Schema;
using Fairlead.ApiServer.Storage;

namespace Fairlead.ApiServer.Endpoints;

/// <summary>Reads, creates, replaces, patches and deletes single objects, and deletes collections.</summary>
internal sealed class ObjectEndpoint(ObjectStore store, ObjectWriter writer, Deletion deletion, TimeProvider time)
{
    private const int MaxDeletedCollection = 100_000;

    public Task GetAsync(ResourceRequest request)
        => Answers.ObjectAsync(request.Http, request.Resource, writer.Get(Stored(request.Resource), request.StoreNamespace, request.Name), 200, time.GetUtcNow());

    public async Task CreateAsync(ResourceRequest request)
    {
        var options = request.WriteOptions();
        var value = await ReadAsync(request, options);
        Answers.Warn(request.Http, options.Warnings);
        var stored = await writer.CreateAsync(Stored(request.Resource), request.StoreNamespace, value, options, request.Aborted);
        await Answers.ObjectAsync(request.Http, request.Resource, stored, 201, time.GetUtcNow());
    }

    public async Task ReplaceAsync(ResourceRequest request)
    {
        var options = request.WriteOptions();
        var value = await ReadAsync(request, options);
        CheckNames(request, value);
        Answers.Warn(request.Http, options.Warnings);
        var stored = await writer.UpdateAsync(
            Stored(request.Resource), request.StoreNamespace, request.Name, request.Subresource, _ => (JsonObject)value.DeepClone(), options, request.Aborted);
        await Answers.ObjectAsync(request.Http, request.Resource, stored, 200, time.GetUtcNow());
    }

    public async Task PatchAsync(ResourceRequest request)
    {
        var options = request.WriteOptions();
        var body = await RequestBody.ReadAsync(request.Http);
        var type = RequestBody.ContentType(request.Http);
        if (type == "application/apply-patch+yaml")
        {
            await ApplyAsync(request, body, options);
            return;
        }

        var patch = ObjectDecoder.ParseJson(body);
        var change = ChangeOf(request, type, patch, options);
        var stored = await writer.UpdateAsync(Stored(request.Resource), request.StoreNamespace, request.Name, request.Subresource, change, options, request.Aborted);
        Answers.Warn(request.Http, options.Warnings);
        await Answers.ObjectAsync(request.Http, request.Resource, stored, 200, time.GetUtcNow());
    }

    public async Task DeleteAsync(ResourceRequest request)
    {
        var options = await ReadDeleteOptionsAsync(request);
        var resource = Stored(request.Resource);
        var (last, gone) = await deletion.DeleteAsync(resource, request.StoreNamespace, request.Name, options, request.Aborted);
        if (gone && resource is not { Group: "", Plural: "pods" or "services" })
        {
            await Answers.JsonAsync(request.Http, 200, Answers.Success(resource, request.Name, last.Parse().Text("metadata", "uid")));
            return;
        }

        await Answers.ObjectAsync(request.Http, request.Resource, last, 200, time.GetUtcNow());
    }

    public async Task DeleteCollectionAsync(ResourceRequest request)
    {
        var options = await ReadDeleteOptionsAsync(request);
        var selector = request.Selector();
        var resource = Stored(request.Resource);
        var state = store.Resource(resource.StoreName).State;
        var items = new JsonArray();
        foreach (var stored in state.Objects.Values.Where(selector.Matches).Take(MaxDeletedCollection).ToList())
        {
            try
            {
                var (last, _) = await deletion.DeleteAsync(resource, stored.Namespace.ToString(), stored.Name.ToString(), options, request.Aborted);
                items.Add((JsonNode)last.Parse());
            }
            catch (StatusException e) when (e.Code == 404)
            {
                // Another client was faster, which is as good.
            }
        }

        await Answers.JsonAsync(request.Http, 200, new JsonObject
        {
            ["kind"] = $"{resource.Kind}List",
            ["apiVersion"] = resource.GroupVersion,
            ["metadata"] = new JsonObject { ["resourceVersion"] = state.Version.ToString(System.Globalization.CultureInfo.InvariantCulture) },
            ["items"] = items,
        });
    }

    /// <summary>Whether a patch would make the object: server-side apply of one that is not there.</summary>
    public bool Creates(ResourceRequest request)
        => RequestBody.ContentType(request.Http) == "application/apply-patch+yaml"
           && store.Resource(request.Resource.StoreName).Find(StoredObject.KeyOf(request.StoreNamespace, request.Name)) is null;

    private static ApiResource Stored(ApiResource resource) => resource.View is null ? resource : ResourceCatalog.Stored("", resource.Plural);

    private static async Task<JsonObject> ReadAsync(ResourceRequest request, WriteOptions options)
    {
        var format = RequestBody.FormatOf(request.Http);
        var value = ObjectDecoder.Decode(request.Resource, await RequestBody.ReadAsync(request.Http), format, options);
        return request.Resource.View is { } view ? view.ToStored(value) : value;
    }

    private static void CheckNames(ResourceRequest request, JsonObject value)
    {
        var meta = value.Child("metadata");
        if (meta.Text("name") is { Length: > 0 } name && name != request.Name)
        {
            throw StatusException.BadRequest($"the name of the object ({name}) does not match the name on the URL ({request.Name})");
        }

        if (meta.Text("namespace") is { Length: > 0 } space && space != request.StoreNamespace)
        {
            throw StatusException.BadRequest($"the namespace of the object ({space}) does not match the namespace on the URL ({request.StoreNamespace})");
        }

        meta["name"] = request.Name;
        if (request.Resource.Namespaced)
        {
            meta["namespace"] = request.StoreNamespace;
        }
    }

    private static Func<JsonObject, JsonObject> ChangeOf(ResourceRequest request, string type, JsonNode patch, WriteOptions options)
    {
        Func<JsonObject, JsonNode?> apply = type switch
        {
            "application/json-patch+json" => old => JsonPatch.Apply(old, patch),
            "application/merge-patch+json" when patch is JsonObject => old => MergePatch.Apply(old, patch),
            "application/strategic-merge-patch+json" when patch is JsonObject changes => old => StrategicMergePatch.Apply(request.Resource.Type, old, changes),
            "application/merge-patch+json" or "application/strategic-merge-patch+json" => throw StatusException.BadRequest("a merge patch is an object"),
            _ => throw RequestBody.Unsupported(type,
                "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml"),
        };
        return old =>
        {
            var published = request.Resource.View is { } view ? view.FromStored(old) : old;
            JsonNode? patched;
            try
            {
                patched = apply(published);
            }
            catch (PatchException e)
            {
                throw new StatusException(422, "Invalid", $"the server rejected our request due to an error in our request: {e.Message}", []);
            }

            options.Warnings.Clear();   // of an earlier attempt
            var value = Fit(request, patched, options);
            return request.Resource.View is { } other ? other.ToStored(value) : value;
        };
    }

    private static JsonObject Fit(ResourceRequest request, JsonNode? patched, WriteOptions options)
    {
        var resource = request.Resource;
        if (patched is not JsonObject value)
        {
            throw StatusException.BadRequest("the patched value is not an object");
        }

        return ObjectDecoder.Fit(resource.Type, resource.GroupVersion, resource.Kind, value, [], options);
    }

    private async Task ApplyAsync(ResourceRequest request, ReadOnlyMemory<byte> body, WriteOptions options)
    {
        var resource = request.Resource;
        if (resource.View is not null)
        {
            throw RequestBody.Unsupported("application/apply-patch+yaml", "application/json-patch+json, application/merge-patch+json");
        }

        if (options.FieldManager.Length == 0)
        {
            var errors = new FieldErrors();
            errors.Required("fieldManager", "is required for apply patch");
            errors.ThrowIfAny("PatchOptions", "meta.k8s.io", "");
        }

        // JSON is YAML, but reading it as JSON finds fields given twice.
        var json = body.Span.TrimStart(" \t\r\n"u8) is [(byte)'{', ..];
        var applied = ObjectDecoder.Decode(resource, body, json ? BodyFormat.Json : BodyFormat.Yaml, options);
        CheckNames(request, applied);
        if (applied.Entries("metadata").Any(e => e.Key == "managedFields"))
        {
            throw StatusException.BadRequest("metadata.managedFields must be nil");
        }

        JsonObject Merge(JsonObject live)
        {
            var merged = ServerSideApply.Apply(resource.Type, resource.Name, resource.GroupVersion, live, applied, options.FieldManager, options.Force, time.GetUtcNow());
            SettleTime(merged, live);
            return merged;
        }

        Answers.Warn(request.Http, options.Warnings);
        if (request.Subresource.Length == 0 && store.Resource(resource.StoreName).Find(StoredObject.KeyOf(request.StoreNamespace, request.Name)) is null)
        {
            var created = Merge(new JsonObject { ["apiVersion"] = resource.GroupVersion, ["kind"] = resource.Kind });
            try
            {
                var stored = await writer.CreateAsync(resource, request.StoreNamespace, created, options, request.Aborted);
                await Answers.ObjectAsync(request.Http, resource, stored, 201, time.GetUtcNow());
                return;
            }
            catch (StatusException e) when (e.Reason == "AlreadyExists")
            {
                // Another applier was faster: then there is something to merge with, and an apply never says "already exists".
            }
        }

        var updated = await writer.UpdateAsync(resource, request.StoreNamespace, request.Name, request.Subresource, Merge, options, request.Aborted);
        await Answers.ObjectAsync(request.Http, resource, updated, 200, time.GetUtcNow());
    }

    /// <summary>An apply that changes nothing must stay without effect: it keeps the time of the last one that did.</summary>
    private static void SettleTime(JsonObject merged, JsonObject live)
    {
        var before = live.Items("metadata", "managedFields").ToList();
        foreach (var entry in merged.Items("metadata", "managedFields").OfType<JsonObject>())
        {
            var same = before.OfType<JsonObject>().FirstOrDefault(b => b.Text("manager") == entry.Text("manager") && b.Text("operation") == entry.Text("operation"));
            if (same is not null && JsonNode.DeepEquals(same["fieldsV1"], entry["fieldsV1"]))
            {
                entry["time"] = same["time"]?.DeepClone();
            }
        }
    }

    private static async Task<DeleteOptions> ReadDeleteOptionsAsync(ResourceRequest request)
    {
        var body = await RequestBody.ReadAsync(request.Http);
        var value = new JsonObject();
        if (body.Length > 0)
        {
            // The version is "v1", "meta.k8s.io/v1" or the resource's own group's: all are in use.
            value = ObjectDecoder.Decode(KubeSchema.Type("meta.DeleteOptions"), "", "DeleteOptions", body, RequestBody.FormatOf(request.Http), new WriteOptions());
        }

        var errors = new FieldErrors();
        var dryRun = ResourceRequest.IsDryRun([.. request.Http.Request.Query["dryRun"], .. value.Items("dryRun").Select(d => d.Text())], errors);
        var policy = value.Text("propagationPolicy") is { Length: > 0 } given ? given : request.Query("propagationPolicy");
        if (policy is not ("" or "Background" or "Foreground" or "Orphan"))
        {
            errors.NotSupported("propagationPolicy", policy, ["Background", "Foreground", "Orphan"]);
        }

        errors.ThrowIfAny("DeleteOptions", "meta.k8s.io", "");
        if (policy.Length == 0 && value["orphanDependents"] is not null)
        {
            policy = value.Flag("orphanDependents") ? "Orphan" : "Background";
        }

        return new DeleteOptions
        {
            GracePeriodSeconds = value.Number("gracePeriodSeconds") ?? request.Number("gracePeriodSeconds"),
            PropagationPolicy = policy,
            Uid = value.Text("preconditions", "uid"),
            ResourceVersion = value.Text("preconditions", "resourceVersion"),
            DryRun = dryRun,
        };
    }
}
