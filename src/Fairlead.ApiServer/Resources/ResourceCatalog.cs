using System.Collections.Frozen;
using System.Collections.Immutable;
using Fairlead.ApiServer.Admission.Kinds;
using Fairlead.ApiServer.Schema;
using Fairlead.ApiServer.Tables;

namespace Fairlead.ApiServer.Resources;

/// <summary>Every resource that the server has, in the order in which discovery lists them.</summary>
internal static class ResourceCatalog
{
    public static readonly ImmutableArray<ApiResource> All =
    [
        Core("pods", "Pod") with
        {
            ShortNames = ["po"], Categories = ["all"], Rules = PodRules.Rules, Columns = PodTable.Columns,
            Subresources = ["binding", "eviction", "log", "status"],
            SelectableFields = ["spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "spec.hostNetwork", "status.phase", "status.podIP", "status.nominatedNodeName"],
        },
        Core("services", "Service") with
        {
            ShortNames = ["svc"], Categories = ["all"], Rules = ServiceRules.Rules, Columns = NetworkTables.Services,
            Subresources = ["status"], SelectableFields = ["spec.clusterIP", "spec.type"],
        },
        Core("endpoints", "Endpoints") with { ShortNames = ["ep"], Columns = NetworkTables.Endpoints },
        Core("namespaces", "Namespace") with
        {
            ShortNames = ["ns"], Namespaced = false, Rules = CoreRules.Namespace, Columns = CoreTables.Namespaces,
            Subresources = ["finalize", "status"], SelectableFields = ["status.phase"],
        },
        Core("nodes", "Node") with
        {
            ShortNames = ["no"], Namespaced = false, Rules = CoreRules.Node, Columns = CoreTables.Nodes, Subresources = ["status"], SelectableFields = ["spec.unschedulable"],
        },
        Core("configmaps", "ConfigMap") with { ShortNames = ["cm"], Rules = CoreRules.ConfigMap, Columns = CoreTables.ConfigMaps },
        Core("secrets", "Secret") with { Rules = CoreRules.Secret, Columns = CoreTables.Secrets, SelectableFields = ["type"] },
        Core("serviceaccounts", "ServiceAccount") with { ShortNames = ["sa"], Columns = CoreTables.ServiceAccounts, Subresources = ["token"] },
        Core("events", "Event") with
        {
            ShortNames = ["ev"], Columns = CoreTables.Events,
            SelectableFields =
            [
                "involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid", "involvedObject.apiVersion",
                "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason", "reportingComponent", "source", "type",
            ],
        },
        Core("bindings", "Binding") with { Ephemeral = true },
        In("apps", "deployments", "Deployment") with
        {
            ShortNames = ["deploy"], Categories = ["all"], Rules = WorkloadRules.Deployment, Columns = WorkloadTables.Deployments, Subresources = ["scale", "status"],
        },
        In("apps", "replicasets", "ReplicaSet") with
        {
            ShortNames = ["rs"], Categories = ["all"], Rules = WorkloadRules.ReplicaSet, Columns = WorkloadTables.ReplicaSets,
            Subresources = ["scale", "status"], SelectableFields = ["status.replicas"],
        },
        In("apps", "daemonsets", "DaemonSet") with
        {
            ShortNames = ["ds"], Categories = ["all"], Rules = WorkloadRules.DaemonSet, Columns = WorkloadTables.DaemonSets, Subresources = ["status"],
        },
        In("apps", "controllerrevisions", "ControllerRevision") with { Columns = WorkloadTables.ControllerRevisions },
        In("networking.k8s.io", "ingresses", "Ingress") with
        {
            ShortNames = ["ing"], Rules = NetworkingRules.Ingress, Columns = NetworkTables.Ingresses, Subresources = ["status"],
        },
        In("networking.k8s.io", "ingressclasses", "IngressClass") with { Namespaced = false, Rules = NetworkingRules.IngressClass, Columns = NetworkTables.IngressClasses },
        In("networking.k8s.io", "networkpolicies", "NetworkPolicy") with { ShortNames = ["netpol"], Rules = NetworkingRules.NetworkPolicy, Columns = NetworkTables.NetworkPolicies },
        In("discovery.k8s.io", "endpointslices", "EndpointSlice") with { Rules = NetworkingRules.EndpointSlice, Columns = NetworkTables.EndpointSlices },
        In("events.k8s.io", "events", "Event") with
        {
            ShortNames = ["ev"], Columns = CoreTables.Events, StoreName = "events", View = EventView.Instance,
            SelectableFields =
            [
                "regarding.kind", "regarding.namespace", "regarding.name", "regarding.uid", "regarding.apiVersion",
                "regarding.resourceVersion", "regarding.fieldPath", "reason", "reportingController", "type",
            ],
        },
        In("coordination.k8s.io", "leases", "Lease") with { Columns = CoreTables.Leases },
        In("rbac.authorization.k8s.io", "roles", "Role") with { Rules = CoreRules.Rbac, Columns = CoreTables.Roles },
        In("rbac.authorization.k8s.io", "rolebindings", "RoleBinding") with { Rules = CoreRules.Binding, Columns = CoreTables.RoleBindings },
        In("rbac.authorization.k8s.io", "clusterroles", "ClusterRole") with { Namespaced = false, Rules = CoreRules.Rbac, Columns = CoreTables.Roles },
        In("rbac.authorization.k8s.io", "clusterrolebindings", "ClusterRoleBinding") with { Namespaced = false, Rules = CoreRules.Binding, Columns = CoreTables.RoleBindings },
        In("authentication.k8s.io", "tokenreviews", "TokenReview") with { Namespaced = false, Ephemeral = true },
        In("authentication.k8s.io", "selfsubjectreviews", "SelfSubjectReview") with { Namespaced = false, Ephemeral = true },
        In("authorization.k8s.io", "selfsubjectaccessreviews", "SelfSubjectAccessReview") with { Namespaced = false, Ephemeral = true },
        In("authorization.k8s.io", "selfsubjectrulesreviews", "SelfSubjectRulesReview") with { Namespaced = false, Ephemeral = true },
        In("authorization.k8s.io", "subjectaccessreviews", "SubjectAccessReview") with { Namespaced = false, Ephemeral = true },
        In("authorization.k8s.io", "localsubjectaccessreviews", "LocalSubjectAccessReview") with { Ephemeral = true },
    ];

    private static readonly FrozenDictionary<(string, string, string), ApiResource> s_byPath
        = All.ToFrozenDictionary(r => (r.Group, r.Version, r.Plural));

    /// <summary>Groups with their resources, the core group ("") first.</summary>
    public static readonly ImmutableArray<IGrouping<string, ApiResource>> Groups = [.. All.GroupBy(r => r.Group, StringComparer.Ordinal)];

    public static ApiResource? Find(string group, string version, string plural) => s_byPath.GetValueOrDefault((group, version, plural));

    /// <summary>The resource in the form it is stored in.</summary>
    public static ApiResource Stored(string group, string plural) => s_byPath[(group, "v1", plural)];

    private static ApiResource Core(string plural, string kind) => new("", "v1", plural, kind, KubeSchema.Type($"core.{kind}"));

    private static ApiResource In(string group, string plural, string kind)
        => new(group, "v1", plural, kind, KubeSchema.Type($"{group.Split('.')[0]}.{kind}"));
}
