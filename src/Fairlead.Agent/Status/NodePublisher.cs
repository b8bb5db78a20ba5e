using System.Text.Json.Nodes;
using Fairlead.Core.Nodes;
using Fairlead.Core.State;
using Fairlead.Kube.Client;
using Fairlead.Kube.Objects;
using Microsoft.Extensions.Logging;

namespace Fairlead.Agent.Status;

/// <summary>Tells the other nodes, on this node's object, where its end of the overlay is.</summary>
/// <remarks>It is given only topologies whose overlay is in force: a peer that reads the address may send at once.</remarks>
public sealed partial class NodePublisher(KubeClient client, ILogger<NodePublisher> logger) : IReconciler<NodeTopology>
{
    public string Name => "node-annotation";

    public async Task ReconcileAsync(NodeTopology desired, CancellationToken ct)
    {
        if (desired.Self is { } self && !self.Vtep.Equals(self.Published))
        {
            await PatchAsync(self.Name, VtepAddress.Format(self.Vtep), ct);
            LogPublished(VtepAddress.Annotation, VtepAddress.Format(self.Vtep));
        }
    }

    /// <summary>Leaves the object alone: an agent that is cleaned away has no credentials any more, as a rule.</summary>
    public Task CleanAsync(CancellationToken ct) => Task.CompletedTask;

    private Task<Node> PatchAsync(string node, string value, CancellationToken ct)
        => client.PatchAsync(
            KubeResources.Nodes, null, node, new JsonObject { ["metadata"] = new JsonObject { ["annotations"] = new JsonObject { [VtepAddress.Annotation] = value } } }, ct: ct);

    [LoggerMessage(LogLevel.Information, "Published {Annotation}={Value}")]
    private partial void LogPublished(string annotation, string value);
}
