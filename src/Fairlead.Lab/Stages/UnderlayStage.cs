using Fairlead.Lab.Nodes;
using Fairlead.Topology;

namespace Fairlead.Lab.Stages;

/// <summary>The network below the cluster: nodes' namespaces, two subnets, the router and the way to the host.</summary>
internal sealed class UnderlayStage(string lab, UnderlayPlan plan) : ILabStage
{
    private readonly NetworkTopology _topology = UnderlayTopology.Draw(lab, plan);

    public string Name => "underlay: nodes, router, link to the host";

    public Task StartAsync(CancellationToken ct)
    {
        new TopologyReconciler().Apply(_topology, ct: ct);
        return Task.CompletedTask;
    }

    public ValueTask DisposeAsync()
    {
        new TopologyReconciler().Delete(_topology);
        return ValueTask.CompletedTask;
    }
}
