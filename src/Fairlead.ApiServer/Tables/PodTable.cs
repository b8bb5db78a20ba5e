using System.Globalization;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using static Fairlead.ApiServer.Tables.TableColumns;

namespace Fairlead.ApiServer.Tables;

/// <summary>The columns of pods. STATUS is not the phase but what a person wants to know: why it waits, how it ended.</summary>
internal static class PodTable
{
    public static readonly TableColumns Columns = new(
    [
        Name,
        Text("Ready", o => Summary(o).Ready),
        Text("Status", o => Summary(o).Reason),
        Timed("Restarts", (o, c) => Restarts(o, c)),
        Age,
        Text("IP", o => OrNone(o.Items("status", "podIPs").FirstOrDefault().Text("ip") is { Length: > 0 } ip ? ip : o.Text("status", "podIP")), 1),
        Text("Node", o => OrNone(o.Text("spec", "nodeName")), 1),
        Text("Nominated Node", o => OrNone(o.Text("status", "nominatedNodeName")), 1),
        Text("Readiness Gates", ReadinessGates, 1),
    ]);

    private readonly record struct PodSummary(string Ready, string Reason, long Restarts, DateTimeOffset LastRestart);

    private static string OrNone(string text) => text.Length == 0 ? "<none>" : text;

    private static string Restarts(JsonObject pod, TableContext context)
    {
        var summary = Summary(pod);
        return summary.Restarts == 0 || summary.LastRestart == default
            ? summary.Restarts.ToString(CultureInfo.InvariantCulture)
            : $"{summary.Restarts} ({Ages.Show(context.Now - summary.LastRestart)} ago)";
    }

    private static PodSummary Summary(JsonObject pod)
    {
        var reason = pod.Text("status", "reason") is { Length: > 0 } given ? given : pod.Text("status", "phase");
        if (pod.Items("status", "conditions").Any(c => c.Text("type") == "PodScheduled" && c.Text("reason") == "SchedulingGated"))
        {
            reason = "SchedulingGated";
        }

        var sidecars = pod.Items("spec", "initContainers").Where(c => c.Text("restartPolicy") == "Always").Select(c => c.Text("name")).ToHashSet(StringComparer.Ordinal);
        var total = pod.Items("spec", "containers").Count() + sidecars.Count;
        var (ready, restarts, last) = (0, 0L, default(DateTimeOffset));
        var initialising = InitReason(pod, sidecars, ref reason, ref ready, ref restarts, ref last);
        if (!initialising || IsInitialised(pod))
        {
            if (!initialising)
            {
                restarts = pod.Items("status", "initContainerStatuses").Where(s => sidecars.Contains(s.Text("name"))).Sum(s => s.Number("restartCount") ?? 0);
            }

            MainReason(pod, ref reason, ref ready, ref restarts, ref last);
        }

        if (pod.Text("metadata", "deletionTimestamp").Length > 0)
        {
            reason = pod.Text("status", "reason") == "NodeLost" ? "Unknown" : pod.Text("status", "phase") is "Succeeded" or "Failed" ? reason : "Terminating";
        }

        return new PodSummary($"{ready}/{total}", reason, restarts, last);
    }

    private static bool IsInitialised(JsonObject pod)
        => pod.Items("status", "conditions").Any(c => c.Text("type") == "Initialized" && c.Text("status") == "True");

    /// <summary>True while an init container has not done its part; the reason then says which.</summary>
    private static bool InitReason(JsonObject pod, HashSet<string> sidecars, ref string reason, ref int ready, ref long restarts, ref DateTimeOffset last)
    {
        var (index, count) = (0, pod.Items("spec", "initContainers").Count());
        foreach (var status in pod.Items("status", "initContainerStatuses"))
        {
            Count(status, ref restarts, ref last);
            var done = status.At("state", "terminated") is { } ended && ended.Number("exitCode") == 0;
            var started = sidecars.Contains(status.Text("name")) && status.Flag("started");
            if (done || started)
            {
                ready += started && status.Flag("ready") ? 1 : 0;
                index++;
                continue;
            }

            if (status.At("state", "terminated") is { } terminated)
            {
                reason = $"Init:{Ended(terminated)}";
            }
            else if (status.Text("state", "waiting", "reason") is { Length: > 0 } waiting && waiting != "PodInitializing")
            {
                reason = $"Init:{waiting}";
            }
            else
            {
                reason = $"Init:{index}/{count}";
            }

            return true;
        }

        return false;
    }

    private static void MainReason(JsonObject pod, ref string reason, ref int ready, ref long restarts, ref DateTimeOffset last)
    {
        var running = false;
        foreach (var status in pod.Items("status", "containerStatuses").Reverse())
        {
            Count(status, ref restarts, ref last);
            if (status.Text("state", "waiting", "reason") is { Length: > 0 } waiting)
            {
                reason = waiting;
            }
            else if (status.At("state", "terminated") is { } terminated)
            {
                reason = Ended(terminated);
            }
            else if (status.Flag("ready") && status.At("state", "running") is not null)
            {
                running = true;
                ready++;
            }
        }

        if (reason == "Completed" && running)
        {
            reason = pod.Items("status", "conditions").Any(c => c.Text("type") == "Ready" && c.Text("status") == "True") ? "Running" : "NotReady";
        }
    }

    private static void Count(JsonNode? status, ref long restarts, ref DateTimeOffset last)
    {
        restarts += status.Number("restartCount") ?? 0;
        if (DateTimeOffset.TryParse(status.Text("lastState", "terminated", "finishedAt"), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var ended) && ended > last)
        {
            last = ended;
        }
    }

    private static string Ended(JsonNode terminated)
    {
        if (terminated.Text("reason") is { Length: > 0 } reason)
        {
            return reason;
        }

        return terminated.Number("signal") is > 0 and var signal ? $"Signal:{signal}" : $"ExitCode:{terminated.Number("exitCode") ?? 0}";
    }

    private static string ReadinessGates(JsonObject pod)
    {
        var gates = pod.Items("spec", "readinessGates").Select(g => g.Text("conditionType")).ToList();
        var good = gates.Count(g => pod.Items("status", "conditions").Any(c => c.Text("type") == g && c.Text("status") == "True"));
        return gates.Count == 0 ? "<none>" : $"{good}/{gates.Count}";
    }
}
