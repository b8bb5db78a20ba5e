using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using static Fairlead.ApiServer.Tables.TableColumns;

namespace Fairlead.ApiServer.Tables;

/// <summary>The columns of nodes, namespaces, configuration, events, leases and roles.</summary>
internal static class CoreTables
{
    private const string RolePrefix = "node-role.kubernetes.io/";

    public static readonly TableColumns Nodes = new(
    [
        Name,
        Text("Status", NodeStatus),
        Text("Roles", NodeRoles),
        Age,
        Text("Version", o => o.Text("status", "nodeInfo", "kubeletVersion")),
        Text("Internal-IP", o => NodeAddress(o, "InternalIP"), 1),
        Text("External-IP", o => NodeAddress(o, "ExternalIP"), 1),
        Text("OS-Image", o => OrUnknown(o.Text("status", "nodeInfo", "osImage")), 1),
        Text("Kernel-Version", o => OrUnknown(o.Text("status", "nodeInfo", "kernelVersion")), 1),
        Text("Container-Runtime", o => OrUnknown(o.Text("status", "nodeInfo", "containerRuntimeVersion")), 1),
    ]);

    public static readonly TableColumns Namespaces = new([Name, Text("Status", o => o.Text("status", "phase")), Age]);

    public static readonly TableColumns ConfigMaps = new([Name, new("Data", "string", "", 0, (o, _) => JsonValue.Create(o.Entries("data").Count() + o.Entries("binaryData").Count())), Age]);

    public static readonly TableColumns Secrets = new([Name, Text("Type", o => o.Text("type")), new("Data", "string", "", 0, (o, _) => JsonValue.Create(o.Entries("data").Count())), Age]);

    public static readonly TableColumns ServiceAccounts = new([Name, new("Secrets", "string", "", 0, (o, _) => JsonValue.Create(o.Items("secrets").Count())), Age]);

    public static readonly TableColumns Events = new(
    [
        Timed("Last Seen", (o, c) => Ages.Since(LastSeen(o), c.Now)),
        Text("Type", o => o.Text("type")),
        Text("Reason", o => o.Text("reason")),
        Text("Object", o => o.Text("involvedObject", "name") is { Length: > 0 } name ? $"{o.Text("involvedObject", "kind").ToLowerInvariant()}/{name}" : o.Text("involvedObject", "kind").ToLowerInvariant()),
        Text("Subobject", o => o.Text("involvedObject", "fieldPath"), 1),
        Text("Source", EventSource, 1),
        Text("Message", o => o.Text("message").Trim()),
        Timed("First Seen", (o, c) => Ages.Since(FirstOf(o.Text("firstTimestamp"), o.Text("eventTime")), c.Now), 1),
        new("Count", "string", "", 1, (o, _) => JsonValue.Create(o.Number("series", "count") ?? o.Number("count") ?? 1)),
        new("Name", "string", "name", 1, (o, _) => JsonValue.Create(o.Text("metadata", "name"))),
    ]);

    public static readonly TableColumns Leases = new([Name, Text("Holder", o => o.Text("spec", "holderIdentity")), Age]);

    public static readonly TableColumns Roles = new([Name, Text("Created At", o => o.Text("metadata", "creationTimestamp"))]);

    public static readonly TableColumns RoleBindings = new(
    [
        Name,
        Text("Role", o => $"{o.Text("roleRef", "kind")}/{o.Text("roleRef", "name")}"),
        Age,
        Text("Users", o => Subjects(o, "User"), 1),
        Text("Groups", o => Subjects(o, "Group"), 1),
        Text("ServiceAccounts", o => Subjects(o, "ServiceAccount"), 1),
    ]);

    private static string OrUnknown(string text) => text.Length == 0 ? "<unknown>" : text;

    private static string FirstOf(string a, string b) => a.Length > 0 ? a : b;

    private static string LastSeen(JsonObject o)
        => FirstOf(o.Text("series", "lastObservedTime"), FirstOf(o.Text("lastTimestamp"), FirstOf(o.Text("eventTime"), o.Text("firstTimestamp"))));

    private static string EventSource(JsonObject o)
    {
        var component = FirstOf(o.Text("source", "component"), o.Text("reportingComponent"));
        var host = FirstOf(o.Text("source", "host"), o.Text("reportingInstance"));
        return host.Length > 0 ? $"{component}, {host}" : component;
    }

    private static string NodeStatus(JsonObject node)
    {
        var ready = node.Items("status", "conditions").FirstOrDefault(c => c.Text("type") == "Ready");
        var status = ready is null ? "Unknown" : ready.Text("status") == "True" ? "Ready" : "NotReady";
        return node.Flag("spec", "unschedulable") ? $"{status},SchedulingDisabled" : status;
    }

    private static string NodeRoles(JsonObject node)
    {
        var roles = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var (key, value) in node.Entries("metadata", "labels"))
        {
            if (key.StartsWith(RolePrefix, StringComparison.Ordinal) && key.Length > RolePrefix.Length)
            {
                roles.Add(key[RolePrefix.Length..]);
            }
            else if (key == "kubernetes.io/role" && value.Text().Length > 0)
            {
                roles.Add(value.Text());
            }
        }

        return roles.Count == 0 ? "<none>" : string.Join(',', roles);
    }

    private static string NodeAddress(JsonObject node, string type)
        => node.Items("status", "addresses").FirstOrDefault(a => a.Text("type") == type).Text("address") is { Length: > 0 } address ? address : "<none>";

    private static string Subjects(JsonObject binding, string kind)
        => string.Join(", ", binding.Items("subjects").Where(s => s.Text("kind") == kind)
            .Select(s => kind == "ServiceAccount" ? $"{s.Text("namespace")}/{s.Text("name")}" : s.Text("name")));
}
