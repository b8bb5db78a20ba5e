using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Responses;

namespace Fairlead.ApiServer.Admission.Kinds;

/// <summary>Deployments, ReplicaSets and DaemonSets.</summary>
internal static class WorkloadRules
{
    public static readonly KindRules Deployment = new()
    {
        Default = DefaultDeployment,
        Validate = ValidateDeployment,
        ValidateUpdate = (next, old, errors) => MetadataRules.Immutable(next, old, "spec.selector", errors),
    };

    public static readonly KindRules ReplicaSet = new()
    {
        Default = o => PodRules.DefaultSpec(o.At("spec", "template").At("spec")),
        Validate = (o, errors) => ValidateTemplate(o, errors),
        ValidateUpdate = (next, old, errors) => MetadataRules.Immutable(next, old, "spec.selector", errors),
    };

    public static readonly KindRules DaemonSet = new()
    {
        Default = DefaultDaemonSet,
        Validate = (o, errors) => ValidateTemplate(o, errors),
        ValidateUpdate = (next, old, errors) => MetadataRules.Immutable(next, old, "spec.selector", errors),
    };

    private static void DefaultDeployment(JsonObject deployment)
    {
        var strategy = deployment.Child("spec").Child("strategy");
        if (strategy.Text("type") == "RollingUpdate")
        {
            var rolling = strategy.Child("rollingUpdate");
            rolling.SetDefault("maxUnavailable", "25%");
            rolling.SetDefault("maxSurge", "25%");
        }

        PodRules.DefaultSpec(deployment.At("spec", "template").At("spec"));
    }

    private static void DefaultDaemonSet(JsonObject daemonSet)
    {
        var strategy = daemonSet.Child("spec").Child("updateStrategy");
        if (strategy.Text("type") == "RollingUpdate")
        {
            var rolling = strategy.Child("rollingUpdate");
            rolling.SetDefault("maxUnavailable", 1);
            rolling.SetDefault("maxSurge", 0);
        }

        PodRules.DefaultSpec(daemonSet.At("spec", "template").At("spec"));
    }

    private static void ValidateDeployment(JsonObject deployment, FieldErrors errors)
    {
        ValidateTemplate(deployment, errors);
        var strategy = deployment.At("spec", "strategy");
        if (strategy.Text("type") == "Recreate" && strategy.At("rollingUpdate") is not null)
        {
            errors.Forbidden("spec.strategy.rollingUpdate", "may not be specified when strategy `type` is 'Recreate'");
        }

        if (strategy.Text("type") == "RollingUpdate" && IsZero(strategy.At("rollingUpdate", "maxUnavailable")) && IsZero(strategy.At("rollingUpdate", "maxSurge")))
        {
            errors.Invalid("spec.strategy.rollingUpdate.maxUnavailable", strategy.At("rollingUpdate", "maxUnavailable"), "may not be 0 when `maxSurge` is 0");
        }

        if (deployment.Number("spec", "progressDeadlineSeconds") is { } deadline && deadline <= (deployment.Number("spec", "minReadySeconds") ?? 0))
        {
            errors.Invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds");
        }
    }

    private static bool IsZero(JsonNode? value) => value.Display() is "0" or "0%";

    private static void ValidateTemplate(JsonObject workload, FieldErrors errors)
    {
        var (spec, template) = (workload.At("spec"), workload.At("spec", "template"));
        MetadataRules.CheckSelector(spec.At("selector"), "spec.selector", errors);
        if (spec.At("selector") is JsonObject { Count: 0 } empty)
        {
            errors.Invalid("spec.selector", empty, workload.Text("kind") == "Deployment" ? "empty selector is invalid for deployment" : "empty selector is invalid for " + workload.Text("kind").ToLowerInvariant());
        }

        MetadataRules.CheckLabels(template.At("metadata", "labels"), "spec.template.metadata.labels", errors);
        if (spec.At("selector") is not null && !Selects(spec.At("selector"), template.At("metadata", "labels")))
        {
            errors.Invalid("spec.template.metadata.labels", template.At("metadata", "labels"), "`selector` does not match template `labels`");
        }

        if (template.At("spec") is null)
        {
            errors.Required("spec.template.spec.containers");
            return;
        }

        PodRules.ValidateSpec(template.At("spec"), "spec.template.spec", errors);
        if (template.Text("spec", "restartPolicy") is { Length: > 0 } policy && policy is "Never" or "OnFailure")
        {
            errors.NotSupported("spec.template.spec.restartPolicy", policy, ["Always"]);
        }
    }

    private static bool Selects(JsonNode? selector, JsonNode? labels)
    {
        foreach (var (key, value) in selector.Entries("matchLabels"))
        {
            if (labels.At(key) is not { } label || label.Text() != value.Text())
            {
                return false;
            }
        }

        return selector.Items("matchExpressions").All(expression =>
        {
            var label = labels.At(expression.Text("key"));
            var listed = label is not null && expression.Items("values").Any(v => v.Text() == label.Text());
            return expression.Text("operator") switch
            {
                "In" => listed,
                "NotIn" => !listed,
                "Exists" => label is not null,
                _ => label is null,
            };
        });
    }
}
