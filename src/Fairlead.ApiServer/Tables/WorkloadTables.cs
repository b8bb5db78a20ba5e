using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Selection;
using static Fairlead.ApiServer.Tables.TableColumns;

namespace Fairlead.ApiServer.Tables;

/// <summary>The columns of Deployments, ReplicaSets and DaemonSets.</summary>
internal static class WorkloadTables
{
    private static readonly TableColumn s_containers = Text("Containers", o => string.Join(',', Containers(o).Select(c => c.Text("name"))), 1);

    private static readonly TableColumn s_images = Text("Images", o => string.Join(',', Containers(o).Select(c => c.Text("image"))), 1);

    private static readonly TableColumn s_selector = Text("Selector", o => LabelSelectors.Show(o.At("spec", "selector")), 1);

    public static readonly TableColumns Deployments = new(
    [
        Name,
        Text("Ready", o => $"{o.Number("status", "readyReplicas") ?? 0}/{o.Number("spec", "replicas") ?? 0}"),
        new("Up-to-date", "string", "", 0, (o, _) => JsonValue.Create(o.Number("status", "updatedReplicas") ?? 0)),
        new("Available", "string", "", 0, (o, _) => JsonValue.Create(o.Number("status", "availableReplicas") ?? 0)),
        Age, s_containers, s_images, s_selector,
    ]);

    public static readonly TableColumns ReplicaSets = new(
    [
        Name,
        Number("Desired", o => o.Number("spec", "replicas") ?? 0),
        Number("Current", o => o.Number("status", "replicas") ?? 0),
        Number("Ready", o => o.Number("status", "readyReplicas") ?? 0),
        Age, s_containers, s_images, s_selector,
    ]);

    public static readonly TableColumns DaemonSets = new(
    [
        Name,
        Number("Desired", o => o.Number("status", "desiredNumberScheduled") ?? 0),
        Number("Current", o => o.Number("status", "currentNumberScheduled") ?? 0),
        Number("Ready", o => o.Number("status", "numberReady") ?? 0),
        Number("Up-to-date", o => o.Number("status", "updatedNumberScheduled") ?? 0),
        Number("Available", o => o.Number("status", "numberAvailable") ?? 0),
        Text("Node Selector", o => LabelSelectors.ShowLabels(o.At("spec", "template").At("spec", "nodeSelector"))),
        Age, s_containers, s_images, s_selector,
    ]);

    public static readonly TableColumns ControllerRevisions = new(
    [
        Name,
        Text("Controller", o => o.Items("metadata", "ownerReferences").FirstOrDefault(r => r.Flag("controller")) is { } owner
            ? $"{owner.Text("kind").ToLowerInvariant()}{GroupOf(owner.Text("apiVersion"))}/{owner.Text("name")}" : "<none>"),
        Number("Revision", o => o.Number("revision") ?? 0),
        Age,
    ]);

    private static string GroupOf(string apiVersion) => apiVersion.IndexOf('/', StringComparison.Ordinal) is > 0 and var slash ? $".{apiVersion[..slash]}" : "";

    private static IEnumerable<JsonNode?> Containers(JsonObject o) => o.At("spec", "template").Items("spec", "containers");
}
