using System.Globalization;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Admission;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Responses;
using Fairlead.ApiServer.Schema;
using Fairlead.ApiServer.Storage;

namespace Fairlead.ApiServer.Objects;

/// <summary>Creates and updates objects: defaults, checks, allocation, and the write itself with optimistic concurrency.</summary>
/// <remarks>Works on objects in the form they are stored in; the border to HTTP and to other published forms is elsewhere.</remarks>
internal sealed class ObjectWriter(ObjectStore store, ServiceAllocator allocator, TimeProvider time)
{
    private const string NameAlphabet = "bcdfghjklmnpqrstvwxz2456789";
    private const int MaxGeneratedAttempts = 8;

    public StoredObject Get(ApiResource resource, string @namespace, string name)
        => store.Resource(resource.StoreName).Find(StoredObject.KeyOf(@namespace, name)) ?? throw StatusException.NotFound(resource.Name, name);

    public async Task<StoredObject> CreateAsync(ApiResource resource, string @namespace, JsonObject value, WriteOptions options, CancellationToken ct)
    {
        var meta = value.Child("metadata");
        CheckPlace(resource, @namespace, meta);
        if (meta.Text("resourceVersion").Length > 0)
        {
            throw StatusException.BadRequest("resourceVersion should not be set on objects to be created");
        }

        var generated = meta.Text("name").Length == 0 && meta.Text("generateName").Length > 0;
        for (var attempt = 1; ; attempt++)
        {
            var candidate = generated ? (JsonObject)value.DeepClone() : value;
            if (generated)
            {
                candidate.Child("metadata")["name"] = GenerateName(meta.Text("generateName"));
            }

            Prepare(resource, @namespace, candidate);
            var key = StoredObject.KeyOf(@namespace, candidate.Text("metadata", "name"));
            if (store.Resource(resource.StoreName).Find(key) is null
                && await WriteAsync(resource, key, null, candidate, null, options, ct) is { } stored)
            {
                return stored;
            }

            if (!generated || attempt == MaxGeneratedAttempts)
            {
                throw StatusException.AlreadyExists(resource.Name, candidate.Text("metadata", "name"));
            }
        }
    }

    /// <summary>Reads, changes and writes, again and again until no other writer came between. The change gets a copy that it may keep.</summary>
    public async Task<StoredObject> UpdateAsync(
        ApiResource resource, string @namespace, string name, string subresource, Func<JsonObject, JsonObject> change, WriteOptions options, CancellationToken ct)
    {
        var key = StoredObject.KeyOf(@namespace, name);
        while (true)
        {
            var current = Get(resource, @namespace, name);
            var old = current.Parse();
            var next = change((JsonObject)old.DeepClone());
            CheckVersion(resource, name, next, old);
            Keep(next, old);
            Separate(resource, subresource, next, old);
            Defaults.Apply(resource.Type, next);
            resource.Rules.Default?.Invoke(next);
            if (subresource.Length == 0)
            {
                resource.Rules.PrepareUpdate?.Invoke(next, old);
                Count(next, old);
            }

            Check(resource, subresource, next, old);
            if (Deletion.IsFinished(next))
            {
                if (options.DryRun || await store.WriteAsync(resource.StoreName, key, current, null, ct) is not null)
                {
                    return StoredObject.From(key, current.Version, next);
                }
            }
            else if (JsonNode.DeepEquals(next, old))
            {
                return current;
            }
            else if (await WriteAsync(resource, key, current, next, old, options, ct) is { } stored)
            {
                return stored;
            }
        }
    }

    /// <summary>Existing objects are kept as they are; used for what must be there at start.</summary>
    public async Task EnsureAsync(ApiResource resource, string @namespace, JsonObject value, CancellationToken ct)
    {
        if (store.Resource(resource.StoreName).Find(StoredObject.KeyOf(@namespace, value.Text("metadata", "name"))) is null)
        {
            await CreateAsync(resource, @namespace, value, new WriteOptions(), ct);
        }
    }

    private async Task<StoredObject?> WriteAsync(
        ApiResource resource, string key, StoredObject? current, JsonObject next, JsonObject? old, WriteOptions options, CancellationToken ct)
    {
        Task<StoredObject?> Write() => options.DryRun
            ? Task.FromResult<StoredObject?>(StoredObject.From(key, current?.Version ?? 0, next))
            : store.WriteAsync(resource.StoreName, key, current, next, ct);

        options.Admit?.Invoke(next, old);
        try
        {
            return resource is { Group: "", Plural: "services" } ? await allocator.RunAsync(next, old, Write, ct) : await Write();
        }
        catch (ObjectLimitException e)
        {
            throw StatusException.TooLarge(e.Message);
        }
    }

    /// <summary>The namespace of the object is the one in the URL, exists, and is not going away.</summary>
    private void CheckPlace(ApiResource resource, string @namespace, JsonObject meta)
    {
        if (!resource.Namespaced)
        {
            meta.Remove("namespace");
            return;
        }

        if (meta.Text("namespace") is { Length: > 0 } given && given != @namespace)
        {
            throw StatusException.BadRequest("the namespace of the provided object does not match the namespace sent on the request");
        }

        meta["namespace"] = @namespace;
        if (store.Resource("namespaces").Find(StoredObject.KeyOf("", @namespace)) is not { } found)
        {
            throw StatusException.NotFound(new GroupResource("", "namespaces"), @namespace);
        }

        if (found.Parse().Text("metadata", "deletionTimestamp").Length > 0)
        {
            throw StatusException.Forbidden(resource.Name, meta.Text("name"), $"unable to create new content in namespace {@namespace} because it is being terminated");
        }
    }

    private void Prepare(ApiResource resource, string @namespace, JsonObject value)
    {
        Defaults.Apply(resource.Type, value);
        resource.Rules.Default?.Invoke(value);
        var meta = value.Child("metadata");
        foreach (var field in (ReadOnlySpan<string>)["selfLink", "deletionTimestamp", "deletionGracePeriodSeconds", "generation"])
        {
            meta.Remove(field);
        }

        meta["uid"] = Guid.NewGuid().ToString();
        meta["creationTimestamp"] = Timestamp(time.GetUtcNow());
        if (value["spec"] is not null && (resource.HasStatus || resource.Group == "networking.k8s.io") && resource.Plural is not ("nodes" or "namespaces" or "services"))
        {
            meta["generation"] = 1;
        }

        if (resource.HasStatus && resource.Plural != "nodes")   // a node registers itself with its status
        {
            value.Remove("status");
            Defaults.Apply(resource.Type, value);
        }

        resource.Rules.PrepareCreate?.Invoke(value);
        if (resource.Plural == "ingresses")
        {
            DefaultIngressClass.Apply(store.Resource("ingressclasses.networking.k8s.io").State, value);
        }

        if (resource is { Group: "", Plural: "pods" })
        {
            ServiceAccountAdmission.Apply(store.Resource("serviceaccounts").State, resource.Name, @namespace, value);
        }

        Check(resource, "", value, old: null);
    }

    private static void Check(ApiResource resource, string subresource, JsonObject value, JsonObject? old)
    {
        var errors = new FieldErrors();
        MetadataRules.Check(resource, value, errors);
        if (subresource.Length == 0)
        {
            RuleCheck.Check(resource.Type, value, errors);
            resource.Rules.Validate?.Invoke(value, errors);
        }

        if (old is not null)
        {
            MetadataRules.CheckUpdate(value, old, errors);
            if (subresource.Length == 0)
            {
                resource.Rules.ValidateUpdate?.Invoke(value, old, errors);
            }
        }

        errors.ThrowIfAny(resource.Kind, resource.Group, value.Text("metadata", "name"));
    }

    private static void CheckVersion(ApiResource resource, string name, JsonObject next, JsonObject old)
    {
        var meta = next.Child("metadata");
        if (meta.Text("uid") is { Length: > 0 } uid && uid != old.Text("metadata", "uid"))
        {
            throw StatusException.Conflict(resource.Name, name, $"Precondition failed: UID in precondition: {uid}, UID in object meta: {old.Text("metadata", "uid")}");
        }

        if (meta.Text("resourceVersion") is { Length: > 0 } version && version != old.Text("metadata", "resourceVersion"))
        {
            throw StatusException.Stale(resource.Name, name);
        }
    }

    /// <summary>What belongs to the server stays as it was, whatever the client sends.</summary>
    private static void Keep(JsonObject next, JsonObject old)
    {
        var (meta, before) = (next.Child("metadata"), old.Child("metadata"));
        ReadOnlySpan<string> fields = ["uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "generateName"];
        foreach (var field in fields)
        {
            if (before[field] is { } value)
            {
                meta[field] = value.DeepClone();
            }
            else
            {
                meta.Remove(field);
            }
        }

        meta.Remove("selfLink");
        if (meta["managedFields"] is null && before["managedFields"] is { } managed)
        {
            meta["managedFields"] = managed.DeepClone();
        }

        if (meta["managedFields"] is JsonArray { Count: 0 })
        {
            meta.Remove("managedFields");
        }

        (next["apiVersion"], next["kind"]) = (old["apiVersion"]?.DeepClone(), old["kind"]?.DeepClone());
    }

    /// <summary>An update of the object leaves its status alone; an update of its status leaves everything else alone.</summary>
    private static void Separate(ApiResource resource, string subresource, JsonObject next, JsonObject old)
    {
        if (!resource.HasStatus)
        {
            return;
        }

        if (subresource.Length == 0)
        {
            Copy("status", old, next);
        }
        else if (subresource == "status")
        {
            foreach (var name in next.Select(e => e.Key).Concat(old.Select(e => e.Key)).Distinct(StringComparer.Ordinal)
                         .Where(n => n is not ("status" or "metadata")).ToList())
            {
                Copy(name, old, next);
            }

            next.Child("metadata").Remove("ownerReferences");
            Copy("ownerReferences", old.Child("metadata"), next.Child("metadata"));
        }
    }

    private static void Copy(string field, JsonObject from, JsonObject to)
    {
        if (from[field] is { } value)
        {
            to[field] = value.DeepClone();
        }
        else
        {
            to.Remove(field);
        }
    }

    /// <summary>The generation counts changes of what is asked for, not of what is observed.</summary>
    private static void Count(JsonObject next, JsonObject old)
    {
        if (old.Number("metadata", "generation") is { } generation && !JsonNode.DeepEquals(next["spec"], old["spec"]))
        {
            next.Child("metadata")["generation"] = generation + 1;
        }
    }

    private static string GenerateName(string prefix)
    {
        const int suffix = 5, limit = 63;
        var start = prefix.Length > limit - suffix ? prefix[..(limit - suffix)] : prefix;
        return start + Random.Shared.GetString(NameAlphabet, suffix);
    }

    public static string Timestamp(DateTimeOffset at) => at.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
