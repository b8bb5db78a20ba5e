using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Responses;
using Fairlead.ApiServer.Schema;

namespace Fairlead.ApiServer.Admission;

/// <summary>What holds for the metadata of every object.</summary>
internal static class MetadataRules
{
    private const int MaxAnnotationBytes = 256 * 1024;

    public static void Check(ApiResource resource, JsonObject value, FieldErrors errors)
    {
        var meta = value.At("metadata");
        var name = meta.Text("name");
        if (name.Length == 0)
        {
            errors.Required("metadata.name", "name or generateName is required");
        }
        else
        {
            foreach (var wrong in resource.Rules.Name(name))
            {
                errors.Invalid("metadata.name", name, wrong);
            }
        }

        CheckLabels(meta.At("labels"), "metadata.labels", errors);
        CheckAnnotations(meta.At("annotations"), errors);
        CheckOwners(meta.At("ownerReferences"), errors);
        foreach (var finalizer in meta.Items("finalizers"))
        {
            foreach (var wrong in NameRules.LabelKey(finalizer.Text()))
            {
                errors.Invalid("metadata.finalizers", finalizer.Text(), wrong);
            }
        }
    }

    public static void CheckLabels(JsonNode? labels, string path, FieldErrors errors)
    {
        foreach (var (key, value) in labels.Entries())
        {
            foreach (var wrong in NameRules.LabelKey(key))
            {
                errors.Invalid(path, key, wrong);
            }

            foreach (var wrong in NameRules.LabelValue(value.Text()))
            {
                errors.Invalid(path, value.Text(), wrong);
            }
        }
    }

    /// <summary>A selector in an object, such as a Deployment's.</summary>
    public static void CheckSelector(JsonNode? selector, string path, FieldErrors errors)
    {
        CheckLabels(selector.At("matchLabels"), $"{path}.matchLabels", errors);
        var index = 0;
        foreach (var expression in selector.Items("matchExpressions"))
        {
            var at = $"{path}.matchExpressions[{index++}]";
            var values = expression.Items("values").Count();
            switch (expression.Text("operator"))
            {
                case "In" or "NotIn" when values == 0:
                    errors.Required($"{at}.values", "must be specified when `operator` is 'In' or 'NotIn'");
                    break;
                case "Exists" or "DoesNotExist" when values > 0:
                    errors.Forbidden($"{at}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
                    break;
            }
        }
    }

    /// <summary>What no update may change.</summary>
    public static void CheckUpdate(JsonObject next, JsonObject old, FieldErrors errors)
    {
        foreach (var field in (ReadOnlySpan<string>)["name", "namespace", "uid", "creationTimestamp"])
        {
            if (next.Text("metadata", field) != old.Text("metadata", field))
            {
                errors.Invalid($"metadata.{field}", next.At("metadata", field), "field is immutable");
            }
        }

        if (old.Text("metadata", "deletionTimestamp").Length > 0)
        {
            var known = old.Items("metadata", "finalizers").Select(f => f.Text()).ToHashSet(StringComparer.Ordinal);
            var extra = next.Items("metadata", "finalizers").Select(f => f.Text()).Where(f => !known.Contains(f)).Order(StringComparer.Ordinal).ToList();
            if (extra.Count > 0)
            {
                errors.Forbidden("metadata.finalizers",
                    $"no new finalizers can be added if the object is being deleted, found new finalizers []string{{{string.Join(", ", extra.Select(f => $"\"{f}\""))}}}");
            }
        }
    }

    /// <summary>The annotation and selector keys as they stood, for "field is immutable".</summary>
    public static void Immutable(JsonObject next, JsonObject old, string path, FieldErrors errors)
    {
        JsonNode? a = next, b = old;
        foreach (var field in path.Split('.'))
        {
            (a, b) = (a.At(field), b.At(field));
        }

        if (!JsonNode.DeepEquals(a, b))
        {
            errors.Invalid(path, a, "field is immutable");
        }
    }

    private static void CheckAnnotations(JsonNode? annotations, FieldErrors errors)
    {
        var total = 0;
        foreach (var (key, value) in annotations.Entries())
        {
            total += key.Length + value.Text().Length;
            foreach (var wrong in NameRules.LabelKey(key.ToLowerInvariant()))
            {
                errors.Invalid("metadata.annotations", key, wrong);
            }
        }

        if (total > MaxAnnotationBytes)
        {
            errors.TooLong("metadata.annotations", MaxAnnotationBytes);
        }
    }

    private static void CheckOwners(JsonNode? owners, FieldErrors errors)
    {
        var index = 0;
        foreach (var owner in owners.Items())
        {
            foreach (var field in (ReadOnlySpan<string>)["apiVersion", "kind", "name", "uid"])
            {
                if (owner.Text(field).Length == 0)
                {
                    errors.Invalid($"metadata.ownerReferences[{index}].{field}", "", field == "apiVersion" ? "version must not be empty" : "must not be empty");
                }
            }

            index++;
        }

        if (owners.Items().Count(o => o.Flag("controller")) > 1)
        {
            errors.Invalid("metadata.ownerReferences", owners, "Only one reference can have Controller set to true.");
        }
    }
}
