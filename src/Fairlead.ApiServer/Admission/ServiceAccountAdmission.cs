using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Responses;
using Fairlead.ApiServer.Storage;

namespace Fairlead.ApiServer.Admission;

/// <summary>A new pod's account exists, and each container finds the account's token, the cluster's certificate and the namespace at the usual path.</summary>
/// <remarks>The volume is written into the pod as Kubernetes does, so that <c>kubectl describe</c> shows what a container has.</remarks>
internal static class ServiceAccountAdmission
{
    private const string MountPath = "/var/run/secrets/kubernetes.io/serviceaccount";
    private const string VolumePrefix = "kube-api-access-";
    private const string NameAlphabet = "bcdfghjklmnpqrstvwxz2456789";

    public static void Apply(ResourceState accounts, GroupResource pods, string @namespace, JsonObject pod)
    {
        var spec = pod.Child("spec");
        var name = spec.Text("serviceAccountName");
        var account = accounts.Objects.GetValueOrDefault(StoredObject.KeyOf(@namespace, name))?.Parse();
        if (account is null && name != "default")   // the default one is made with its namespace by a controller and may be late
        {
            var why = $"error looking up service account {@namespace}/{name}: serviceaccount \"{name}\" not found";
            throw StatusException.Forbidden(pods, pod.Text("metadata", "name"), why);
        }

        if (Flag(spec) ?? Flag(account) ?? true)
        {
            Mount(spec);
        }
    }

    private static bool? Flag(JsonNode? owner) => owner.At("automountServiceAccountToken") is JsonValue value && value.TryGetValue<bool>(out var flag) ? flag : null;

    private static void Mount(JsonObject spec)
    {
        var without = spec.Items("initContainers").Concat(spec.Items("containers")).OfType<JsonObject>()
            .Where(c => c.Items("volumeMounts").All(m => m.Text("mountPath") != MountPath)).ToList();
        if (without.Count == 0)
        {
            return;
        }

        // A pod that is the copy of another one has the volume already.
        var volume = spec.Items("volumes").Select(v => v.Text("name")).FirstOrDefault(n => n.StartsWith(VolumePrefix, StringComparison.Ordinal));
        if (volume is null)
        {
            volume = VolumePrefix + Random.Shared.GetString(NameAlphabet, 5);
            Add(spec, "volumes", new JsonObject { ["name"] = volume, ["projected"] = Sources() });
        }

        foreach (var container in without)
        {
            Add(container, "volumeMounts", new JsonObject { ["name"] = volume, ["readOnly"] = true, ["mountPath"] = MountPath });
        }
    }

    private static void Add(JsonObject owner, string list, JsonObject item)
    {
        if (owner[list] is not JsonArray items)
        {
            owner[list] = items = [];
        }

        items.Add((JsonNode)item);
    }

    private static JsonObject Sources()
    {
        var token = new JsonObject { ["expirationSeconds"] = 3607, ["path"] = "token" };
        var certificate = new JsonObject
        {
            ["name"] = "kube-root-ca.crt",
            ["items"] = new JsonArray(new JsonObject { ["key"] = "ca.crt", ["path"] = "ca.crt" }),
        };
        var field = new JsonObject { ["apiVersion"] = "v1", ["fieldPath"] = "metadata.namespace" };
        var here = new JsonObject { ["items"] = new JsonArray(new JsonObject { ["path"] = "namespace", ["fieldRef"] = field }) };
        return new JsonObject
        {
            ["defaultMode"] = 420,
            ["sources"] = new JsonArray(
                new JsonObject { ["serviceAccountToken"] = token },
                new JsonObject { ["configMap"] = certificate },
                new JsonObject { ["downwardAPI"] = here }),
        };
    }
}
