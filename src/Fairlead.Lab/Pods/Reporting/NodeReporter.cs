using Fairlead.Kube.Client;
using Fairlead.Kube.Objects;
using Fairlead.Lab.Pods.Sandboxes;
using Microsoft.Extensions.Logging;

namespace Fairlead.Lab.Pods.Reporting;

/// <summary>Keeps the Node object and the node's Lease: that the node is there, what it has and whether it can run pods.</summary>
internal sealed partial class NodeReporter(PodRuntimeOptions options, KubeClient client, NetworkReadiness readiness, Machine machine, TimeProvider time, ILogger logger)
{
    private const string LeaseNamespace = "kube-node-lease";
    private const int LeaseSeconds = 40;

    private static readonly TimeSpan s_renewal = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_heartbeat = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan s_firstRetry = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan s_longestRetry = TimeSpan.FromSeconds(10);

    public Task RunAsync(CancellationToken ct) => Task.WhenAll(KeepStatusAsync(ct), KeepLeaseAsync(ct));

    private async Task KeepStatusAsync(CancellationToken ct)
    {
        while (true)
        {
            var state = readiness.State.Current;
            await RetryAsync(() => WriteAsync(state, ct), ct);
            await readiness.State.ChangedAsync(state).WaitAsync(s_heartbeat, time, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            ct.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Reads and replaces, so that the agent, which reports on the same object, never loses its word to ours.</summary>
    private async Task WriteAsync(NetworkState state, CancellationToken ct)
    {
        var labels = NodeObjectCompiler.Labels(options, machine);
        var node = await client.FindAsync(KubeResources.Nodes, null, options.NodeName, ct)
            ?? await client.CreateAsync(KubeResources.Nodes, new Node { Metadata = new ObjectMeta { Name = options.NodeName, Labels = labels } }, ct);
        if (node.Metadata.Labels.With(labels) is var merged && merged != node.Metadata.Labels)
        {
            node = await client.UpdateAsync(KubeResources.Nodes, node with { Metadata = node.Metadata with { Labels = merged } }, ct);
        }

        var status = NodeObjectCompiler.Status(node.Status, options, machine, state, time.GetUtcNow());
        _ = await client.UpdateStatusAsync(KubeResources.Nodes, node with { Status = status }, ct);
    }

    private async Task KeepLeaseAsync(CancellationToken ct)
    {
        while (true)
        {
            await RetryAsync(() => RenewAsync(ct), ct);
            await Task.Delay(s_renewal, time, ct);
        }
    }

    private async Task RenewAsync(CancellationToken ct)
    {
        var spec = new LeaseSpec { HolderIdentity = options.NodeName, LeaseDurationSeconds = LeaseSeconds, RenewTime = time.GetUtcNow() };
        var lease = await client.FindAsync(KubeResources.Leases, LeaseNamespace, options.NodeName, ct);
        _ = lease is null
            ? await client.CreateAsync(KubeResources.Leases, new Lease { Metadata = new ObjectMeta { Name = options.NodeName, Namespace = LeaseNamespace }, Spec = spec }, ct)
            : await client.UpdateAsync(KubeResources.Leases, lease with { Spec = spec }, ct);
    }

    private async Task RetryAsync(Func<Task> attempt, CancellationToken ct)
    {
        for (var retry = s_firstRetry; ; retry = TimeSpan.FromTicks(Math.Min(retry.Ticks * 2, s_longestRetry.Ticks)))
        {
            try
            {
                await attempt();
                return;
            }
            catch (Exception e) when (e is KubeException or HttpRequestException or IOException)
            {
                LogRetry(options.NodeName, e.Message, retry);
                await Task.Delay(retry, time, ct);
            }
        }
    }

    [LoggerMessage(LogLevel.Debug, "Node {Node} was not reported: {Problem}; next try in {Retry}")]
    private partial void LogRetry(string node, string problem, TimeSpan retry);
}
