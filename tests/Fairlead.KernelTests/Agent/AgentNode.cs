using System.Collections.Immutable;
using System.Net;
using Fairlead.Agent;
using Fairlead.Cni.Runtime;
using Fairlead.KernelTests.Cni;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Fairlead.Linux.Namespaces;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fairlead.KernelTests.Agent;

/// <summary>A node with an agent, a container runtime and an API server, whose pods come as on a real one: the object first, then ADD.</summary>
public sealed class AgentNode : IAsyncDisposable
{
    public const string Name = "n1";
    private readonly CniNode _node = new();
    private readonly CancellationToken _ct = TestContext.Current.CancellationToken;
    private CancellationTokenSource _stop = new();
    private Task _running = Task.CompletedTask;

    public ApiFixture Api { get; private set; } = null!;

    public CniNode Node => _node;

    public string Socket => Path.Combine(_node.Folder, "cni.sock");

    public string State => Path.Combine(_node.Folder, "state");

    public CniRuntime Runtime => _node.Runtime;

    public static async Task<AgentNode> StartAsync(ILoggerFactory? loggers = null)
    {
        var node = await MakeAsync("10.32.1.0/24");
        await node.StartAgentAsync(loggers);
        return node;
    }

    /// <summary>A node whose agent is yet to start.</summary>
    public static async Task<AgentNode> MakeAsync(string range)
    {
        var node = new AgentNode();
        node.Api = await ApiFixture.StartAsync(node._ct);
        await node.Api.RegisterAsync([new TestNode(Name, node._node.Network, [CniNode.NodeAddress], [IPNetwork.Parse(range)], null!)], node._ct);
        foreach (var ns in new[] { "shop", "open" })
        {
            await node.Api.Client.CreateAsync(KubeResources.Namespaces, new Namespace { Metadata = new() { Name = ns } }, node._ct);
        }

        return node;
    }

    public AgentOptions Options => new()
    {
        Api = Api.Config,
        NodeName = Name,
        CniConfDir = _node.ConfigFolder,
        CniBinDir = _node.PluginFolder,
        StateDir = State,
        CniSocket = Socket,
        ClusterCidr = ThreeNodes.ClusterCidr,
        ServiceCidr = ThreeNodes.ServiceCidr,
        ProxyMode = "none",
        HealthPort = 0,
        Network = _node.Network,
    };

    public async Task StartAgentAsync(ILoggerFactory? loggers = null)
    {
        _stop = new CancellationTokenSource();
        _running = Task.Run(() => AgentRole.RunAsync(Options with { Loggers = loggers ?? NullLoggerFactory.Instance }, _stop.Token));
        await Eventually.TrueAsync(
            () => _running.IsCompleted ? throw _running.Exception! : Directory.EnumerateFiles(_node.ConfigFolder, "*.conflist").Any() && File.Exists(Socket), _ct);
    }

    public async Task StopAgentAsync()
    {
        await _stop.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    public Task CreateAsync(NetworkPolicy policy) => Api.Client.CreateAsync(KubeResources.NetworkPolicies, policy, _ct);

    /// <summary>Makes the object of a pod on this node, and what its runtime asks the network for.</summary>
    public async Task<(NetworkNamespace Network, CniAttachment Attachment)> NewPodAsync(
        string ns, string name, (string, string)[]? labels = null, (string, string)[]? annotations = null)
    {
        var pod = await Api.Client.CreateAsync(KubeResources.Pods, new Kube.Objects.Pod
        {
            Metadata = new() { Namespace = ns, Name = name, Labels = EquatableMap.Of(labels ?? []), Annotations = EquatableMap.Of(annotations ?? []) },
            Spec = new() { NodeName = Name, Containers = [new Container { Name = "main", Image = "none" }] },
        }, _ct);
        var (network, attachment) = _node.NewPod();
        return (network, attachment with
        {
            Arguments = ImmutableSortedDictionary<string, string>.Empty
                .Add("K8S_POD_NAMESPACE", ns).Add("K8S_POD_NAME", name).Add("K8S_POD_UID", pod.Metadata.Uid),
        });
    }

    /// <summary>The same, and plugs it in.</summary>
    public async Task<Cni.Pod> AddPodAsync(string ns, string name, params (string, string)[] labels)
    {
        var (network, attachment) = await NewPodAsync(ns, name, labels);
        return new(network, attachment, await Runtime.AddAsync(attachment, _ct));
    }

    public async ValueTask DisposeAsync()
    {
        await StopAgentAsync();
        await Api.DisposeAsync();
        _node.Dispose();
    }
}
