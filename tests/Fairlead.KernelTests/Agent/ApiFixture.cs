using Fairlead.ApiServer;
using Fairlead.Kube.Client;
using Fairlead.Kube.Objects;

namespace Fairlead.KernelTests.Agent;

/// <summary>An API server in this process, with its objects in memory, reached over a Unix socket.</summary>
public sealed class ApiFixture : IAsyncDisposable
{
    private readonly string _folder;
    private readonly ApiServerHost _host;

    private ApiFixture(string folder, ApiServerHost host)
    {
        (_folder, _host) = (folder, host);
        Client = new KubeClient(Config);
    }

    public string Socket => _host.UnixSocket!;

    public KubeConfig Config => KubeConfig.UnixSocket(_host.UnixSocket!);

    public KubeClient Client { get; }

    public static async Task<ApiFixture> StartAsync(CancellationToken ct)
    {
        var folder = Directory.CreateTempSubdirectory("fairlead-t-").FullName;
        return new ApiFixture(folder, await ApiServerHost.StartAsync(
            new ApiServerOptions { UnixSocket = Path.Combine(folder, "api.sock"), PkiFolder = Path.Combine(folder, "pki"), ServiceCidr = ThreeNodes.ServiceCidr }, ct));
    }

    /// <summary>Registers nodes as their kubelets do: without the overlay's address, which is the agent's to publish.</summary>
    public async Task RegisterAsync(IEnumerable<TestNode> nodes, CancellationToken ct)
    {
        foreach (var node in nodes)
        {
            var bare = node.Object with { Metadata = node.Object.Metadata with { Annotations = default } };
            var created = await Client.CreateAsync(KubeResources.Nodes, bare, ct);
            await Client.UpdateStatusAsync(KubeResources.Nodes, created with { Status = bare.Status }, ct);
        }
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _host.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}
