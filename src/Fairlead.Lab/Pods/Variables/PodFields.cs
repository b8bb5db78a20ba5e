using Fairlead.Kube.Objects;

namespace Fairlead.Lab.Pods.Variables;

/// <summary>The fields of a pod that its containers may ask for: the downward API.</summary>
internal static class PodFields
{
    /// <summary>The value of <c>fieldRef</c>; null if the downward API has no such field.</summary>
    public static string? Find(Pod pod, PodAddresses addresses, string path)
        => path switch
        {
            "metadata.name" => pod.Metadata.Name,
            "metadata.namespace" => pod.Metadata.Namespace,
            "metadata.uid" => pod.Metadata.Uid,
            "metadata.labels" => Lines(pod.Metadata.Labels),
            "metadata.annotations" => Lines(pod.Metadata.Annotations),
            "spec.nodeName" => pod.Spec.NodeName,
            "spec.serviceAccountName" => pod.Spec.ServiceAccountName ?? "default",
            "status.hostIP" or "status.hostIPs" => addresses.HostIP,
            "status.podIP" => addresses.PodIP,
            "status.podIPs" => string.Join(',', addresses.PodIPs),
            _ => Subscript(path, "metadata.labels") is { } label ? pod.Metadata.Labels.Find(label) ?? ""
                : Subscript(path, "metadata.annotations") is { } annotation ? pod.Metadata.Annotations.Find(annotation) ?? ""
                : null,
        };

    /// <summary>The value of <c>resourceFieldRef</c>; a limit that is not set is what the node has.</summary>
    public static string? FindResource(Container container, string resource, string? divisor, IReadOnlyDictionary<string, string> node)
    {
        var (kind, name) = resource.Split('.', 2) is [var k, var n] ? (k, n) : ("", "");
        var amount = kind switch
        {
            "limits" => container.Resources?.Limits.Find(name) ?? node.GetValueOrDefault(name),
            "requests" => container.Resources?.Requests.Find(name) ?? container.Resources?.Limits.Find(name) ?? "0",
            _ => null,
        };
        return Quantity.Divide(amount, divisor);
    }

    private static string? Subscript(string path, string field)
        => path.StartsWith(field + "['", StringComparison.Ordinal) && path.EndsWith("']", StringComparison.Ordinal) && path.Length >= field.Length + 4
            ? path[(field.Length + 2)..^2]
            : null;

    private static string Lines(IReadOnlyDictionary<string, string> map)
        => string.Join('\n', map.OrderBy(e => e.Key, StringComparer.Ordinal).Select(e => $"{e.Key}={Quote(e.Value)}"));

    /// <summary>As Go's <c>%q</c> does for text that labels and annotations hold.</summary>
    private static string Quote(string value)
        => '"' + value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)
            .Replace("\n", "\\n", StringComparison.Ordinal).Replace("\t", "\\t", StringComparison.Ordinal) + '"';
}

/// <summary>The addresses of a pod and of its node.</summary>
internal sealed record PodAddresses(string HostIP, IReadOnlyList<string> PodIPs)
{
    /// <summary>The pod's first address, or nothing before it has one.</summary>
    public string PodIP => PodIPs.Count > 0 ? PodIPs[0] : "";
}
