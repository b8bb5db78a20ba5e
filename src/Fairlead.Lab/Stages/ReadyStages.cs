using System.Net;
using System.Net.Sockets;
using Fairlead.Kube.Informers;
using Fairlead.Kube.Objects;
using Fairlead.Lab.Nodes;

namespace Fairlead.Lab.Stages;

/// <summary>Waits until something of the cluster is as it should be; says what it still lacks when it never gets there.</summary>
internal sealed class WaitStage<T>(string name, Func<Informer<T>> informer, Func<Store<T>, string?> lacks, LabPaths paths, TimeProvider time) : ILabStage
    where T : class, IKubeObject
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    public string Name => name;

    public async Task StartAsync(CancellationToken ct)
    {
        using var patience = new CancellationTokenSource(s_patience, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(ct, patience.Token);
        var missing = "an answer of the API server";
        try
        {
            await foreach (var store in informer().Snapshot.WatchAsync(both.Token))
            {
                if (store.Synced && (missing = lacks(store)) is null)
                {
                    return;
                }
            }
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested && !ct.IsCancellationRequested)
        {
            throw new LabException($"{name}: after {s_patience.TotalSeconds:0} s there is still no {missing}", $"look into {paths.Log} and {paths.Run}/nodes/*/agent.log");
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}

/// <summary>What the stages wait for.</summary>
internal static class Readiness
{
    /// <summary>Every node is Ready and its agent has made its network.</summary>
    public static string? OfNodes(Store<Node> nodes, UnderlayPlan underlay)
        => underlay.Nodes.Where(n => nodes.Find("", n.Name) is not { } node || !IsReady(node)).Select(n => $"ready {n.Name}").FirstOrDefault();

    public static bool IsReady(Node node)
        => node.Status.Conditions.Any(c => c.Type == "Ready" && c.Status == "True")
            && node.Status.Conditions.Any(c => c.Type == "NetworkUnavailable" && c.Status == "False");

    /// <summary>All replicas of a Deployment are available in its newest form.</summary>
    public static string? OfDeployment(Store<Deployment> deployments, string ns, string name)
        => deployments.Find(ns, name) is { } d
            && d.Status.ObservedGeneration >= d.Metadata.Generation
            && d.Status.AvailableReplicas >= (d.Spec.Replicas ?? 1)
            && d.Status.UpdatedReplicas >= (d.Spec.Replicas ?? 1)
                ? null
                : $"available replica of {ns}/{name}";
}

/// <summary>Waits for the first answer through a node's port: object, endpoint, rule and program all work.</summary>
internal sealed class AnswerStage(string name, IPEndPoint where, TimeProvider time) : ILabStage
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(10);

    public string Name => name;

    public async Task StartAsync(CancellationToken ct)
    {
        var started = time.GetTimestamp();
        while (true)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                await socket.ConnectAsync(where, ct).AsTask().WaitAsync(TimeSpan.FromSeconds(1), time, ct);
                return;
            }
            catch (Exception e) when (e is SocketException or TimeoutException)
            {
                if (time.GetElapsedTime(started) > s_patience)
                {
                    throw new LabException($"{name}: nothing answers at {where}: {e.Message}", "look into the logs of the pods with kubectl logs, after 'fairlead up --foreground'");
                }
            }

            // A refused connection comes back at once; the rule that will accept it is written by another process, which cannot be awaited here.
            await Task.Delay(s_pause, time, ct);
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
