using System.Text.Json.Nodes;
using Fairlead.Agent.Overlay;
using Fairlead.Core.Nodes;
using Fairlead.Core.State;
using Fairlead.Kube.Client;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Microsoft.Extensions.Logging;

namespace Fairlead.Agent.Status;

/// <summary>Tells the other nodes, on this node's object, how it carries packets and where its end of the overlay is.</summary>
/// <remarks>It is given only topologies whose overlay is in force: a peer that reads the address may send at once.</remarks>
internal sealed partial class NodePublisher(KubeClient client, Snapshot<OverlayInForce> overlay, ILogger<NodePublisher> logger) : IReconciler<NodeTopology>
{
    public string Name => "node-annotation";

    public async Task ReconcileAsync(NodeTopology desired, CancellationToken ct)
    {
        var inForce = overlay.Current;
        if (desired.Self is not { } self || !inForce.Topology.IsKnown)
        {
            return;
        }

        var wanted = new JsonObject();
        Say(wanted, VtepAddress.Annotation, VtepAddress.Format(self.Vtep), self.Published is { } published ? VtepAddress.Format(published) : null);
        Say(wanted, NodeAnnotations.Overlay, inForce.Kind.Name(), self.PublishedOverlay);
        Say(wanted, NodeAnnotations.WireGuardKey, inForce.PublicKey, self.PublishedKey);
        if (wanted.Count > 0)
        {
            await client.PatchAsync(KubeResources.Nodes, null, self.Name, new JsonObject { ["metadata"] = new JsonObject { ["annotations"] = wanted } }, ct: ct);
            LogPublished(wanted.ToJsonString());
        }
    }

    /// <summary>Leaves the object alone: an agent that is cleaned away has no credentials any more, as a rule.</summary>
    public Task CleanAsync(CancellationToken ct) => Task.CompletedTask;

    /// <summary>Null removes an annotation.</summary>
    private static void Say(JsonObject annotations, string name, string? value, string? published)
    {
        if (value != published)
        {
            annotations[name] = value;
        }
    }

    [LoggerMessage(LogLevel.Information, "Published {Annotations}")]
    private partial void LogPublished(string annotations);
}
