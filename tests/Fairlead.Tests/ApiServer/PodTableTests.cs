using System.Text;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Tables;

namespace Fairlead.Tests.ApiServer;

public sealed class PodTableTests
{
    private static readonly DateTimeOffset s_now = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public static TheoryData<string, string, string> Pods => new()
    {
        { "no node yet", """{"status":{"phase":"Pending"}}""", "0/1 Pending 0" },
        { "waits, and says why", """{"status":{"phase":"Pending","containerStatuses":[{"state":{"waiting":{"reason":"ErrImagePull"}}}]}}""", "0/1 ErrImagePull 0" },
        { "runs and is ready", """{"status":{"phase":"Running","containerStatuses":[{"ready":true,"state":{"running":{}}}]}}""", "1/1 Running 0" },
        { "was restarted five minutes ago", """{"status":{"phase":"Running","containerStatuses":[{"ready":true,"restartCount":3,"state":{"running":{}},"lastState":{"terminated":{"finishedAt":"2029-12-31T23:55:00Z"}}}]}}""", "1/1 Running 3 (5m ago)" },
        { "crashes", """{"status":{"phase":"Running","containerStatuses":[{"restartCount":1,"state":{"waiting":{"reason":"CrashLoopBackOff"}},"lastState":{"terminated":{"finishedAt":"2029-12-31T23:59:55Z"}}}]}}""", "0/1 CrashLoopBackOff 1 (5s ago)" },
        { "is done", """{"status":{"phase":"Succeeded","containerStatuses":[{"state":{"terminated":{"reason":"Completed","exitCode":0}}}]}}""", "0/1 Completed 0" },
        { "failed", """{"status":{"phase":"Failed","containerStatuses":[{"state":{"terminated":{"reason":"Error","exitCode":1}}}]}}""", "0/1 Error 0" },
        { "failed without a reason", """{"status":{"phase":"Failed","containerStatuses":[{"state":{"terminated":{"exitCode":3}}}]}}""", "0/1 ExitCode:3 0" },
        { "was killed by a signal", """{"status":{"phase":"Failed","containerStatuses":[{"state":{"terminated":{"exitCode":137,"signal":9}}}]}}""", "0/1 Signal:9 0" },
        { "is being deleted", """{"metadata":{"deletionTimestamp":"2030-01-01T00:00:00Z"},"status":{"phase":"Running","containerStatuses":[{"ready":true,"state":{"running":{}}}]}}""", "1/1 Terminating 0" },
        { "initialises", """{"spec":{"initContainers":[{"name":"i"},{"name":"j"}]},"status":{"phase":"Pending","initContainerStatuses":[{"name":"i","state":{"terminated":{"exitCode":0}}},{"name":"j","state":{"running":{}}}]}}""", "0/1 Init:1/2 0" },
        { "fails to initialise", """{"spec":{"initContainers":[{"name":"i"}]},"status":{"phase":"Pending","initContainerStatuses":[{"name":"i","state":{"waiting":{"reason":"CrashLoopBackOff"}}}]}}""", "0/1 Init:CrashLoopBackOff 0" },
        { "was evicted", """{"status":{"phase":"Failed","reason":"Evicted"}}""", "0/1 Evicted 0" },
    };

    public static TheoryData<int, string> Durations => new()
    {
        { 0, "0s" }, { 119, "119s" }, { 120, "2m" }, { 150, "2m30s" }, { 600, "10m" }, { 3 * 3600, "3h" }, { (3 * 3600) + 60, "3h1m" },
        { 9 * 3600, "9h" }, { 3 * 86400, "3d" }, { (3 * 86400) + 7200, "3d2h" }, { 100 * 86400, "100d" }, { 800 * 86400, "2y70d" },
    };

    [Theory, MemberData(nameof(Pods))]
    public void Ready_status_and_restarts(string because, string json, string expected)
    {
        var pod = JsonNodes.ParseObject(Encoding.UTF8.GetBytes(json));
        pod.Child("spec")["containers"] = new System.Text.Json.Nodes.JsonArray((System.Text.Json.Nodes.JsonNode)new System.Text.Json.Nodes.JsonObject { ["name"] = "c" });

        var cells = PodTable.Columns.Columns.Skip(1).Take(3).Select(c => c.Cell(pod, new TableContext(s_now)).Display());

        Assert.True(expected == string.Join(' ', cells), $"{because}: {string.Join(' ', cells)}");
    }

    [Theory, MemberData(nameof(Durations))]
    public void Ages_are_written_as_kubectl_writes_them(int seconds, string expected) => Assert.Equal(expected, Ages.Show(TimeSpan.FromSeconds(seconds)));
}
