using System.Text.Json.Serialization.Metadata;

namespace Fairlead.Kube.Objects;

/// <summary>A kind of object and where the API keeps it.</summary>
public record KubeResource(string Group, string Version, string Plural, string Kind, bool Namespaced)
{
    /// <summary><c>v1</c> or <c>apps/v1</c>.</summary>
    public string ApiVersion => Group.Length == 0 ? Version : $"{Group}/{Version}";

    /// <summary>The path of one object, a collection (empty name), or one of its subresources.</summary>
    /// <remarks>An empty namespace of a namespaced kind means all namespaces.</remarks>
    public string Path(string? ns = null, string? name = null, string? subresource = null)
    {
        var path = Group.Length == 0 ? $"/api/{Version}" : $"/apis/{Group}/{Version}";
        if (Namespaced && !string.IsNullOrEmpty(ns))
        {
            path += $"/namespaces/{Uri.EscapeDataString(ns)}";
        }

        path += $"/{Plural}";
        if (!string.IsNullOrEmpty(name))
        {
            path += $"/{Uri.EscapeDataString(name)}";
        }

        return string.IsNullOrEmpty(subresource) ? path : $"{path}/{subresource}";
    }

    public override string ToString() => Group.Length == 0 ? Plural : $"{Plural}.{Group}";
}

/// <summary>A kind of object with the record that holds it.</summary>
public sealed record KubeResource<T>(string Group, string Version, string Plural, string Kind, bool Namespaced)
    : KubeResource(Group, Version, Plural, Kind, Namespaced)
    where T : class, IKubeObject
{
    /// <summary>The generated code that reads and writes the record.</summary>
    public JsonTypeInfo<T> JsonTypeInfo => KubeJson.TypeInfo<T>();

    public override string ToString() => base.ToString();
}

/// <summary>Every kind that Fairlead knows.</summary>
public static class KubeResources
{
    public static KubeResource<Pod> Pods { get; } = new("", "v1", "pods", "Pod", true);

    public static KubeResource<Node> Nodes { get; } = new("", "v1", "nodes", "Node", false);

    public static KubeResource<Namespace> Namespaces { get; } = new("", "v1", "namespaces", "Namespace", false);

    public static KubeResource<Service> Services { get; } = new("", "v1", "services", "Service", true);

    public static KubeResource<ConfigMap> ConfigMaps { get; } = new("", "v1", "configmaps", "ConfigMap", true);

    public static KubeResource<Secret> Secrets { get; } = new("", "v1", "secrets", "Secret", true);

    public static KubeResource<ServiceAccount> ServiceAccounts { get; } = new("", "v1", "serviceaccounts", "ServiceAccount", true);

    public static KubeResource<Event> Events { get; } = new("", "v1", "events", "Event", true);

    public static KubeResource<Deployment> Deployments { get; } = new("apps", "v1", "deployments", "Deployment", true);

    public static KubeResource<ReplicaSet> ReplicaSets { get; } = new("apps", "v1", "replicasets", "ReplicaSet", true);

    public static KubeResource<DaemonSet> DaemonSets { get; } = new("apps", "v1", "daemonsets", "DaemonSet", true);

    public static KubeResource<EndpointSlice> EndpointSlices { get; } = new(
        "discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", true);

    public static KubeResource<Ingress> Ingresses { get; } = new("networking.k8s.io", "v1", "ingresses", "Ingress", true);

    public static KubeResource<NetworkPolicy> NetworkPolicies { get; } = new("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", true);

    public static KubeResource<IngressClass> IngressClasses { get; } = new(
        "networking.k8s.io", "v1", "ingressclasses", "IngressClass", false);

    public static KubeResource<Lease> Leases { get; } = new("coordination.k8s.io", "v1", "leases", "Lease", true);

    public static KubeResource<Role> Roles { get; } = new("rbac.authorization.k8s.io", "v1", "roles", "Role", true);

    public static KubeResource<RoleBinding> RoleBindings { get; } = new(
        "rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding", true);

    public static KubeResource<ClusterRole> ClusterRoles { get; } = new(
        "rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", false);

    public static KubeResource<ClusterRoleBinding> ClusterRoleBindings { get; } = new(
        "rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", false);

    /// <summary>All of them, in the order in which manifests are best applied.</summary>
    public static IReadOnlyList<KubeResource> All { get; } =
    [
        Namespaces, Nodes, ServiceAccounts, Secrets, ConfigMaps, ClusterRoles, ClusterRoleBindings, Roles, RoleBindings, Services, Pods,
        ReplicaSets, Deployments, DaemonSets, IngressClasses, Ingresses, NetworkPolicies, EndpointSlices, Leases, Events,
    ];

    /// <summary>The kind by the two fields that an object names itself with, or null.</summary>
    public static KubeResource? Find(string apiVersion, string kind)
        => All.FirstOrDefault(r => r.Kind == kind && r.ApiVersion == apiVersion);

    /// <summary>The same kind, read for its metadata only.</summary>
    public static KubeResource<PartialObject> Partial(KubeResource resource)
        => new(resource.Group, resource.Version, resource.Plural, resource.Kind, resource.Namespaced);
}
