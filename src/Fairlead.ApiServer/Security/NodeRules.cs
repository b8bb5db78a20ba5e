namespace Fairlead.ApiServer.Security;

/// <summary>What the agent of a node may do, beyond what roles grant it.</summary>
/// <remarks>
/// Reading what the data plane is compiled from is allowed to every node; writing only to the node's own object, Events, and the Leases
/// by which nodes divide the pod range between them.
/// No Secrets, no tokens, no other's pods: whoever takes over one node must not have the cluster with it.
/// </remarks>
internal static class NodeRules
{
    private const string UserPrefix = "system:node:";
    private const string BlockPrefix = "fairlead-block";
    private static readonly string[] s_readable = ["nodes", "pods", "services", "endpoints", "endpointslices", "namespaces", "networkpolicies"];

    public static bool Allows(UserInfo user, AccessRequest request)
    {
        var node = user.Name.StartsWith(UserPrefix, StringComparison.Ordinal) ? user.Name[UserPrefix.Length..] : "";
        return request switch
        {
            { Path: not null } => request.Verb == "get",
            { Resource: "leases", Namespace: "kube-system", Verb: "list" or "create" } => true,
            { Resource: "leases", Namespace: "kube-system", Verb: "get" or "update" or "delete" } => request.Name.StartsWith(BlockPrefix, StringComparison.Ordinal),
            { Verb: "get" or "list" or "watch", Subresource: "" } => s_readable.Contains(request.Resource),
            { Resource: "nodes", Verb: "update" or "patch" or "get", Subresource: "" or "status" } => node.Length > 0 && request.Name == node,
            { Resource: "events", Verb: "create" or "update" or "patch" } => true,
            _ => false,
        };
    }
}
