using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Fairlead.EndToEnd.Fixtures;

namespace Fairlead.EndToEnd;

/// <summary>What may be deleted or killed while people use the store.</summary>
public sealed partial class DisruptionTests(RunningLab lab) : IClassFixture<RunningLab>
{
    private TestHost Host => lab.Host;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Deleting_pods_one_by_one_fails_no_request_to_their_Service()
    {
        // The client asks the Service from inside the cluster, a new connection each time, for twelve seconds.
        const string Client = """
            end=$(( $(date +%s) + 12 )); n=0; bad=0
            while [ $(date +%s) -lt $end ]; do
              curl -sS --fail --max-time 3 -o /dev/null http://wear-service.app-space:8282/ || bad=$((bad+1))
              n=$((n+1))
            done
            echo asked $n failed $bad
            """;
        var client = lab.InPod("while-deleting", Client, "node1");
        (await Host.Sh("kubectl wait pod/while-deleting --for=create --timeout=30s && kubectl wait pod/while-deleting --for=condition=Ready --timeout=30s")).Ok();

        for (var round = 0; round < 4; round++)
        {
            var pod = (await Host.Sh("kubectl get pods -n app-space -l app=wear -o name | head -n 1")).Ok().Trim();
            (await Host.Sh($"kubectl delete -n app-space {pod}")).Ok();
            (await Host.Sh("kubectl -n app-space rollout status deployment --timeout=60s")).Ok();
        }

        var log = await client;
        Assert.Matches(@"asked [1-9]\d{1,} failed 0", log);
    }

    [Fact]
    public async Task A_killed_agent_comes_back_and_no_running_connection_notices()
    {
        (await Host.Sh("kubectl create deploy steady --image=fairlead/http && kubectl expose deploy steady --type=NodePort --port=80 --target-port=8080")).Ok();
        (await Host.Sh("kubectl rollout status deploy/steady --timeout=60s")).Ok();
        var port = int.Parse((await Host.Sh("kubectl get svc steady -o jsonpath='{.spec.ports[0].nodePort}'")).Ok(), CultureInfo.InvariantCulture);

        // A pod that is ready is in the rules of every node a moment later.
        (await Host.Sh($"curl -sS --fail --max-time 5 --retry 20 --retry-delay 1 --retry-all-errors -o /dev/null http://{lab.NodeAddress(1)}:{port}/healthz")).Ok();
        (await Host.Sh($"curl -sS --fail --max-time 5 --retry 20 --retry-delay 1 --retry-all-errors -o /dev/null http://{lab.NodeAddress(2)}:{port}/healthz")).Ok();
        using var connection = Host.Namespace.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        await connection.ConnectAsync(new IPEndPoint(IPAddress.Parse(lab.NodeAddress(1)), port), Ct);
        await AskAsync(connection);
        var before = await AgentsAsync();

        foreach (var agent in before.Values)
        {
            (await Host.Sh(string.Create(CultureInfo.InvariantCulture, $"kill -9 {agent}"))).Ok();
        }

        // While every agent is down the kernel goes on alone: on the open connection, and for new ones.
        await AskAsync(connection);
        Assert.Equal("200", (await Host.Sh($"curl -sS --max-time 5 -o /dev/null -w '%{{http_code}}' http://{lab.NodeAddress(2)}:{port}/")).Ok());
        await EventuallyAsync(async () => (await AgentsAsync()) is var now && now.Count == 3 && now.Values.All(pid => !before.ContainsValue(pid)));

        // An agent that is back does its work again: a new Service is reached through it, and the old connection is still open.
        (await Host.Sh("kubectl expose deploy steady --name=later --type=NodePort --port=80 --target-port=8080")).Ok();
        var later = (await Host.Sh("kubectl get svc later -o jsonpath='{.spec.ports[0].nodePort}'")).Ok();
        Assert.Equal("200", (await Host.Sh($"curl -sS --max-time 10 --retry 20 --retry-delay 1 --retry-all-errors -o /dev/null -w '%{{http_code}}' http://{lab.NodeAddress(1)}:{later}/")).Ok());
        await AskAsync(connection);
    }

    [Fact]
    public async Task A_Service_without_a_ready_pod_refuses_at_once()
    {
        (await Host.Sh("kubectl create svc clusterip nobody --tcp=80:8080")).Ok();

        var log = await lab.InPod("ask-nobody", "curl -sS --max-time 5 http://nobody/ 2>&1; echo done", "node3");

        Assert.Matches("[Rr]efused|Connection reset|Failed to connect", log);
        Assert.DoesNotContain("timed out", log, StringComparison.Ordinal);
    }

    private async Task<Dictionary<string, int>> AgentsAsync()
    {
        var status = JsonDocument.Parse((await Host.Sh($"fairlead status --name {Host.Lab} -o json")).Ok()).RootElement;
        return status.GetProperty("nodes").EnumerateArray()
            .Where(n => n.GetProperty("agentProcessId").ValueKind == JsonValueKind.Number)
            .ToDictionary(n => n.GetProperty("name").GetString()!, n => n.GetProperty("agentProcessId").GetInt32(), StringComparer.Ordinal);
    }

    /// <summary>Asks until the answer is yes; each question is a whole program's run, so that no pause is needed.</summary>
    private static async Task EventuallyAsync(Func<Task<bool>> holds)
    {
        for (var attempt = 0; attempt < 100; attempt++)
        {
            if (await holds())
            {
                return;
            }
        }

        Assert.Fail("did not come to hold");
    }

    /// <summary>One request on the open connection, read to the end of its answer.</summary>
    private static async Task AskAsync(Socket connection)
    {
        await connection.SendAsync("GET /healthz HTTP/1.1\r\nHost: steady\r\n\r\n"u8.ToArray(), Ct);
        var answer = new StringBuilder();
        var buffer = new byte[16384];
        while (!IsWhole(answer.ToString()))
        {
            var length = await connection.ReceiveAsync(buffer, Ct).AsTask().WaitAsync(TimeSpan.FromSeconds(10), Ct);
            Assert.True(length > 0, $"the connection was closed after: {answer}");
            answer.Append(Encoding.ASCII.GetString(buffer, 0, length));
        }

        Assert.StartsWith("HTTP/1.1 200", answer.ToString(), StringComparison.Ordinal);
    }

    private static bool IsWhole(string answer)
    {
        var end = answer.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        if (end < 0)
        {
            return false;
        }

        var length = ContentLength().Match(answer);
        return length.Success
            ? answer.Length - end - 4 >= int.Parse(length.Groups[1].Value, CultureInfo.InvariantCulture)
            : answer.EndsWith("0\r\n\r\n", StringComparison.Ordinal);
    }

    [GeneratedRegex(@"Content-Length: (\d+)", RegexOptions.IgnoreCase)]
    private static partial Regex ContentLength();
}
