using System.Net;
using Fairlead.Cni.Runtime;
using Fairlead.Core.State;
using Fairlead.Kube.Client;
using Fairlead.Lab.Nodes;
using Fairlead.Lab.Pods;
using Fairlead.Lab.State;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Processes;
using Microsoft.Extensions.Logging;

namespace Fairlead.Lab.Stages;

/// <summary>The nodes: an agent's process in each one's namespace, and the runtime of its pods in this process.</summary>
internal sealed class NodesStage(
    LabOptions options,
    LabPaths paths,
    UnderlayPlan underlay,
    KubeClient client,
    string authority,
    PodStreams streams,
    Action<string, LabProcess?> registerAgent,
    TimeProvider time,
    ILoggerFactory logging) : ILabStage
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly List<AgentProcess> _agents = [];
    private readonly List<NetworkNamespace> _namespaces = [];
    private Task _running = Task.CompletedTask;

    public string Name => "agents and pod runtimes";

    public Task Running => _running;

    public Task StartAsync(CancellationToken ct)
    {
        var plugins = CniInstall.FindExecutable()
            ?? throw new LabException($"{CniInstall.ExecutableName} is not beside {LabExecutable.Path}", "build both with ./fairlead");
        var inputs = new PodInputSource(client, time, logging);
        var runtimes = new List<PodRuntime>();
        foreach (var node in underlay.Nodes)
        {
            Directory.CreateDirectory(paths.CniConf(node.Name));
            File.WriteAllText(paths.NodeResolvConf(node.Name), $"nameserver {underlay.HostAddress}\n");
            CniInstall.Refresh(plugins, paths.CniBin(node.Name));
            var agent = new AgentProcess(node, options, paths, registerAgent, time, logging.CreateLogger<AgentProcess>());
            _agents.Add(agent);
            agent.Start();

            var network = NetworkNamespace.Open(node.Namespace);
            _namespaces.Add(network);
            runtimes.Add(new PodRuntime(RuntimeOptions(node, network), client, network, inputs, streams, time, logging));
        }

        // All at once and last: were one started before something above failed, nobody would wait for its end.
        _running = Parts.RunAsync(_stopping.Token, [inputs.RunAsync, .. runtimes.Select<PodRuntime, Func<CancellationToken, Task>>(r => r.RunAsync)]);
        return Task.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _running.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        await Task.WhenAll(_agents.Select(a => a.DisposeAsync().AsTask()));
        _namespaces.ForEach(n => n.Dispose());
        _stopping.Dispose();
    }

    private PodRuntimeOptions RuntimeOptions(UnderlayNode node, NetworkNamespace network) => new()
    {
        NodeName = node.Name,
        NodeAddress = node.Address.ToString(),
        Lab = options.Name,
        StateDirectory = paths.Pods,
        Launcher = Path.Combine(paths.CniBin(node.Name), CniInstall.LauncherName),
        Fairlead = [LabExecutable.Path],
        ClusterDns = AddressRange.At(IPNetwork.Parse(options.ServiceCidr), 10).ToString(),
        ClusterCertificate = authority,
        NodeResolvConf = paths.NodeResolvConf(node.Name),
        Hidden = [paths.Folder],
        ProgramFolders = [.. LabExecutable.Folders.Where(f => Mount.PointOf(f) != "/")],
        Network = new CniRuntimeOptions
        {
            ConfigDirectory = paths.CniConf(node.Name),
            PluginDirectories = [paths.CniBin(node.Name)],
            CacheDirectory = paths.CniCache(node.Name),
            NodeNamespace = network,
        },
    };
}
