using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Objects;
using Fairlead.ApiServer.Patching;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Responses;
using Fairlead.ApiServer.Schema;
using Fairlead.ApiServer.Security;
using Fairlead.ApiServer.Selection;
using Fairlead.ApiServer.Storage;

namespace Fairlead.ApiServer.Endpoints;

/// <summary>The subresources that are more than a part of their object: scale, binding, eviction, finalize, token.</summary>
internal sealed class SubresourceEndpoint(ObjectStore store, ObjectWriter writer, Deletion deletion, AccountTokens tokens, TimeProvider time)
{
    private static readonly TimeSpan s_longestToken = TimeSpan.FromDays(1);

    public async Task ScaleAsync(ResourceRequest request)
    {
        var resource = request.Resource;
        if (request.Http.Request.Method == "GET")
        {
            await Answers.JsonAsync(request.Http, 200, ScaleOf(writer.Get(resource, request.Namespace, request.Name).Parse()));
            return;
        }

        var options = request.WriteOptions();
        var body = await RequestBody.ReadAsync(request.Http);
        var type = RequestBody.ContentType(request.Http);
        var scaleType = KubeSchema.Type("autoscaling.Scale");
        var stored = await writer.UpdateAsync(resource, request.Namespace, request.Name, "", old =>
        {
            var scale = request.Http.Request.Method == "PUT"
                ? ObjectDecoder.Decode(scaleType, "autoscaling/v1", "Scale", body, RequestBody.FormatOf(request.Http), options)
                : ObjectDecoder.Fit(scaleType, "autoscaling/v1", "Scale", PatchScale(ScaleOf(old), type, body), [], options);
            if (scale.Number("spec", "replicas") is < 0 and var negative)
            {
                var errors = new FieldErrors();
                errors.Invalid("spec.replicas", negative, "must be greater than or equal to 0");
                errors.ThrowIfAny("Scale", "autoscaling", request.Name);
            }

            if (scale.Text("metadata", "resourceVersion") is { Length: > 0 } version && version != old.Text("metadata", "resourceVersion"))
            {
                throw StatusException.Stale(resource.Name, request.Name);
            }

            old.Child("spec")["replicas"] = scale.Number("spec", "replicas") ?? 0;
            return old;
        }, options, request.Aborted);
        await Answers.JsonAsync(request.Http, 200, ScaleOf(stored.Parse()));
    }

    /// <summary>The scheduler's word: this pod runs on that node. It is said once.</summary>
    public async Task BindAsync(ResourceRequest request)
    {
        var options = request.WriteOptions();
        var binding = ObjectDecoder.Decode(KubeSchema.Type("core.Binding"), "v1", "Binding", await RequestBody.ReadAsync(request.Http), RequestBody.FormatOf(request.Http), options);
        var (node, name) = (binding.Text("target", "name"), request.Name.Length > 0 ? request.Name : binding.Text("metadata", "name"));
        if (node.Length == 0)
        {
            var errors = new FieldErrors();
            errors.Required("target.name");
            errors.ThrowIfAny("Binding", "", name);
        }

        var pods = ResourceCatalog.Stored("", "pods");
        await writer.UpdateAsync(pods, request.Namespace, name, "binding", pod =>
        {
            // The scheduler may be a moment behind: it decided on that pod, not on another one that has its name now.
            var (meant, uid) = (binding.Text("metadata", "uid"), pod.Text("metadata", "uid"));
            if (meant.Length > 0 && meant != uid)
            {
                throw StatusException.Conflict(pods.Name, name, $"Precondition failed: UID in precondition: {meant}, UID in object meta: {uid}");
            }

            if (pod.Text("metadata", "deletionTimestamp").Length > 0)
            {
                throw StatusException.Conflict(pods.Name, name, $"pod {name} is being deleted, cannot be assigned to a host");
            }

            if (pod.Text("spec", "nodeName") is { Length: > 0 } bound)
            {
                throw StatusException.Conflict(pods.Name, name, $"pod {name} is already assigned to node \"{bound}\"");
            }

            pod.Child("spec")["nodeName"] = node;
            foreach (var (key, value) in binding.Entries("metadata", "annotations"))
            {
                pod.Child("metadata").Child("annotations")[key] = value?.DeepClone();
            }

            SetScheduled(pod.Child("status"));
            return pod;
        }, options, request.Aborted);
        await Answers.JsonAsync(request.Http, 201, Success());
    }

    public async Task EvictAsync(ResourceRequest request)
    {
        var options = request.WriteOptions();
        var eviction = ObjectDecoder.Decode(KubeSchema.Type("policy.Eviction"), "policy/v1", "Eviction", await RequestBody.ReadAsync(request.Http), RequestBody.FormatOf(request.Http), options);
        var pods = ResourceCatalog.Stored("", "pods");
        await deletion.DeleteAsync(pods, request.Namespace, request.Name, new DeleteOptions
        {
            GracePeriodSeconds = eviction.At("deleteOptions").Number("gracePeriodSeconds"),
            Uid = eviction.At("deleteOptions").Text("preconditions", "uid"),
            ResourceVersion = eviction.At("deleteOptions").Text("preconditions", "resourceVersion"),
            DryRun = options.DryRun || eviction.Items("deleteOptions", "dryRun").Any(),
        }, request.Aborted);
        await Answers.JsonAsync(request.Http, 201, Success());
    }

    /// <summary>The namespace controller takes its finalizer away here, when the namespace is empty.</summary>
    public async Task FinalizeAsync(ResourceRequest request)
    {
        var options = request.WriteOptions();
        var value = ObjectDecoder.Decode(request.Resource, await RequestBody.ReadAsync(request.Http), RequestBody.FormatOf(request.Http), options);
        var stored = await writer.UpdateAsync(request.Resource, "", request.Name, "finalize", old =>
        {
            old["spec"] = value["spec"]?.DeepClone();
            if (value.Text("metadata", "resourceVersion") is { Length: > 0 } version)
            {
                old.Child("metadata")["resourceVersion"] = version;
            }

            return old;
        }, options, request.Aborted);
        await Answers.ObjectAsync(request.Http, request.Resource, stored, 200, time.GetUtcNow());
    }

    public async Task TokenAsync(ResourceRequest request)
    {
        var options = request.WriteOptions();
        var type = KubeSchema.Type("authentication.TokenRequest");
        var value = ObjectDecoder.Decode(type, "authentication.k8s.io/v1", "TokenRequest", await RequestBody.ReadAsync(request.Http), RequestBody.FormatOf(request.Http), options);
        Defaults.Apply(type, value);
        var account = writer.Get(request.Resource, request.Namespace, request.Name).Parse();
        var errors = new FieldErrors();
        RuleCheck.Check(type, value, errors);
        if (value.At("spec", "boundObjectRef") is { } other && other.Text("kind") != "Pod")
        {
            errors.NotSupported("spec.boundObjectRef.kind", other.Text("kind"), ["Pod"]);   // ignored, it would be a token bound to nothing
        }

        errors.ThrowIfAny("TokenRequest", "authentication.k8s.io", "");
        var pod = BoundPod(request, value.At("spec", "boundObjectRef"));
        var lifetime = TimeSpan.FromSeconds(Math.Min(value.Number("spec", "expirationSeconds") ?? 3600, (long)s_longestToken.TotalSeconds));
        var audiences = value.Items("spec", "audiences").Select(a => a.Text()).ToList();
        var (token, expires) = tokens.Issue(request.Namespace, request.Name, account.Text("metadata", "uid"), audiences, lifetime, pod);
        if (audiences.Count == 0)
        {
            value.Child("spec")["audiences"] = new JsonArray(tokens.Issuer);
        }

        value["metadata"] = new JsonObject
        {
            ["name"] = request.Name,
            ["namespace"] = request.Namespace,
            ["creationTimestamp"] = ObjectWriter.Timestamp(time.GetUtcNow()),
        };
        value.Child("spec")["expirationSeconds"] = (long)lifetime.TotalSeconds;
        value["status"] = new JsonObject { ["token"] = token, ["expirationTimestamp"] = ObjectWriter.Timestamp(expires) };
        await Answers.JsonAsync(request.Http, 201, value);
    }

    /// <summary>The pod that a token is to die with: there, the one that is meant, and one that runs as the account.</summary>
    private (string Name, string Uid)? BoundPod(ResourceRequest request, JsonNode? bound)
    {
        if (bound is null)
        {
            return null;
        }

        var name = bound.Text("name");
        var pods = new GroupResource("", "pods");
        var pod = store.Resource("pods").Find(StoredObject.KeyOf(request.Namespace, name))?.Parse() ?? throw StatusException.NotFound(pods, name);
        var (uid, account) = (pod.Text("metadata", "uid"), pod.Text("spec", "serviceAccountName"));
        if (bound.Text("uid") is { Length: > 0 } wanted && wanted != uid)
        {
            throw StatusException.Conflict(pods, name,
                $"the UID in the bound object reference ({wanted}) does not match the UID in record. The object might have been deleted and then recreated");
        }

        return account == request.Name
            ? (name, uid)
            : throw StatusException.BadRequest($"cannot bind token for serviceaccount \"{request.Name}\" to pod running with different serviceaccount name.");
    }

    private static JsonObject PatchScale(JsonObject scale, string type, ReadOnlyMemory<byte> body)
    {
        var patch = ObjectDecoder.ParseJson(body);
        try
        {
            return (type switch
            {
                "application/json-patch+json" => JsonPatch.Apply(scale, patch),
                "application/merge-patch+json" or "application/strategic-merge-patch+json" => MergePatch.Apply(scale, patch),
                _ => throw RequestBody.Unsupported(type, "application/json-patch+json, application/merge-patch+json"),
            }) as JsonObject ?? throw StatusException.BadRequest("the patched value is not an object");
        }
        catch (PatchException e)
        {
            throw new StatusException(422, "Invalid", e.Message);
        }
    }

    private static JsonObject ScaleOf(JsonObject workload)
    {
        var meta = new JsonObject();
        foreach (var field in (ReadOnlySpan<string>)["name", "namespace", "uid", "resourceVersion", "creationTimestamp"])
        {
            meta[field] = workload.At("metadata", field)?.DeepClone();
        }

        var selector = LabelSelectors.Show(workload.At("spec", "selector"));
        return new JsonObject
        {
            ["kind"] = "Scale",
            ["apiVersion"] = "autoscaling/v1",
            ["metadata"] = meta,
            ["spec"] = new JsonObject { ["replicas"] = workload.Number("spec", "replicas") ?? 0 },
            ["status"] = new JsonObject { ["replicas"] = workload.Number("status", "replicas") ?? 0, ["selector"] = selector == "<none>" ? "" : selector },
        };
    }

    private void SetScheduled(JsonObject status)
    {
        var condition = new JsonObject
        {
            ["type"] = "PodScheduled",
            ["status"] = "True",
            ["lastTransitionTime"] = ObjectWriter.Timestamp(time.GetUtcNow()),
        };
        status["conditions"] = new JsonArray([.. status.Items("conditions").Where(c => c.Text("type") != "PodScheduled").Select(c => c!.DeepClone()), condition]);
    }

    private static JsonObject Success() => new() { ["kind"] = "Status", ["apiVersion"] = "v1", ["metadata"] = new JsonObject(), ["status"] = "Success", ["code"] = 201 };
}
