using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Responses;

namespace Fairlead.ApiServer.Admission.Kinds;

/// <summary>Pods, and the pod templates inside workloads.</summary>
internal static class PodRules
{
    private static readonly string[] s_containerLists = ["initContainers", "containers", "ephemeralContainers"];

    public static readonly KindRules Rules = new()
    {
        Default = Default,
        PrepareCreate = PrepareCreate,
        Validate = (pod, errors) => ValidateSpec(pod["spec"], "spec", errors),
        ValidateUpdate = ValidateUpdate,
    };

    /// <summary>Defaults of a pod template's spec that depend on other fields.</summary>
    public static void DefaultSpec(JsonNode? spec)
    {
        if (spec is not JsonObject pod)
        {
            return;
        }

        foreach (var container in s_containerLists.SelectMany(list => pod.Items(list)).OfType<JsonObject>())
        {
            container.SetDefault("imagePullPolicy", HasMovingTag(container.Text("image")) ? "Always" : "IfNotPresent");
            if (pod.Flag("hostNetwork"))
            {
                foreach (var port in container.Items("ports").OfType<JsonObject>())
                {
                    port.SetDefault("hostPort", port["containerPort"]?.DeepClone() ?? 0);
                }
            }
        }

        foreach (var volume in pod.Items("volumes").OfType<JsonObject>().Where(v => v.Count == 1))
        {
            volume["emptyDir"] = new JsonObject();
        }

        if (pod.Text("serviceAccountName") is { Length: > 0 } account)
        {
            pod["serviceAccount"] = account;
        }
        else if (pod.Text("serviceAccount") is { Length: > 0 } old)
        {
            pod["serviceAccountName"] = old;
        }
    }

    public static void ValidateSpec(JsonNode? spec, string path, FieldErrors errors)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        var volumes = CheckVolumes(spec, path, errors);
        foreach (var list in s_containerLists)
        {
            var index = 0;
            foreach (var container in spec.Items(list))
            {
                var at = $"{path}.{list}[{index++}]";
                CheckContainer(container, at, volumes, errors);
                if (container.Text("name") is { Length: > 0 } name && !names.Add(name))
                {
                    errors.Duplicate($"{at}.name", name);
                }
            }
        }

        if (spec.Text("dnsPolicy") == "None" && !spec.Items("dnsConfig", "nameservers").Any())
        {
            errors.Required($"{path}.dnsConfig.nameservers", "must provide at least one DNS nameserver when `dnsPolicy` is None");
        }

        MetadataRules.CheckLabels(spec.At("nodeSelector"), $"{path}.nodeSelector", errors);
    }

    private static void Default(JsonObject pod)
    {
        var spec = pod.Child("spec");
        spec.SetDefault("enableServiceLinks", true);
        DefaultSpec(spec);
        foreach (var container in s_containerLists.SelectMany(list => spec.Items(list)).OfType<JsonObject>())
        {
            foreach (var (name, limit) in container.Entries("resources", "limits").ToArray())
            {
                container.Child("resources").Child("requests").SetDefault(name, limit!.DeepClone());
            }
        }
    }

    private static void PrepareCreate(JsonObject pod)
    {
        var spec = pod.Child("spec");
        if (spec.Text("serviceAccountName").Length == 0)
        {
            spec["serviceAccountName"] = "default";
            spec["serviceAccount"] = "default";
        }

        spec.SetDefault("priority", spec.Text("priorityClassName") switch
        {
            "system-node-critical" => 2_000_001_000,
            "system-cluster-critical" => 2_000_000_000,
            _ => 0,   // the two that Kubernetes has built in are all that this server knows
        });
        spec.SetDefault("preemptionPolicy", "PreemptLowerPriority");
        Tolerate(spec, "node.kubernetes.io/not-ready");
        Tolerate(spec, "node.kubernetes.io/unreachable");
        pod["status"] = new JsonObject { ["phase"] = "Pending", ["qosClass"] = QualityOf(spec) };
    }

    private static void Tolerate(JsonObject spec, string taint)
    {
        if (spec.Items("tolerations").Any(t => (t.Text("key") == taint || t.Text("key").Length == 0) && t.Text("effect") is "NoExecute" or ""))
        {
            return;
        }

        if (spec["tolerations"] is not JsonArray tolerations)
        {
            spec["tolerations"] = tolerations = [];
        }

        tolerations.Add((JsonNode)new JsonObject { ["key"] = taint, ["operator"] = "Exists", ["effect"] = "NoExecute", ["tolerationSeconds"] = 300 });
    }

    private static string QualityOf(JsonObject spec)
    {
        var containers = spec.Items("initContainers").Concat(spec.Items("containers")).ToList();
        if (containers.All(c => !c.Entries("resources", "requests").Any() && !c.Entries("resources", "limits").Any()))
        {
            return "BestEffort";
        }

        return containers.All(c => IsGuaranteed(c, "cpu") && IsGuaranteed(c, "memory")) ? "Guaranteed" : "Burstable";
    }

    private static bool IsGuaranteed(JsonNode? container, string resource)
        => container.Text("resources", "limits", resource) is { Length: > 0 } limit && container.Text("resources", "requests", resource) == limit;

    private static bool HasMovingTag(string image)
    {
        var name = image[(image.LastIndexOf('/') + 1)..];
        return !name.Contains('@', StringComparison.Ordinal) && (!name.Contains(':', StringComparison.Ordinal) || name.EndsWith(":latest", StringComparison.Ordinal));
    }

    private static HashSet<string> CheckVolumes(JsonNode? spec, string path, FieldErrors errors)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        var index = 0;
        foreach (var volume in spec.Items("volumes"))
        {
            var at = $"{path}.volumes[{index++}]";
            var name = volume.Text("name");
            if (name.Length > 0 && !names.Add(name))
            {
                errors.Duplicate($"{at}.name", name);
            }

            foreach (var extra in volume.Entries().Select(e => e.Key).Where(k => k != "name").Skip(1))
            {
                errors.Forbidden($"{at}.{extra}", "may not specify more than 1 volume type");
            }
        }

        return names;
    }

    private static void CheckContainer(JsonNode? container, string at, HashSet<string> volumes, FieldErrors errors)
    {
        if (container.Text("image").Length == 0)
        {
            errors.Required($"{at}.image");
        }
        else if (container.Text("image") != container.Text("image").Trim())
        {
            errors.Invalid($"{at}.image", container.Text("image"), "must not have leading or trailing whitespace");
        }

        CheckUnique(container, "ports", "name", at, errors);
        var (index, paths) = (0, new HashSet<string>(StringComparer.Ordinal));
        foreach (var mount in container.Items("volumeMounts"))
        {
            if (mount.Text("name") is { Length: > 0 } name && !volumes.Contains(name))
            {
                errors.NotFound($"{at}.volumeMounts[{index}].name", name);
            }

            if (mount.Text("mountPath") is { Length: > 0 } where && !paths.Add(where))
            {
                errors.Invalid($"{at}.volumeMounts[{index}].mountPath", where, "must be unique");
            }

            index++;
        }

        foreach (var (field, probe) in container.Entries().Where(e => e.Key is "livenessProbe" or "readinessProbe" or "startupProbe"))
        {
            CheckHandler(probe, $"{at}.{field}", errors);
            if (field != "readinessProbe" && probe.Number("successThreshold") is not (null or 1))
            {
                errors.Invalid($"{at}.{field}.successThreshold", probe.At("successThreshold"), "must be 1");
            }
        }

        CheckEnvironment(container, at, errors);
        CheckResources(container, at, errors);
    }

    private static void CheckHandler(JsonNode? probe, string at, FieldErrors errors)
    {
        var handlers = probe.Entries().Select(e => e.Key).Where(k => k is "exec" or "httpGet" or "tcpSocket" or "grpc").ToList();
        if (handlers.Count == 0)
        {
            errors.Required(at, "must specify a handler type");
        }

        foreach (var extra in handlers.Skip(1))
        {
            errors.Forbidden($"{at}.{extra}", "may not specify more than 1 handler type");
        }
    }

    private static void CheckEnvironment(JsonNode? container, string at, FieldErrors errors)
    {
        var index = 0;
        foreach (var variable in container.Items("env"))
        {
            if (variable.Text("name").Contains('=', StringComparison.Ordinal))
            {
                errors.Invalid($"{at}.env[{index}].name", variable.Text("name"), "a valid environment variable name must consist only of printable ASCII characters other than '='");
            }

            if (variable.At("valueFrom") is JsonObject source)
            {
                if (variable.Text("value").Length > 0)
                {
                    errors.Invalid($"{at}.env[{index}].valueFrom", "", "may not be specified when `value` is not empty");
                }

                if (source.Count != 1)
                {
                    errors.Invalid($"{at}.env[{index}].valueFrom", "", source.Count == 0
                        ? "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`" : "may not have more than one field specified at a time");
                }
            }

            index++;
        }
    }

    private static void CheckResources(JsonNode? container, string at, FieldErrors errors)
    {
        foreach (var list in (ReadOnlySpan<string>)["limits", "requests"])
        {
            foreach (var (name, quantity) in container.Entries("resources", list))
            {
                if (quantity.Display().StartsWith('-'))
                {
                    errors.Invalid($"{at}.resources.{list}[{name}]", quantity, "must be greater than or equal to 0");
                }
            }
        }
    }

    private static void CheckUnique(JsonNode? owner, string list, string key, string at, FieldErrors errors)
    {
        var (index, seen) = (0, new HashSet<string>(StringComparer.Ordinal));
        foreach (var item in owner.Items(list))
        {
            if (item.Text(key) is { Length: > 0 } value && !seen.Add(value))
            {
                errors.Duplicate($"{at}.{list}[{index}].{key}", value);
            }

            index++;
        }
    }

    /// <summary>Of a pod's spec only images, deadlines and added tolerations may change; the node is set by binding.</summary>
    private static void ValidateUpdate(JsonObject next, JsonObject old, FieldErrors errors)
    {
        var (a, b) = (next["spec"]!.DeepClone().AsObject(), old["spec"]!.DeepClone().AsObject());
        foreach (var field in (ReadOnlySpan<string>)["activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds", "schedulingGates"])
        {
            a.Remove(field);
            b.Remove(field);
        }

        foreach (var container in s_containerLists.SelectMany(list => a.Items(list).Concat(b.Items(list))).OfType<JsonObject>())
        {
            container.Remove("image");
        }

        if (!JsonNode.DeepEquals(a, b))
        {
            errors.Forbidden("spec", "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)");
        }
    }
}
