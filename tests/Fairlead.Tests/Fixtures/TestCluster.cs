using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Fairlead.ApiServer;
using Fairlead.ApiServer.Controllers;
using Fairlead.Kube.Client;
using Fairlead.Kube.Informers;
using Fairlead.Kube.Objects;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fairlead.Tests.Fixtures;

/// <summary>An API server in memory, all controllers, and a kubelet that starts and ends every pod at once.</summary>
public sealed class TestCluster : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fairlead-cluster-").FullName;
    private readonly CancellationTokenSource _stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
    private readonly List<Task> _running = [];
    private readonly List<Informer<PartialObject>> _informers = [];
    private CancellationTokenSource _stopControllers = new();
    private Task _controllers = Task.CompletedTask;
    private ApiServerHost _server = null!;

    public KubeClient Client { get; private set; } = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public static async Task<TestCluster> StartAsync()
    {
        var cluster = new TestCluster();
        var socket = Path.Combine(cluster._folder, "api.sock");
        cluster._server = await ApiServerHost.StartAsync(new ApiServerOptions { UnixSocket = socket }, Ct);
        cluster.Client = new KubeClient(KubeConfig.UnixSocket(socket));
        cluster._running.Add(cluster.RunPodsAsync(cluster._stop.Token));
        foreach (var resource in KubeResources.All)
        {
            var informer = new Informer<PartialObject>(cluster.Client, KubeResources.Partial(resource));
            cluster._informers.Add(informer);
            cluster._running.Add(informer.RunAsync(cluster._stop.Token));
        }

        cluster.StartControllers();
        return cluster;
    }

    public void StartControllers()
    {
        _stopControllers = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        _controllers = new ControllerHost(Client, new() { RootCertificatePem = "PEM" }, TimeProvider.System, NullLoggerFactory.Instance).RunAsync(_stopControllers.Token);
    }

    public async Task StopControllersAsync()
    {
        await _stopControllers.CancelAsync();
        await _controllers.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stopControllers.Dispose();
    }

    /// <summary>Makes the object, without what only a server may set.</summary>
    public async Task<T> CreateAsync<T>(KubeResource<T> resource, T obj)
        where T : class, IKubeObject
    {
        var node = KubeJson.ToNode(obj).AsObject();
        foreach (var field in (string[])["uid", "resourceVersion", "creationTimestamp", "generation"])
        {
            node["metadata"]!.AsObject().Remove(field);
        }

        return KubeJson.FromNode<T>((await Client.RequestAsync(HttpMethod.Post, resource.Path(obj.Metadata.Namespace), node, Ct))!);
    }

    public async Task CreateNodeAsync(Node node)
    {
        await CreateAsync(KubeResources.Nodes, node);
        await Client.PatchAsync(KubeResources.Nodes, null, node.Metadata.Name, new JsonObject { ["status"] = KubeJson.ToNode(node.Status) }, "status", Ct);
    }

    /// <summary>The objects as the server has them now.</summary>
    public async Task<IReadOnlyList<T>> ListAsync<T>(KubeResource<T> resource, string? ns = "shop")
        where T : class, IKubeObject
        => (await Client.ListAsync(resource, resource.Namespaced ? ns : null, ct: Ct)).Items;

    /// <summary>Waits until the condition holds, looking again at each change of any object.</summary>
    public async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        limit.CancelAfter(TimeSpan.FromSeconds(30));
        while (true)
        {
            var next = _informers.Select(i => i.Snapshot.ChangedAsync(i.Snapshot.Current)).ToImmutableArray();
            if (await condition())
            {
                return;
            }

            await Task.WhenAny(next).WaitAsync(limit.Token);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopControllersAsync();
        await _stop.CancelAsync();
        await Task.WhenAll(_running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Client.Dispose();
        await _server.DisposeAsync();
        _stop.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>What a kubelet does, without a process: a pod bound to a node runs and is ready; one that is to go is gone.</summary>
    private async Task RunPodsAsync(CancellationToken ct)
    {
        var informer = new Informer<Pod>(Client, KubeResources.Pods);
        var following = informer.RunAsync(ct);
        Store<Pod>? seen = null;
        await foreach (var store in informer.Snapshot.WatchAsync(ct))
        {
            foreach (var key in store.ChangesSince(seen))
            {
                if (store.Find(key) is { Spec.NodeName.Length: > 0 } pod)
                {
                    await RunPodAsync(pod, ct);
                }
            }

            seen = store;
        }

        await following;
    }

    private async Task RunPodAsync(Pod pod, CancellationToken ct)
    {
        var (ns, name) = (pod.Metadata.Namespace, pod.Metadata.Name);
        try
        {
            if (pod.IsTerminating)
            {
                await Client.DeleteAsync(KubeResources.Pods, ns, name, new() { GracePeriodSeconds = 0, Uid = pod.Metadata.Uid }, ct);
            }
            else if (!pod.Status.Conditions.Any(c => c is { Type: "Ready", Status: "True" }))
            {
                var status = new PodStatus
                {
                    Phase = "Running",
                    PodIP = "10.32.0.5",
                    PodIPs = [new() { Ip = "10.32.0.5" }],
                    Conditions = [new() { Type = "Ready", Status = "True", LastTransitionTime = Make.Start }],
                };
                await Client.PatchAsync(KubeResources.Pods, ns, name, new JsonObject { ["status"] = KubeJson.ToNode(status) }, "status", ct);
            }
        }
        catch (KubeException e) when (e.IsNotFound || e.IsConflict)
        {
            // It went meanwhile.
        }
    }
}
