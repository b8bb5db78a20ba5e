using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Fairlead.ApiServer.Bootstrap;

/// <summary>The roles and bindings that every cluster has from the start.</summary>
internal static class BuiltInRoles
{
    private static readonly string[] s_read = ["get", "list", "watch"];
    private static readonly string[] s_write = ["create", "delete", "deletecollection", "patch", "update"];
    private static readonly string[] s_all = [.. s_write, .. s_read];

    private static readonly string[] s_viewCore =
        ["configmaps", "endpoints", "events", "namespaces", "pods", "pods/log", "pods/status", "serviceaccounts", "services", "services/status"];

    private static readonly string[] s_viewApps =
        ["controllerrevisions", "daemonsets", "daemonsets/status", "deployments", "deployments/scale", "deployments/status", "replicasets", "replicasets/scale", "replicasets/status"];

    private static readonly string[] s_viewNetworking = ["ingresses", "ingresses/status", "networkpolicies"];

    public static IEnumerable<JsonObject> ClusterRoles() =>
    [
        Role("cluster-admin", [Rule(["*"], ["*"], ["*"]), Paths(["*"], ["*"])]),
        Role("admin", [.. ViewRules(), .. EditRules(), Rule(["rbac.authorization.k8s.io"], ["roles", "rolebindings"], s_all)]),
        Role("edit", [.. ViewRules(), .. EditRules()]),
        Role("view", ViewRules()),
        Role("system:basic-user",
        [
            Rule(["authorization.k8s.io"], ["selfsubjectaccessreviews", "selfsubjectrulesreviews"], ["create"]),
            Rule(["authentication.k8s.io"], ["selfsubjectreviews"], ["create"]),
        ]),
        Role("system:discovery", [Paths(["/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*", "/readyz", "/version", "/version/"], ["get"])]),
        Role("system:public-info-viewer", [Paths(["/healthz", "/livez", "/readyz", "/version", "/version/"], ["get"])]),
        Role("system:auth-delegator",
        [
            Rule(["authentication.k8s.io"], ["tokenreviews"], ["create"]),
            Rule(["authorization.k8s.io"], ["subjectaccessreviews"], ["create"]),
        ]),
        Role("system:node", []),
        Role("system:node-proxier",
        [
            Rule([""], ["services", "endpoints", "nodes"], s_read),
            Rule(["discovery.k8s.io"], ["endpointslices"], s_read),
            Rule(["", "events.k8s.io"], ["events"], ["create", "patch", "update"]),
        ]),
        Role("system:coredns",
        [
            Rule([""], ["endpoints", "services", "pods", "namespaces"], ["list", "watch"]),
            Rule(["discovery.k8s.io"], ["endpointslices"], ["list", "watch"]),
        ]),
    ];

    public static IEnumerable<JsonObject> ClusterRoleBindings() =>
    [
        Binding("cluster-admin", "system:masters"),
        Binding("system:basic-user", "system:authenticated"),
        Binding("system:discovery", "system:authenticated"),
        Binding("system:public-info-viewer", "system:authenticated", "system:unauthenticated"),
    ];

    private static ImmutableArray<JsonObject> ViewRules() =>
    [
        Rule([""], s_viewCore, s_read),
        Rule(["apps"], s_viewApps, s_read),
        Rule(["networking.k8s.io"], s_viewNetworking, s_read),
        Rule(["discovery.k8s.io"], ["endpointslices"], s_read),
    ];

    private static ImmutableArray<JsonObject> EditRules() =>
    [
        Rule([""], ["configmaps", "endpoints", "events", "pods", "secrets", "serviceaccounts", "services"], s_write),
        Rule([""], ["secrets"], s_read),
        Rule([""], ["pods/eviction", "serviceaccounts/token"], ["create"]),
        Rule(["apps"], ["daemonsets", "deployments", "deployments/scale", "replicasets", "replicasets/scale"], s_write),
        Rule(["networking.k8s.io"], ["ingresses", "networkpolicies"], s_write),
        Rule(["coordination.k8s.io"], ["leases"], s_all),
    ];

    private static JsonObject Role(string name, IEnumerable<JsonObject> rules) => new()
    {
        ["apiVersion"] = "rbac.authorization.k8s.io/v1",
        ["kind"] = "ClusterRole",
        ["metadata"] = Meta(name),
        ["rules"] = new JsonArray([.. rules]),
    };

    private static JsonObject Binding(string role, params ReadOnlySpan<string> groups)
    {
        var subjects = new JsonArray();
        foreach (var group in groups)
        {
            subjects.Add((JsonNode)new JsonObject { ["kind"] = "Group", ["apiGroup"] = "rbac.authorization.k8s.io", ["name"] = group });
        }

        return new JsonObject
        {
            ["apiVersion"] = "rbac.authorization.k8s.io/v1",
            ["kind"] = "ClusterRoleBinding",
            ["metadata"] = Meta(role),
            ["roleRef"] = new JsonObject { ["apiGroup"] = "rbac.authorization.k8s.io", ["kind"] = "ClusterRole", ["name"] = role },
            ["subjects"] = subjects,
        };
    }

    private static JsonObject Meta(string name)
        => new() { ["name"] = name, ["labels"] = new JsonObject { ["kubernetes.io/bootstrapping"] = "rbac-defaults" } };

    private static JsonObject Rule(string[] groups, string[] resources, string[] verbs)
        => new() { ["apiGroups"] = Texts(groups), ["resources"] = Texts(resources), ["verbs"] = Texts(verbs) };

    private static JsonObject Paths(string[] paths, string[] verbs) => new() { ["nonResourceURLs"] = Texts(paths), ["verbs"] = Texts(verbs) };

    private static JsonArray Texts(string[] texts) => new([.. texts.Select(t => (JsonNode)t)]);
}
