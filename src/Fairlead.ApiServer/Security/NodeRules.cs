namespace Fairlead.ApiServer.Security;

/// <summary>What the agent of a node may do, beyond what roles grant it.</summary>
/// <remarks>
/// Reading what the data plane is compiled from is allowed to every node; writing only to the node's own object, and Events.
/// No Secrets, no tokens, no other's pods: whoever takes over one node must not have the cluster with it.
/// </remarks>
internal static class NodeRules
{
    private const string UserPrefix = "system:node:";
    private static readonly string[] s_readable = ["nodes", "pods", "services", "endpoints", "endpointslices", "namespaces", "networkpolicies"];

    public static bool Allows(UserInfo user, AccessRequest request)
    {
        var node = user.Name.StartsWith(UserPrefix, StringComparison.Ordinal) ? user.Name[UserPrefix.Length..] : "";
        return request switch
        {
            { Path: not null } => request.Verb == "get",
            { Verb: "get" or "list" or "watch", Subresource: "" } => s_readable.Contains(request.Resource),
            { Resource: "nodes", Verb: "update" or "patch" or "get", Subresource: "" or "status" } => node.Length > 0 && request.Name == node,
            { Resource: "events", Verb: "create" or "update" or "patch" } => true,
            _ => false,
        };
    }
}
