using System.Text;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Responses;
using Fairlead.ApiServer.Schema;

namespace Fairlead.ApiServer.Admission.Kinds;

/// <summary>Namespaces, nodes, ConfigMaps, Secrets and roles.</summary>
internal static class CoreRules
{
    private const int MaxDataBytes = 1024 * 1024;

    /// <summary>By default the last step of deletion belongs to the namespace controller, which empties it first.</summary>
    public static readonly KindRules Namespace = new()
    {
        Name = NameRules.Label,
        Default = o =>
        {
            if (o.Text("metadata", "name") is { Length: > 0 } name)
            {
                o.Child("metadata").Child("labels")["kubernetes.io/metadata.name"] = name;
            }
        },
        PrepareCreate = o =>
        {
            o.Child("spec")["finalizers"] = new JsonArray("kubernetes");
            o["status"] = new JsonObject { ["phase"] = "Active" };
        },
        PrepareUpdate = (next, old) => next["spec"] = old["spec"]?.DeepClone(),   // only the finalize subresource takes a finalizer away
    };

    public static readonly KindRules ConfigMap = new() { Validate = (o, errors) => ValidateData(o, ["data", "binaryData"], errors), ValidateUpdate = ValidateImmutable };

    public static readonly KindRules Secret = new()
    {
        Default = FoldStringData,
        Validate = ValidateSecret,
        ValidateUpdate = (next, old, errors) =>
        {
            MetadataRules.Immutable(next, old, "type", errors);
            ValidateImmutable(next, old, errors);
        },
    };

    public static readonly KindRules Node = new()
    {
        ValidateUpdate = (next, old, errors) =>
        {
            if (old.Text("spec", "podCIDR").Length > 0 && next.Text("spec", "podCIDR") != old.Text("spec", "podCIDR"))
            {
                errors.Forbidden("spec.podCIDRs", "node updates may not change podCIDR except from \"\" to valid");
            }
        },
    };

    public static readonly KindRules Rbac = new() { Name = NameRules.PathSegment };

    public static readonly KindRules Binding = new()
    {
        Name = NameRules.PathSegment,
        Default = o =>
        {
            foreach (var subject in o.Items("subjects").OfType<JsonObject>().Where(s => s.Text("kind") is "User" or "Group"))
            {
                subject.SetDefault("apiGroup", "rbac.authorization.k8s.io");
            }
        },
        Validate = ValidateBinding,
        ValidateUpdate = (next, old, errors) =>
        {
            if (!JsonNode.DeepEquals(next["roleRef"], old["roleRef"]))
            {
                errors.Invalid("roleRef", next["roleRef"], "cannot change roleRef");
            }
        },
    };

    private static void FoldStringData(JsonObject secret)
    {
        if (secret["stringData"] is not JsonObject texts)
        {
            return;
        }

        foreach (var (key, value) in texts)
        {
            secret.Child("data")[key] = Convert.ToBase64String(Encoding.UTF8.GetBytes(value.Text()));
        }

        secret.Remove("stringData");
    }

    private static void ValidateSecret(JsonObject secret, FieldErrors errors)
    {
        ValidateData(secret, ["data"], errors);
        ReadOnlySpan<string> needed = secret.Text("type") switch
        {
            "kubernetes.io/tls" => ["tls.crt", "tls.key"],
            "kubernetes.io/dockerconfigjson" => [".dockerconfigjson"],
            "kubernetes.io/dockercfg" => [".dockercfg"],
            "kubernetes.io/ssh-auth" => ["ssh-privatekey"],
            _ => [],
        };
        foreach (var key in needed)
        {
            if (secret.At("data", key) is null)
            {
                errors.Required($"data[{key}]");
            }
        }
    }

    private static void ValidateData(JsonObject value, ReadOnlySpan<string> maps, FieldErrors errors)
    {
        var total = 0;
        foreach (var map in maps)
        {
            foreach (var (key, entry) in value.Entries(map))
            {
                total += entry.Text().Length;
                foreach (var wrong in NameRules.ConfigKey(key))
                {
                    errors.Invalid($"{map}[{key}]", key, wrong);
                }
            }
        }

        if (total > MaxDataBytes)
        {
            errors.TooLong("", MaxDataBytes);
        }
    }

    private static void ValidateImmutable(JsonObject next, JsonObject old, FieldErrors errors)
    {
        if (!old.Flag("immutable"))
        {
            return;
        }

        if (!next.Flag("immutable"))
        {
            errors.Forbidden("immutable", "field is immutable when `immutable` is set");
        }

        foreach (var field in (ReadOnlySpan<string>)["data", "binaryData"])
        {
            if (!JsonNode.DeepEquals(next[field], old[field]))
            {
                errors.Forbidden(field, "field is immutable when `immutable` is set");
            }
        }
    }

    private static void ValidateBinding(JsonObject binding, FieldErrors errors)
    {
        string[] kinds = binding.Text("kind") == "RoleBinding" ? ["Role", "ClusterRole"] : ["ClusterRole"];
        if (binding.Text("roleRef", "kind") is { Length: > 0 } kind && !kinds.Contains(kind))
        {
            errors.NotSupported("roleRef.kind", kind, kinds);
        }

        var index = 0;
        foreach (var subject in binding.Items("subjects"))
        {
            var at = $"subjects[{index++}]";
            switch (subject.Text("kind"))
            {
                case "ServiceAccount" when subject.Text("namespace").Length == 0 && binding.Text("kind") == "ClusterRoleBinding":
                    errors.Required($"{at}.namespace");
                    break;
                case "User" or "Group" or "ServiceAccount" or "":
                    break;
                default:
                    errors.NotSupported($"{at}.kind", subject.Text("kind"), ["Group", "ServiceAccount", "User"]);
                    break;
            }
        }
    }
}
