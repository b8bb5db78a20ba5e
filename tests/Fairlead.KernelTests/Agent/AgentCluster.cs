using Fairlead.Agent;
using Fairlead.Agent.CniConfig;
using Microsoft.Extensions.Logging;

namespace Fairlead.KernelTests.Agent;

/// <summary>Three nodes with an API server and an agent each, in this process.</summary>
public sealed class AgentCluster : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fairlead-t-").FullName;
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _running = [];

    private AgentCluster(Families underlay, Families pods, ApiFixture api) => (Nodes, Api) = (new ThreeNodes(underlay, pods), api);

    public ThreeNodes Nodes { get; }

    public ApiFixture Api { get; }

    public ListLogger Log { get; } = new();

    /// <summary>Starts the agents and waits until each has told its runtime.</summary>
    /// <param name="overlay">What they are told of the paths between nodes.</param>
    /// <param name="underlay">What addresses the nodes have.</param>
    /// <param name="pods">What addresses the pods have.</param>
    /// <param name="before">What is done to the nodes before their agents start.</param>
    public static async Task<AgentCluster> StartAsync(string overlay, Families underlay, Families pods, CancellationToken ct, Action<ThreeNodes>? before = null)
    {
        var cluster = new AgentCluster(underlay, pods, await ApiFixture.StartAsync(ct));
        await cluster.Api.RegisterAsync(cluster.Nodes.Nodes, ct);
        before?.Invoke(cluster.Nodes);
        foreach (var node in cluster.Nodes.Nodes)
        {
            var options = cluster.OptionsOf(node) with { Overlay = overlay };
            cluster._running.Add(Task.Run(() => AgentRole.RunAsync(options, cluster._stop.Token), CancellationToken.None));
        }

        foreach (var node in cluster.Nodes.Nodes)
        {
            await EventuallyAsync(() => File.Exists(Path.Combine(cluster._folder, node.Name, "net.d", CniConflist.FileName)), ct, () => string.Join('\n', cluster.Log.Lines));
        }

        return cluster;
    }

    public AgentOptions OptionsOf(TestNode node) => new()
    {
        Api = Api.Config,
        NodeName = node.Name,
        CniConfDir = Path.Combine(_folder, node.Name, "net.d"),
        StateDir = Path.Combine(_folder, node.Name, "state"),
        CniSocket = Path.Combine(_folder, node.Name, "cni.sock"),
        CniCacheDir = Path.Combine(_folder, node.Name, "cache"),
        ClusterCidrs = [ThreeNodes.ClusterCidr, System.Net.IPNetwork.Parse("fd32::/48")],
        ServiceCidr = ThreeNodes.ServiceCidr,
        ProxyMode = "none",
        HealthPort = 0,
        Network = node.Network,
        Loggers = new LoggerFactory([Log]),
    };

    /// <summary>Waits until something is so.</summary>
    public static async Task EventuallyAsync(Func<bool> isSo, CancellationToken ct, Func<string>? otherwise = null)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(ct);
        patience.CancelAfter(TimeSpan.FromSeconds(60));
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (!isSo())
        {
            try
            {
                await timer.WaitForNextTickAsync(patience.Token);
            }
            catch (OperationCanceledException) when (!ct.IsCancellationRequested)
            {
                Assert.Fail($"it did not come to be: {otherwise?.Invoke()}");
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_running);
        _stop.Dispose();
        await Api.DisposeAsync();
        Nodes.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
