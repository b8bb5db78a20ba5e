using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Fairlead.Core.Nodes;
using Fairlead.Kube.State;
using Microsoft.Extensions.Logging;

namespace Fairlead.Agent.Overlay;

/// <summary>Measures how long it takes from when another node is known until its pods can be reached.</summary>
internal sealed partial class PathClock(TimeProvider time, ILogger<PathClock> logger)
{
    private static readonly Meter s_meter = new("Fairlead.Agent");

    private static readonly Histogram<double> s_duration = s_meter.CreateHistogram<double>(
        "fairlead_node_path_duration_seconds", "s", "Time from a Node object's arrival to routes to its pods",
        advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30] });

    private readonly ConcurrentDictionary<string, long> _waiting = new(StringComparer.Ordinal);

    /// <summary>A node has become known.</summary>
    public void Joined(string node) => _waiting[node] = time.GetTimestamp();

    /// <summary>A node is gone.</summary>
    public void Left(string node) => _waiting.TryRemove(node, out _);

    /// <summary>Follows what is in force until cancelled.</summary>
    public async Task RunAsync(Snapshot<OverlayInForce> overlay, CancellationToken ct)
    {
        await foreach (var inForce in overlay.WatchAsync(ct))
        {
            foreach (var peer in _waiting.IsEmpty ? [] : inForce.Topology.Peers)
            {
                Reached(peer);
            }
        }
    }

    private void Reached(NodePeer peer)
    {
        if (_waiting.TryRemove(peer.Name, out var since))
        {
            var elapsed = time.GetElapsedTime(since);
            s_duration.Record(elapsed.TotalSeconds);
            LogReached(peer.Name, elapsed.TotalMilliseconds);
        }
    }

    [LoggerMessage(LogLevel.Information, "The path to node {Node} is in force {Milliseconds:F1} ms after it became known")]
    private partial void LogReached(string node, double milliseconds);
}
