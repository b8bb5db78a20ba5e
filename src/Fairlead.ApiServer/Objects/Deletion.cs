using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Responses;
using Fairlead.ApiServer.Storage;

namespace Fairlead.ApiServer.Objects;

/// <summary>Deletes objects: at once, or by marking them for those who have something to finish first.</summary>
/// <remarks>
/// A pod that runs on a node is marked with its grace period, and its node deletes it with period 0 when its processes have ended.
/// An object with finalizers is marked, and goes with the update that removes the last one. Propagation policies other than
/// Background are recorded as finalizers for the garbage collector. A namespace is emptied by its controller, which then finalizes it.
/// </remarks>
internal sealed class Deletion(ObjectStore store, TimeProvider time)
{
    private const string OrphanFinalizer = "orphan", ForegroundFinalizer = "foregroundDeletion";

    /// <summary>Whether a marked object has nothing left to wait for.</summary>
    public static bool IsFinished(JsonObject value)
        => value.Text("metadata", "deletionTimestamp").Length > 0
           && (value.Number("metadata", "deletionGracePeriodSeconds") ?? 0) == 0
           && !value.Items("metadata", "finalizers").Any()
           && !(value.Text("kind") == "Namespace" && value.Items("spec", "finalizers").Any());

    /// <summary>Returns the object's last state and whether it is gone.</summary>
    public async Task<(StoredObject Last, bool Gone)> DeleteAsync(ApiResource resource, string @namespace, string name, DeleteOptions options, CancellationToken ct)
    {
        var key = StoredObject.KeyOf(@namespace, name);
        while (true)
        {
            var current = store.Resource(resource.StoreName).Find(key) ?? throw StatusException.NotFound(resource.Name, name);
            var value = current.Parse();
            CheckPreconditions(resource, name, value, options);
            if (resource is { Group: "", Plural: "namespaces" } && name is "default" or "kube-system" or "kube-public" or "kube-node-lease")
            {
                throw StatusException.Forbidden(resource.Name, name, "this namespace may not be deleted");
            }

            var changed = Mark(resource, value, options);
            if (IsFinished(value))
            {
                if (options.DryRun || await store.WriteAsync(resource.StoreName, key, current, null, ct) is not null)
                {
                    return (StoredObject.From(key, current.Version, value), true);
                }
            }
            else if (!changed || options.DryRun)
            {
                return (current, false);
            }
            else if (await store.WriteAsync(resource.StoreName, key, current, value, ct) is { } marked)
            {
                return (marked, false);
            }
        }
    }

    private static void CheckPreconditions(ApiResource resource, string name, JsonObject value, DeleteOptions options)
    {
        if (options.Uid.Length > 0 && options.Uid != value.Text("metadata", "uid"))
        {
            throw StatusException.Conflict(resource.Name, name, $"Precondition failed: UID in precondition: {options.Uid}, UID in object meta: {value.Text("metadata", "uid")}");
        }

        if (options.ResourceVersion.Length > 0 && options.ResourceVersion != value.Text("metadata", "resourceVersion"))
        {
            throw StatusException.Conflict(resource.Name, name, $"Precondition failed: ResourceVersion in precondition: {options.ResourceVersion}, ResourceVersion in object meta: {value.Text("metadata", "resourceVersion")}");
        }
    }

    private bool Mark(ApiResource resource, JsonObject value, DeleteOptions options)
    {
        var meta = value.Child("metadata");
        var changed = SetFinalizers(meta, options.PropagationPolicy);
        var grace = GraceOf(resource, value, options.GracePeriodSeconds);
        var now = time.GetUtcNow();
        if (meta.Text("deletionTimestamp").Length == 0)
        {
            meta["deletionTimestamp"] = ObjectWriter.Timestamp(now.AddSeconds(grace));
            meta["deletionGracePeriodSeconds"] = grace;
            Bump(meta);
            if (resource is { Group: "", Plural: "namespaces" })
            {
                value.Child("status")["phase"] = "Terminating";
            }

            return true;
        }

        if (options.GracePeriodSeconds is { } shorter && shorter < (meta.Number("deletionGracePeriodSeconds") ?? 0))
        {
            meta["deletionTimestamp"] = ObjectWriter.Timestamp(now.AddSeconds(grace));
            meta["deletionGracePeriodSeconds"] = grace;
            return true;
        }

        return changed;
    }

    private static void Bump(JsonObject meta)
    {
        if (meta.Number("generation") is { } generation)
        {
            meta["generation"] = generation + 1;
        }
    }

    private static long GraceOf(ApiResource resource, JsonObject value, long? asked)
    {
        if (resource is not { Group: "", Plural: "pods" })
        {
            return 0;
        }

        if (value.Text("spec", "nodeName").Length == 0 || value.Text("status", "phase") is "Succeeded" or "Failed")
        {
            return 0;   // no node has anything to stop
        }

        return Math.Max(0, asked ?? value.Number("spec", "terminationGracePeriodSeconds") ?? 30);
    }

    private static bool SetFinalizers(JsonObject meta, string policy)
    {
        var before = meta.Items("finalizers").Select(f => f.Text()).ToList();
        var after = before.Where(f => policy.Length == 0 || f is not (OrphanFinalizer or ForegroundFinalizer)).ToList();
        if (policy is "Orphan" or "Foreground")
        {
            after.Add(policy == "Orphan" ? OrphanFinalizer : ForegroundFinalizer);
        }

        if (after.SequenceEqual(before, StringComparer.Ordinal))
        {
            return false;
        }

        if (after.Count == 0)
        {
            meta.Remove("finalizers");
        }
        else
        {
            meta["finalizers"] = new JsonArray([.. after.Select(f => (JsonNode)f)]);
        }

        return true;
    }
}
