using System.Text.Json;

namespace Fairlead.EndToEnd.Fixtures;

/// <summary>A three-node lab with the online store in it, up for a whole test class.</summary>
public sealed class RunningLab : IAsyncLifetime
{
    public TestHost Host { get; } = new();

    /// <summary>What <c>fairlead up -o json</c> said.</summary>
    public JsonElement Status { get; private set; }

    public string NodeAddress(int node) => Status.GetProperty("nodes")[node - 1].GetProperty("address").GetString()!;

    public async ValueTask InitializeAsync()
    {
        Status = JsonDocument.Parse((await Host.Sh($"fairlead up --name {Host.Lab} -o json")).Ok()).RootElement.Clone();
        (await Host.Sh("kubectl apply -f examples/online-store/")).Ok();
        (await Host.Sh("kubectl -n app-space rollout status deployment --timeout=60s")).Ok();

        // A pod that is ready is in every route and rule a moment later.
        foreach (var path in new[] { "wear", "watch" })
        {
            (await Host.Sh($"curl -sS --fail --max-time 5 --retry 20 --retry-delay 1 --retry-all-errors -o /dev/null http://127.0.0.1:30080/{path}")).Ok();
        }
    }

    public async ValueTask DisposeAsync() => await Host.DisposeAsync();

    /// <summary>Runs a shell command in a pod of its own and returns what it printed.</summary>
    /// <param name="name">The pod's name, unique in the test run.</param>
    /// <param name="command">What the pod's shell runs.</param>
    /// <param name="node">The node it runs on.</param>
    public async Task<string> InPod(string name, string command, string node)
    {
        var pod = JsonSerializer.Serialize(new
        {
            apiVersion = "v1",
            kind = "Pod",
            metadata = new { name },
            spec = new
            {
                nodeName = node,
                restartPolicy = "Never",
                containers = new[] { new { name = "main", image = "any", command = new[] { "sh", "-c", command } } },
            },
        });
        (await Host.Sh("kubectl apply -f -", pod)).Ok();
        var ended = await Host.Sh($"kubectl wait pod/{name} --for=jsonpath='{{.status.phase}}'=Succeeded --timeout=60s");
        var log = await Host.Sh($"kubectl logs {name}");
        Assert.True(ended.ExitCode == 0, $"{ended}\n{log}\n{await Host.Sh($"kubectl describe pod {name}")}");
        (await Host.Sh($"kubectl delete pod {name} --wait=false")).Ok();
        return log.Ok();
    }
}
