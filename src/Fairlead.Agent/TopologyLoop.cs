using Fairlead.Agent.Problems;
using Fairlead.Core.Nodes;
using Fairlead.Kube.Informers;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Microsoft.Extensions.Logging;

namespace Fairlead.Agent;

/// <summary>Turns the newest Nodes into the newest topology, and publishes it again when the kernel was tampered with.</summary>
internal sealed partial class TopologyLoop(Snapshot<Store<Node>> nodes, NodeTopologySource source, ProblemBoard board, ILogger<TopologyLoop> logger)
{
    private readonly Snapshot<object> _drift = new(new object());

    /// <summary>What the reconcilers follow.</summary>
    public Snapshot<NodeTopology> Topology { get; } = new(NodeTopology.Unknown);

    /// <summary>Has the reconcilers look again, though no Node changed.</summary>
    public void Ring() => _drift.Publish(new object());

    public async Task RunAsync(CancellationToken ct)
    {
        var told = NodeTopology.Unknown;
        var drift = _drift.Current;
        while (true)
        {
            var store = nodes.Current;
            var next = source.Update(store);
            var bell = _drift.Current;
            var rung = !ReferenceEquals(drift, bell);
            drift = bell;
            if (!ReferenceEquals(next, told) || rung)
            {
                board.Set("nodes", next.Diagnostics.Select(d => Of(d, next)));
                Tell(told, next);
                told = next;

                // Loops tell values apart by reference: a copy is a reason to look again.
                Topology.Publish(rung ? next with { } : next);
            }

            await Task.WhenAny(nodes.ChangedAsync(store), _drift.ChangedAsync(drift)).WaitAsync(ct);
        }
    }

    /// <summary>What keeps this node out of the network stops its pods; what keeps another one out is that node's.</summary>
    private Problem Of(NodeDiagnostic diagnostic, NodeTopology topology)
        => new(
            diagnostic.Reason, diagnostic.Message, Blocks: topology.Self is null && diagnostic.Node == source.Self,
            Node: diagnostic.Node == source.Self ? null : diagnostic.Node);

    private void Tell(NodeTopology before, NodeTopology now)
    {
        if (now.Self is { } self && before.Self?.PodRanges != self.PodRanges)
        {
            LogRange(string.Join(", ", self.PodRanges), self.Name, self.Addresses);
        }

        foreach (var peer in now.Peers.ExceptBy(before.Peers.Select(p => p.Name), p => p.Name, StringComparer.Ordinal))
        {
            LogJoined(peer.Name, string.Join(", ", peer.PodRanges), peer.Addresses);
        }

        foreach (var peer in before.Peers.ExceptBy(now.Peers.Select(p => p.Name), p => p.Name, StringComparer.Ordinal))
        {
            LogLeft(peer.Name, string.Join(", ", peer.PodRanges));
        }
    }

    [LoggerMessage(LogLevel.Information, "Took pod range {PodRange} for node {Node} at {Address}")]
    private partial void LogRange(string podRange, string node, NodeAddresses address);

    [LoggerMessage(LogLevel.Information, "Node {Node} joined: pods {PodRange} behind {Address}")]
    private partial void LogJoined(string node, string podRange, NodeAddresses address);

    [LoggerMessage(LogLevel.Information, "Node {Node} left: pods {PodRange}")]
    private partial void LogLeft(string node, string podRange);
}
