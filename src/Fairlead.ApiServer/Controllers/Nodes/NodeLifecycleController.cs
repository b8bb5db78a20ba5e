using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Controllers.Workloads;
using Fairlead.Kube.Client;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;

namespace Fairlead.ApiServer.Controllers.Nodes;

/// <summary>Says of nodes that no longer renew their lease that nothing is known of them, and takes their pods out of service.</summary>
/// <remarks>
/// Time counts from when a renewal is seen here, not from what the node's clock says. A node that never had a lease is
/// left alone: whoever runs it does not use them.
/// </remarks>
internal sealed class NodeLifecycleController
{
    private const string LeaseNamespace = "kube-node-lease";

    private readonly ControllerContext _context;
    private readonly KeyedLoop<string> _loop;
    private readonly ConcurrentDictionary<string, (DateTimeOffset? Renewed, DateTimeOffset Seen)> _renewals = new(StringComparer.Ordinal);

    public NodeLifecycleController(ControllerContext context)
        => (_context, _loop) = (context, new("nodelifecycle", SyncAsync, context.Time, context.Logger, workers: 1));

    public Task RunAsync(CancellationToken ct) => Together.RunAsync(
        _loop.FollowAsync(_context.Informers.Leases, OfLease, ct),
        _loop.FollowAsync(_context.Informers.Nodes, OfNode, ct),
        _loop.RunAsync(ct));

    private IEnumerable<string> OfLease(Lease? before, Lease? after)
    {
        if ((after ?? before)!.Metadata.Namespace != LeaseNamespace)
        {
            return [];
        }

        var node = (after ?? before)!.Metadata.Name;
        if (after is null)
        {
            _renewals.TryRemove(node, out _);
        }
        else if (!_renewals.TryGetValue(node, out var known) || known.Renewed != after.Spec.RenewTime)
        {
            _renewals[node] = (after.Spec.RenewTime, _context.Now);
        }

        return [node];
    }

    private static IEnumerable<string> OfNode(Node? before, Node? after)
        => after is not null && before?.Status.Conditions != after.Status.Conditions ? [after.Metadata.Name] : [];

    private async Task SyncAsync(string name, CancellationToken ct)
    {
        if (_context.Informers.Nodes.Snapshot.Current.Find("", name) is not { } node || !_renewals.TryGetValue(name, out var renewal))
        {
            return;
        }

        var left = renewal.Seen + _context.Options.NodeGracePeriod - _context.Now;
        if (left > TimeSpan.Zero)
        {
            _loop.MarkAfter(name, left);
            return;
        }

        if (node.Status.Conditions.Any(c => c.Type == "Ready" && c.Status != "Unknown"))
        {
            await LoseAsync(node, ct);
        }

        var pods = _context.Informers.Pods.Snapshot.Current.Values.Where(p => p.Spec.NodeName == name && PodState.IsReady(p));
        await Task.WhenAll(pods.Select(p => UnreadyAsync(p, ct)));
    }

    private async Task LoseAsync(Node node, CancellationToken ct)
    {
        const string Message = "Kubelet stopped posting node status.";
        var conditions = node.Status.Conditions.Select(c => c.Type == "Ready"
            ? c with { Status = "Unknown", Reason = "NodeStatusUnknown", Message = Message, LastTransitionTime = _context.Now }
            : c);
        var status = node.Status with { Conditions = conditions.ToEquatableArray() };
        _context.Events.Normal(node, "NodeNotReady", $"Node {node.Metadata.Name} status is now: NodeNotReady");
        await _context.Client.PatchAsync(
            KubeResources.Nodes, null, node.Metadata.Name, StatusPatch.Between(node.Status, status), "status", ct);
    }

    private async Task UnreadyAsync(Pod pod, CancellationToken ct)
    {
        var conditions = pod.Status.Conditions.Select(c => c.Type == "Ready"
            ? c with { Status = "False", Reason = "NodeNotReady", LastTransitionTime = _context.Now }
            : c);
        var status = pod.Status with { Conditions = conditions.ToEquatableArray() };
        JsonObject patch = StatusPatch.Between(pod.Status, status);
        try
        {
            await _context.Client.PatchAsync(KubeResources.Pods, pod.Metadata.Namespace, pod.Metadata.Name, patch, "status", ct);
        }
        catch (KubeException e) when (e.IsNotFound)
        {
            // It went with its node.
        }
    }
}
