using Fairlead.Kube.Objects;

namespace Fairlead.Lab.Pods;

/// <summary>What a pod calls itself.</summary>
internal static class PodNames
{
    private const int LongestHostName = 63;

    /// <summary>The pod's own name unless it has another; a pod in the node's network is called as its node.</summary>
    public static string HostName(Pod pod, string node)
    {
        var name = pod.Spec.HostNetwork ? node : pod.Spec.Hostname is { Length: > 0 } given ? given : pod.Metadata.Name;
        return name.Length <= LongestHostName ? name : name[..LongestHostName].TrimEnd('-', '.');
    }

    /// <summary>The domain that makes the host name a whole name, for a pod with a subdomain.</summary>
    public static string? Domain(Pod pod, string clusterDomain)
        => pod.Spec.Subdomain is { Length: > 0 } subdomain ? $"{subdomain}.{pod.Metadata.Namespace}.svc.{clusterDomain}" : null;
}
