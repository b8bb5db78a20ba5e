using System.Text;
using System.Text.Json.Nodes;
using Fairlead.Kube.Objects;

namespace Fairlead.ApiServer.Controllers.Workloads;

/// <summary>Pods and hashes of a pod template.</summary>
internal static class PodTemplates
{
    // No vowels, so that no word can come of it; no 0, 1 and 3, which are misread: Kubernetes' own choice.
    private const string Alphabet = "bcdfghjklmnpqrstvwxz2456789";

    /// <summary>The pod that a controller makes of a template, named by the server.</summary>
    public static Pod NewPod(PodTemplateSpec template, IKubeObject owner) => new()
    {
        Metadata = new()
        {
            GenerateName = $"{owner.Metadata.Name}-",
            Namespace = owner.Metadata.Namespace,
            Labels = template.Metadata.Labels,
            Annotations = template.Metadata.Annotations,
            Finalizers = template.Metadata.Finalizers,
            OwnerReferences = [Owners.Reference(owner)],
        },
        Spec = template.Spec,
    };

    /// <summary>A short name for the template: the same for the same content, in whatever order its fields were written.</summary>
    public static string Hash(PodTemplateSpec template, int collisions)
    {
        var text = Sorted(KubeJson.ToNode(template))!.ToJsonString();
        var hash = 2166136261u;      // FNV-1a, 32 bits
        foreach (var b in Encoding.UTF8.GetBytes(collisions > 0 ? $"{text}{collisions}" : text))
        {
            hash = unchecked((hash ^ b) * 16777619u);
        }

        var name = new StringBuilder();
        foreach (var digit in hash.ToString(System.Globalization.CultureInfo.InvariantCulture))
        {
            name.Append(Alphabet[digit % Alphabet.Length]);
        }

        return name.ToString();
    }

    private static JsonNode? Sorted(JsonNode? node) => node switch
    {
        JsonObject map
            => new JsonObject(map.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => KeyValuePair.Create(p.Key, Sorted(p.Value)))),
        JsonArray list => new JsonArray([.. list.Select(Sorted)]),
        _ => node?.DeepClone(),
    };
}
