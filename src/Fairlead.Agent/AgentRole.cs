using System.Net;
using Fairlead.Agent.CniConfig;
using Fairlead.Agent.Forwarding;
using Fairlead.Agent.Ipam;
using Fairlead.Agent.Masquerade;
using Fairlead.Agent.Overlay;
using Fairlead.Agent.Pods;
using Fairlead.Agent.Policy;
using Fairlead.Agent.Problems;
using Fairlead.Agent.Status;
using Fairlead.Core.Nodes;
using Fairlead.Core.Nodes.Blocks;
using Fairlead.Core.State;
using Fairlead.Core.Telemetry;
using Fairlead.Kube.Client;
using Fairlead.Kube.Events;
using Fairlead.Kube.Informers;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Fairlead.Proxy;
using Fairlead.Proxy.HealthChecks;
using Microsoft.Extensions.Logging;

namespace Fairlead.Agent;

/// <summary>The node agent: everything that a node does for the pod network and its Services, in one process.</summary>
/// <remarks>
/// Stopping leaves the data plane in force, and starting anew finds it: packets do not notice. <see cref="AgentOptions.Cleanup"/>
/// removes it.
/// </remarks>
public static class AgentRole
{
    /// <summary>Longest time that a change by somebody else, missed by the monitors, stays.</summary>
    private static readonly ReconcileTiming s_timing = ReconcileTiming.Default with { Resync = TimeSpan.FromSeconds(30) };

    /// <summary>Runs until cancelled; with <see cref="AgentOptions.Cleanup"/>, until all is removed.</summary>
    /// <exception cref="ArgumentException">The options make no sense; the message has one line for each fault.</exception>
    public static async Task RunAsync(AgentOptions options, CancellationToken ct)
    {
        var faults = options.Validate();
        if (faults.Count > 0)
        {
            throw new ArgumentException(string.Join('\n', faults), nameof(options));
        }

        if (options.Cleanup)
        {
            await CleanAsync(options, ct);
        }
        else
        {
            await ServeAsync(options, ct);
        }
    }

    private static async Task ServeAsync(AgentOptions options, CancellationToken ct)
    {
        var log = new AgentLog(options.Loggers.CreateLogger<AgentLog>());
        log.Starting(options.NodeName, options.Overlay, options.ProxyMode, options.Ipam, string.Join(',', options.ClusterCidrs), string.Join(',', options.ServiceCidrs));
        using var client = new KubeClient(options.Api!, options.Time);
        var events = new EventRecorder(client, "fairlead-agent", options.NodeName, options.Time, options.Loggers.CreateLogger<EventRecorder>());
        var board = Board(options);
        var nodes = new Informer<Node>(client, KubeResources.Nodes, new(Trim: options.Ipam == "fairlead" ? n => PublishedRanges.AsSpec(NodeTopologySource.Trim(n)) : NodeTopologySource.Trim), options.Time, options.Loggers.CreateLogger<Informer<Node>>());
        var source = new NodeTopologySource(options.NodeName, [.. options.ClusterCidrs]);
        var clock = new PathClock(options.Time, options.Loggers.CreateLogger<PathClock>());
        var topology = new TopologyLoop(
            nodes.Snapshot, source, options.ServiceCidrs, () => HostRanges.Read(options.Network), new LastKnown(options.StateDir), options.Api!.Server, board,
            options.Time, options.Loggers.CreateLogger<TopologyLoop>()) { Clock = clock };
        var blocks = options.Ipam == "fairlead" ? Blocks(options, client, nodes.Snapshot, board) : null;
        var paths = Overlay(options, board);
        var drift = new DriftMonitor(options.Network, paths.InForce, topology.Ring, options.Time, options.Loggers.CreateLogger<DriftMonitor>());
        var overlay = Loop(options, paths, topology.Topology);
        var masquerade = Loop(options, Masquerade(options), topology.Topology);

        // What follows the overlay follows only what the overlay has brought about.
        var standing = new Snapshot<NodeTopology>(NodeTopology.Unknown);
        var config = Loop(options, CniConfig(options, paths.InForce, board), standing);
        var condition = Loop(options, new NodeConditionReconciler(client, options.Time, options.Loggers.CreateLogger<NodeConditionReconciler>()), standing);
        using var proxy = options.ProxyMode == "none" ? null : new ServiceProxy(client, Proxy(options));
        var pods = new LocalPods(CniConflist.Network, options.Leases, options.Network);
        using var policies = new NetworkPolicies(client, options, pods, s_timing);
        using var plugins = new CniSocketServer(
            options.CniSocket, options.Network, pods, new PodAdmission(pods, policies, options.Time), options.Time, options.Loggers.CreateLogger<CniSocketServer>());

        var addresses = new AddressKeeper(
            pods, CniConflist.Network, options.Leases, options.CniCacheDir, options.Network, options.Time, options.Loggers.CreateLogger<AddressKeeper>());

        // Before any policy is compiled: a pod that was plugged in just before an agent was killed is not in the API yet.
        addresses.Look();
        using var metrics = new PrometheusText();
        ProcessMetrics.Register();
        await using var health = await HealthAsync(options, proxy, config, policies, board, metrics, ct);

        try
        {
            await Parts.RunAsync(
                ct,
                events.RunAsync,
                new ProblemEvents(options.NodeName, board.Problems, events, options.Time).RunAsync,
                nodes.RunAsync,
                t => blocks?.RunAsync(t) ?? Task.CompletedTask,
                topology.RunAsync,
                drift.RunAsync,
                Loop(options, new ForwardingReconciler(options.Network, options.Loggers.CreateLogger<ForwardingReconciler>()), topology.Topology).RunAsync,
                overlay.RunAsync,
                masquerade.RunAsync,
                policies.RunAsync,
                plugins.RunAsync,
                addresses.RunAsync,
                t => RelayAsync(paths.InForce, standing, t),
                t => clock.RunAsync(paths.InForce, t),
                t => new ChecksumEcho(options.Network, options.Loggers.CreateLogger<ChecksumEcho>()).RunAsync(paths.InForce, t),
                t => new ChecksumProbe(options.Network, board, options.Time, options.Loggers.CreateLogger<ChecksumProbe>()).RunAsync(paths.InForce, t),
                Loop(options, new NodePublisher(client, paths.InForce, options.Loggers.CreateLogger<NodePublisher>()), standing).RunAsync,
                config.RunAsync,
                t => RelayReadyAsync(config, condition, t),
                t => ObserveAsync(nodes.Snapshot, options.NodeName, proxy, t),
                t => proxy?.RunAsync(t) ?? Task.CompletedTask);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // Stopping is how it ends.
        }
    }

    /// <summary>Removes everything, going on past a failure, and tells what could not be removed.</summary>
    private static async Task CleanAsync(AgentOptions options, CancellationToken ct)
    {
        var log = new AgentLog(options.Loggers.CreateLogger<AgentLog>());
        var failures = new List<Exception>();
        foreach (var (name, clean) in new (string, Func<CancellationToken, Task>)[]
        {
            // First what brings new pods here, last what carries those that are.
            ("cni-config", CniConfig(options, new(OverlayInForce.NotYet), Board(options)).CleanAsync),
            ("cni-socket", _ => Task.Run(() => CniSocketServer.Clean(options.CniSocket), CancellationToken.None)),
            ("proxy", ServiceProxy.Reconciler(Proxy(options)).CleanAsync),
            ("masquerade", Masquerade(options).CleanAsync),
            ("policy", NetworkPolicies.Reconciler(options).CleanAsync),
            ("overlay", Overlay(options, Board(options)).CleanAsync),
        })
        {
            try
            {
                await clean(ct);
                log.Removed(name);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                failures.Add(new IOException($"{name}: {e.Message}", e));
            }
        }

        if (failures.Count > 0)
        {
            throw new AggregateException("could not remove everything", failures);
        }
    }

    private static OverlayReconciler Overlay(AgentOptions options, ProblemBoard board)
        => new(
            OverlayKinds.TryParse(options.Overlay, out var asked) ? asked : null, OverlayModes.All(options.Network, options.StateDir, options.Loggers), board, options.Network,
            options.Loggers.CreateLogger<OverlayReconciler>());

    private static MasqueradeReconciler Masquerade(AgentOptions options)
        => new(options.ClusterCidrs, [.. options.ServiceCidrs, .. options.NonMasqueradeCidrs], options.Network, options.Loggers.CreateLogger<MasqueradeReconciler>());

    private static BlockLoop Blocks(AgentOptions options, KubeClient client, Snapshot<Store<Node>> nodes, ProblemBoard board)
        => new(
            client, new BlockClaims(client, options.NodeName, options.Time, options.Loggers.CreateLogger<BlockClaims>()), options.NodeName, options.Pools(), nodes,
            () => [.. options.ServiceCidrs, .. HostRanges.Read(options.Network).Select(r => r.Network)], () => HeldAddresses.Read(options.StateDir), board, options.Time);

    private static ProblemBoard Board(AgentOptions options) => new(options.Loggers.CreateLogger<ProblemBoard>());

    private static CniConfigReconciler CniConfig(AgentOptions options, Snapshot<OverlayInForce> overlay, ProblemBoard board)
        => new(
            options.CniConfDir, options.CniBinDir, new(options.Leases, options.CniSocket, options.PolicyNamespacesFile), overlay, board,
            options.Loggers.CreateLogger<CniConfigReconciler>());

    private static ServiceProxyOptions Proxy(AgentOptions options) => new()
    {
        NodeName = options.NodeName,
        ClusterCidrs = options.ClusterCidrs,
        ServiceCidrs = options.ServiceCidrs,
        ExternalIPs = options.ExternalIPs,
        Network = options.Network,
        Time = options.Time,
        Loggers = options.Loggers,
    };

    private static ReconcileLoop<T> Loop<T>(AgentOptions options, IReconciler<T> reconciler, Snapshot<T> desired)
        where T : class
        => new(reconciler, desired, s_timing, options.Time, options.Loggers.CreateLogger<ReconcileLoop<T>>());

    /// <summary>Passes on what the overlay has brought about.</summary>
    private static async Task RelayAsync(Snapshot<OverlayInForce> from, Snapshot<NodeTopology> to, CancellationToken ct)
    {
        await foreach (var overlay in from.WatchAsync(ct))
        {
            if (overlay.Topology is { Self: not null } topology)
            {
                to.Publish(topology);
            }
        }
    }

    /// <summary>Starts to tell the cluster that pods may come once the runtime was told.</summary>
    private static async Task RelayReadyAsync(ReconcileLoop<NodeTopology> config, ReconcileLoop<NodeTopology> condition, CancellationToken ct)
    {
        await foreach (var applied in config.Progress.WatchAsync(ct))
        {
            if (applied.State is { Self: not null })
            {
                break;
            }
        }

        await condition.RunAsync(ct);
    }

    private static async Task ObserveAsync(Snapshot<Store<Node>> nodes, string self, ServiceProxy? proxy, CancellationToken ct)
    {
        await foreach (var store in nodes.WatchAsync(ct))
        {
            proxy?.Observe(store.Find("", self));
        }
    }

    private static async Task<HealthServer?> HealthAsync(
        AgentOptions options, ServiceProxy? proxy, ReconcileLoop<NodeTopology> config, NetworkPolicies policies,
        ProblemBoard board, PrometheusText metrics, CancellationToken ct)
    {
        if (options.HealthPort == 0)
        {
            return null;
        }

        var pages = new Dictionary<string, Func<HealthAnswer>>(StringComparer.Ordinal)
        {
            ["/healthz"] = () => proxy?.Health.Healthz() ?? HealthAnswer.Text("ok\n"),
            ["/livez"] = () => proxy?.Health.Livez() ?? HealthAnswer.Text("ok\n"),
            ["/readyz"] = () => Ready(config.Progress.Current.State is { Self: not null }, proxy?.Health.IsReady ?? true, policies.IsReady, board),
            ["/metrics"] = () => new HealthAnswer(200, PrometheusText.ContentType, metrics.Render()),
        };
        return await HealthServer.StartAsync(new IPEndPoint(IPAddress.Any, options.HealthPort), pages, options.Network, options.Loggers, ct);
    }

    private static HealthAnswer Ready(bool network, bool services, bool policies, ProblemBoard board)
        => HealthAnswer.Text(
            $"[{Mark(network)}]pod-network\n[{Mark(services)}]services\n[{Mark(policies)}]network-policy\n{board.Render()}",
            network && services && policies && !board.Blocks ? 200 : 503);

    private static char Mark(bool good) => good ? '+' : '-';
}
