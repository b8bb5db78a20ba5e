using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Fairlead.ApiServer;
using Fairlead.Cni.Runtime;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Kube.Client;
using Fairlead.Kube.Informers;
using Fairlead.Kube.Objects;
using Fairlead.Lab.Pods;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fairlead.KernelTests.Pods;

/// <summary>One node with a real API server, the real CNI plugins and a pod runtime, made for one test class and gone with it.</summary>
public sealed class PodNode : IAsyncLifetime
{
    public const string Name = "node1";
    public const string Address = "198.51.100.1";

    private readonly TestNamespaces _namespaces = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _running = [];
    private ApiServerHost? _server;
    private Task? _runtime;

    public string Folder { get; } = Directory.CreateTempSubdirectory("fairlead-t-").FullName;

    public string State => Path.Combine(Folder, "pods");

    /// <summary>Part of the names of the pods' namespaces, so that they are swept with the others if this run is killed.</summary>
    public string Lab { get; } = TestNamespaces.NewName()["fairlead-".Length..];

    public NetworkNamespace Network { get; private set; } = null!;

    public KubeClient Client { get; private set; } = null!;

    public PodStreams Streams { get; } = new();

    public Informer<Pod> Pods { get; private set; } = null!;

    /// <summary>What is shown of a failed wait.</summary>
    public IReadOnlyCollection<Pod> Seen => [.. Pods.Snapshot.Current.Values];

    public async ValueTask InitializeAsync()
    {
        Network = _namespaces.New("node");
        using (var route = RouteSocket.Open(Network))
        {
            route.SetUp(route.GetLink("lo").Index);
        }

        Client = new KubeClient(KubeConfig.UnixSocket(Path.Combine(Folder, "api.sock")));
        _server = await ApiServerHost.StartAsync(
            new ApiServerOptions { UnixSocket = Path.Combine(Folder, "api.sock"), Listen = [new(System.Net.IPAddress.Loopback, 0)], PodStreams = Streams }, CancellationToken.None);
        await AccountAsync();
        CniInstall.Refresh(NativeLauncher.Path, Path.Combine(Folder, "bin"));
        Directory.CreateDirectory(Path.Combine(Folder, "net.d"));
        Pods = new Informer<Pod>(Client, KubeResources.Pods);
        _running.Add(Pods.RunAsync(_stop.Token));
    }

    /// <summary>What an agent does once the node's network is there.</summary>
    public void Configure()
    {
        var next = Path.Combine(Folder, "next.conflist");
        File.WriteAllText(next,
            $$$"""
            {"cniVersion":"1.0.0","name":"test","plugins":[
              {"type":"bridge","bridge":"cni0","isDefaultGateway":true,"hairpinMode":true,
               "ipam":{"type":"host-local","dataDir":"{{{Folder}}}/ipam","ranges":[[{"subnet":"10.32.7.0/24"}]]}},
              {"type":"portmap","capabilities":{"portMappings":true}}]}
            """);
        File.Move(next, Path.Combine(Folder, "net.d", "10-test.conflist"), overwrite: true);
    }

    public void Start()
    {
        if (_runtime is not null)
        {
            return;
        }

        var inputs = new PodInputSource(Client, TimeProvider.System, NullLoggerFactory.Instance);
        var runtime = new PodRuntime(
            new PodRuntimeOptions
            {
                NodeName = Name,
                NodeAddress = Address,
                Lab = Lab,
                Network = new CniRuntimeOptions
                {
                    ConfigDirectory = Path.Combine(Folder, "net.d"),
                    PluginDirectories = [Path.Combine(Folder, "bin")],
                    CacheDirectory = Path.Combine(Folder, "cache"),
                },
                Launcher = Path.Combine(Folder, "bin", CniInstall.LauncherName),
                Fairlead = ["/no/such/fairlead"],
                StateDirectory = State,
                ClusterCertificate = "certificate\n",
                EndpointGrace = TimeSpan.FromMilliseconds(300),
            },
            Client, Network, inputs, Streams, TimeProvider.System, NullLoggerFactory.Instance);
        _running.Add(inputs.RunAsync(_stop.Token));
        _runtime = runtime.RunAsync(_stop.Token);
    }

    /// <summary>Makes a pod of one container that runs a line of sh.</summary>
    public async Task<Pod> CreateAsync(string name, string script, Func<PodSpec, Container, PodSpec>? change = null)
    {
        var container = new Container { Name = "main", Image = "any", Command = ["/bin/sh", "-c", script] };
        var spec = new PodSpec { NodeName = Name, AutomountServiceAccountToken = false, TerminationGracePeriodSeconds = 5 };
        spec = change?.Invoke(spec, container) ?? spec with { Containers = [container] };
        return await Client.CreateAsync(
            KubeResources.Pods, new Pod { Metadata = new ObjectMeta { Name = name, Namespace = "default" }, Spec = spec }, TestContext.Current.CancellationToken);
    }

    /// <summary>Waits until the pod is as wanted.</summary>
    public async Task<Pod> UntilAsync(string name, Func<Pod, bool> wanted, int seconds = 30)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(seconds));
        try
        {
            await foreach (var store in Pods.Snapshot.WatchAsync(limit.Token))
            {
                if (store.Find("default", name) is { } pod && wanted(pod))
                {
                    return pod;
                }
            }
        }
        catch (OperationCanceledException) when (!TestContext.Current.CancellationToken.IsCancellationRequested)
        {
            Assert.Fail($"{name} did not become as wanted: {KubeJson.Serialize(Pods.Snapshot.Current.Find("default", name)?.Status ?? new PodStatus())}\n{await EventsAsync(name)}");
        }

        throw new InvalidOperationException();
    }

    public async Task UntilGoneAsync(string name, int seconds = 30)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(seconds));
        await foreach (var store in Pods.Snapshot.WatchAsync(limit.Token))
        {
            if (store.Find("default", name) is null)
            {
                return;
            }
        }
    }

    public async Task<string> LogAsync(string pod, bool previous = false)
    {
        var log = await Streams.OpenLogAsync("default", pod, "main", new() { Previous = previous }, TestContext.Current.CancellationToken);
        Assert.True(log.Stream is not null, log.Message);
        using var reader = new StreamReader(log.Stream!);
        return await reader.ReadToEndAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>Follows the log until a line holds the text.</summary>
    public async Task UntilLoggedAsync(string pod, string text)
    {
        var log = await Streams.OpenLogAsync("default", pod, "main", new() { Follow = true }, TestContext.Current.CancellationToken);
        Assert.True(log.Stream is not null, log.Message);
        using var reader = new StreamReader(log.Stream!);
        while (await reader.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
        {
            if (line.Contains(text, StringComparison.Ordinal))
            {
                return;
            }
        }

        Assert.Fail($"the log of {pod} ended without '{text}'");
    }

    public async Task<string> EventsAsync(string pod)
    {
        var events = await Client.ListAsync(KubeResources.Events, "default", null, TestContext.Current.CancellationToken);
        return string.Join('\n', events.Items.Where(e => e.InvolvedObject.Name == pod).Select(e => $"{e.Type} {e.Reason} {e.Message}"));
    }

    public IEnumerable<string> PodNamespaces() => NetworkNamespace.List().Where(n => n.StartsWith($"fairlead.{Lab}.pod-", StringComparison.Ordinal));

    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        if (_runtime is not null)
        {
            await _runtime.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await Task.WhenAll(_running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }

        Client.Dispose();
        _namespaces.Dispose();
        _stop.Dispose();
        Directory.Delete(Folder, recursive: true);
    }

    private async Task AccountAsync()
    {
        try
        {
            await Client.RequestAsync(
                HttpMethod.Post, "/api/v1/namespaces/default/serviceaccounts",
                new JsonObject { ["apiVersion"] = "v1", ["kind"] = "ServiceAccount", ["metadata"] = new JsonObject { ["name"] = "default" } }, CancellationToken.None);
        }
        catch (KubeException e) when (e.IsAlreadyExists)
        {
        }
    }
}
