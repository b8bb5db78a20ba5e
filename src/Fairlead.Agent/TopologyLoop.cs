using System.Net;
using Fairlead.Agent.Ipam;
using Fairlead.Agent.Overlay;
using Fairlead.Agent.Problems;
using Fairlead.Core.Nodes;
using Fairlead.Kube.Informers;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Microsoft.Extensions.Logging;

namespace Fairlead.Agent;

/// <summary>Turns the newest Nodes into the newest topology, and publishes it again when the kernel was tampered with.</summary>
/// <remarks>
/// An API server that does not answer at the start is not waited for: what it last said is kept on disk, and is gone by. Whatever is
/// done by an old state is done again by the next one, so nothing is lost by that but news.
/// </remarks>
internal sealed partial class TopologyLoop(
    Snapshot<Store<Node>> nodes, NodeTopologySource source, EquatableArray<IPNetwork> services, Func<IReadOnlyList<HostRange>> host, LastKnown lastKnown,
    Uri? api, ProblemBoard board, TimeProvider time, ILogger<TopologyLoop> logger)
{
    /// <summary>How long the API server may take for its first answer before the last known state is gone by.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>How often a range that was refused is looked at again, and the least time between two states on disk.</summary>
    private static readonly TimeSpan s_again = TimeSpan.FromSeconds(5);

    private readonly Snapshot<object> _drift = new(new object());
    private EquatableArray<IPNetwork> _inUse;
    private Store<Node>? _old;

    /// <summary>Told when a node becomes known, where that is timed.</summary>
    public PathClock? Clock { get; init; }

    /// <summary>What the reconcilers follow.</summary>
    public Snapshot<NodeTopology> Topology { get; } = new(NodeTopology.Unknown);

    /// <summary>Has the reconcilers look again, though no Node changed.</summary>
    public void Ring() => _drift.Publish(new object());

    public async Task RunAsync(CancellationToken ct)
    {
        var kept = lastKnown.Read();
        _inUse = kept?.InUse ?? [];
        var start = time.GetTimestamp();
        var (told, drift) = (NodeTopology.Unknown, _drift.Current);
        (Store<Node>? Store, NodeTopology? Topology, bool Refused) seen = default;
        (Store<Node>? Store, EquatableArray<IPNetwork> InUse, long At) written = (null, _inUse, start);
        while (true)
        {
            var live = nodes.Current;
            var store = live.Synced || time.GetElapsedTime(start) < Patience ? live : Old(kept) ?? live;
            if (live.Synced)
            {
                board.Set("api");
            }

            var compiled = source.Update(store);
            var bell = _drift.Current;
            var rung = !ReferenceEquals(drift, bell);
            drift = bell;
            if (!ReferenceEquals(compiled, seen.Topology) || rung || seen.Refused)
            {
                var (next, problems) = compiled.Self is null ? (compiled, []) : RangeGuard.Check(compiled, _inUse, services, host());
                seen = (store, compiled, problems.Count > 0);
                board.Set("nodes", [.. compiled.Diagnostics.Select(d => Of(d, compiled)), .. problems]);
                if (!next.Equals(told) || rung)
                {
                    Tell(told, next);
                    told = next;
                    _inUse = next.Self?.PodRanges ?? _inUse;

                    // Loops tell values apart by reference: a copy is a reason to look again.
                    Topology.Publish(rung ? next with { } : next);
                }
            }

            var isNews = live.Synced && (!ReferenceEquals(live, written.Store) || _inUse != written.InUse);
            if (isNews && (written.Store is null || time.GetElapsedTime(written.At) >= s_again))
            {
                Keep(live);
                written = (live, _inUse, time.GetTimestamp());
                isNews = false;
            }

            // Until the first answer, and while something is to be tried again, time passes by itself.
            await ((Task)Task.WhenAny(nodes.ChangedAsync(live), _drift.ChangedAsync(drift)))
                .WaitAsync(!live.Synced || seen.Refused || isNews ? s_again : Timeout.InfiniteTimeSpan, time, ct)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            ct.ThrowIfCancellationRequested();
        }
    }

    /// <summary>The Nodes of before, with the warning that they are of before.</summary>
    private Store<Node>? Old(LastKnown.State? kept)
    {
        var server = api is null ? "the API server" : $"the API server at {api}";
        board.Set("api", kept is null
            ? new Problem(
                "ApiServerUnreachable",
                $"{server} has not answered since this agent started, and {lastKnown.File} holds no earlier state: nothing is set up until it answers; check the server, the way to it, and --kubeconfig",
                Blocks: true)
            : new Problem(
                "ApiServerUnreachable",
                $"{server} has not answered since this agent started: the state of {kept.At:yyyy-MM-dd'T'HH:mm:ss'Z'} is in force and may be old; check the server, the way to it, and --kubeconfig"));
        return kept is null ? null : _old ??= Store.Of(kept.Nodes);
    }

    private void Keep(Store<Node> store)
    {
        try
        {
            lastKnown.Write(new(time.GetUtcNow(), [.. store.Values], _inUse));
            board.Set("state");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            board.Set("state", new Problem("StateNotKept", $"{lastKnown.File} cannot be written: {e.Message}; an agent that starts while the API server is away would know nothing"));
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
            Clock?.Joined(peer.Name);
            LogJoined(peer.Name, string.Join(", ", peer.PodRanges), peer.Addresses);
        }

        foreach (var peer in before.Peers.ExceptBy(now.Peers.Select(p => p.Name), p => p.Name, StringComparer.Ordinal))
        {
            Clock?.Left(peer.Name);
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
