using System.Text.Json;
using System.Text.Json.Nodes;
using Fairlead.Core.Nodes;
using Fairlead.Core.State;
using Fairlead.Kube.Client;
using Fairlead.Kube.Objects;
using Microsoft.Extensions.Logging;

namespace Fairlead.Agent.Status;

/// <summary>Says on this node's object that its network is there (condition <c>NetworkUnavailable</c> is <c>False</c>).</summary>
/// <remarks>It is given only topologies whose overlay is in force.</remarks>
public sealed partial class NodeConditionReconciler(KubeClient client, TimeProvider time, ILogger<NodeConditionReconciler> logger) : IReconciler<NodeTopology>
{
    private const string ConditionType = "NetworkUnavailable";
    private const string Reason = "FairleadIsUp";
    private const int Attempts = 5;

    public string Name => "node-condition";

    public async Task ReconcileAsync(NodeTopology desired, CancellationToken ct)
    {
        if (desired.Self is not { } self)
        {
            return;
        }

        for (var attempt = 1; ; attempt++)
        {
            var node = await client.GetAsync(KubeResources.Nodes, null, self.Name, ct);
            if (node.Status.Conditions.Any(c => c is { Type: ConditionType, Status: "False" }))
            {
                return;
            }

            try
            {
                await client.PatchAsync(KubeResources.Nodes, null, self.Name, Patch(node), "status", ct);
                LogReady(ConditionType);
                return;
            }
            catch (KubeException e) when (e.IsConflict && attempt < Attempts)
            {
                // The kubelet wrote in between; a merge patch replaces the whole list, so it must be of the newest.
            }
        }
    }

    public Task CleanAsync(CancellationToken ct) => Task.CompletedTask;

    private JsonObject Patch(Node node)
    {
        var now = time.GetUtcNow();
        var condition = new Condition
        {
            Type = ConditionType,
            Status = "False",
            Reason = Reason,
            Message = "Fairlead's overlay and routes are in force on this node",
            LastHeartbeatTime = now,
            LastTransitionTime = now,
        };
        var conditions = new JsonArray();
        foreach (var c in node.Status.Conditions.Where(c => c.Type != ConditionType).Append(condition))
        {
            conditions.Add(JsonSerializer.SerializeToNode(c, KubeJson.TypeInfo<Condition>()));
        }

        return new JsonObject
        {
            ["metadata"] = new JsonObject { ["resourceVersion"] = node.Metadata.ResourceVersion },
            ["status"] = new JsonObject { ["conditions"] = conditions },
        };
    }

    [LoggerMessage(LogLevel.Information, "Node condition {Condition} is now False: pods may come")]
    private partial void LogReady(string condition);
}
