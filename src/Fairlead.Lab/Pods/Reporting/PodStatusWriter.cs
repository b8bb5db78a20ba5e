using System.Text.Json.Nodes;
using Fairlead.Kube.Client;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Microsoft.Extensions.Logging;

namespace Fairlead.Lab.Pods.Reporting;

/// <summary>Writes the status of one pod: only what changed, and of many changes in a row only the last.</summary>
internal sealed partial class PodStatusWriter(KubeClient client, Pod pod, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan s_firstBackoff = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_longestBackoff = TimeSpan.FromSeconds(10);

    private readonly Snapshot<PodStatus> _wanted = new(pod.Status);
    private PodStatus _written = pod.Status;

    /// <summary>The newest status, written or not.</summary>
    public PodStatus Latest => _wanted.Current;

    public void Publish(PodStatus status)
    {
        if (status != _wanted.Current)
        {
            _wanted.Publish(status);
        }
    }

    public async Task RunAsync(CancellationToken ct)
    {
        var backoff = s_firstBackoff;
        while (true)
        {
            try
            {
                var status = _wanted.Current;
                if (!await FlushAsync(ct))
                {
                    return;
                }

                backoff = s_firstBackoff;
                await _wanted.ChangedAsync(status).WaitAsync(ct);
            }
            catch (Exception e) when (e is KubeException or HttpRequestException or IOException)
            {
                LogFailed(pod.Metadata.Namespace, pod.Metadata.Name, e.Message, backoff);
                await Task.Delay(backoff, time, ct);
                backoff = TimeSpan.FromTicks(Math.Min(backoff.Ticks * 2, s_longestBackoff.Ticks));
            }
        }
    }

    /// <summary>Writes the newest status now. False: the pod is gone.</summary>
    public async Task<bool> FlushAsync(CancellationToken ct)
    {
        var status = _wanted.Current;
        if (status == _written)
        {
            return true;
        }

        try
        {
            _ = await client.PatchAsync(KubeResources.Pods, pod.Metadata.Namespace, pod.Metadata.Name, Patch(status), "status", ct);
            _written = status;
            return true;
        }
        catch (KubeException e) when (e.IsNotFound)
        {
            return false;
        }
        catch (KubeException e) when (e.IsConflict)
        {
            // Another pod may have the name now; else it is only a matter of trying again.
            if (await client.FindAsync(KubeResources.Pods, pod.Metadata.Namespace, pod.Metadata.Name, ct) is { } now && now.Metadata.Uid == pod.Metadata.Uid)
            {
                throw;
            }

            return false;
        }
    }

    /// <summary>The uid keeps the patch from a later pod of the same name. What a merge leaves out stays, so what may go is null.</summary>
    private JsonObject Patch(PodStatus status)
    {
        var node = KubeJson.ToNode(status).AsObject();
        node.TryAdd("message", null);
        node.TryAdd("reason", null);
        return new JsonObject { ["metadata"] = new JsonObject { ["uid"] = pod.Metadata.Uid }, ["status"] = node };
    }

    [LoggerMessage(LogLevel.Debug, "Status of {Namespace}/{Pod} was not written: {Problem}; next try in {Backoff}")]
    private partial void LogFailed(string @namespace, string pod, string problem, TimeSpan backoff);
}
