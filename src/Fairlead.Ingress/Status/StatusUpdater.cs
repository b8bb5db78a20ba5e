using System.Text.Json.Nodes;
using Fairlead.Core.Routing;
using Fairlead.Kube.Client;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Microsoft.Extensions.Logging;

namespace Fairlead.Ingress.Status;

/// <summary>Keeps <c>status.loadBalancer</c> of the Ingresses that are served, as long as this replica leads.</summary>
internal sealed partial class StatusUpdater(
    KubeClient client, IngressOptions options, PublishedAddresses addresses, Snapshot<RouteTable> routes, Snapshot<Leadership> leadership,
    TimeProvider time, ILogger logger)
{
    // An address that cannot be known yet, since the own pod is not running by the word of its status, is looked for more often.
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(1);

    public async Task RunAsync(CancellationToken ct)
    {
        var changed = Task.CompletedTask;
        while (true)
        {
            var (table, state) = (routes.Current, leadership.Current);
            var wait = options.StatusInterval;
            if (state.IsLeader && !ReferenceEquals(table, RouteTable.Empty))
            {
                wait = await TryUpdateAsync(table, ct) ? wait : s_soon;
            }

            // Without a change the same wait goes on: each new one would hang on to the states until they change.
            changed = changed.IsCompleted ? Task.WhenAny(routes.ChangedAsync(table), leadership.ChangedAsync(state)) : changed;
            await changed.WaitAsync(wait, time, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            ct.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Empties the status when this was the last replica.</summary>
    public async Task ClearAsync(CancellationToken ct)
    {
        try
        {
            if (!await addresses.HasOtherReplicasAsync(ct))
            {
                await UpdateAsync(routes.Current, [], ct);
            }
        }
        catch (Exception e) when (e is KubeException or HttpRequestException or IOException or OperationCanceledException)
        {
            LogFailed(e.Message);
        }
    }

    private async Task<bool> TryUpdateAsync(RouteTable table, CancellationToken ct)
    {
        try
        {
            if (await addresses.FindAsync(ct) is not { } wanted)
            {
                return false;
            }

            await UpdateAsync(table, wanted, ct);
            return !wanted.IsEmpty;
        }
        catch (Exception e) when (e is KubeException or HttpRequestException or IOException)
        {
            LogFailed(e.Message);
            return false;
        }
    }

    private async Task UpdateAsync(RouteTable table, EquatableArray<LoadBalancerIngress> wanted, CancellationToken ct)
    {
        foreach (var ingress in table.Ingresses)
        {
            if ((ingress.Status.LoadBalancer?.Ingress ?? default) == wanted)
            {
                continue;
            }

            var list = new JsonArray([.. wanted.Select(w => KubeJson.ToNode(w))]);
            var patch = new JsonObject { ["status"] = new JsonObject { ["loadBalancer"] = new JsonObject { ["ingress"] = list } } };
            try
            {
                await client.PatchAsync(KubeResources.Ingresses, ingress.Metadata.Namespace, ingress.Metadata.Name, patch, "status", ct);
            }
            catch (KubeException e) when (e.IsNotFound)
            {
                // Deleted meanwhile.
            }
        }
    }

    [LoggerMessage(LogLevel.Warning, "The status of Ingresses could not be written: {Problem}")]
    private partial void LogFailed(string problem);
}
