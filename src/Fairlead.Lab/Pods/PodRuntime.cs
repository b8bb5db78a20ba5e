using Fairlead.Cni.Runtime;
using Fairlead.Kube.Client;
using Fairlead.Kube.Events;
using Fairlead.Kube.Informers;
using Fairlead.Kube.Objects;
using Fairlead.Lab.Pods.Leftovers;
using Fairlead.Lab.Pods.Probes;
using Fairlead.Lab.Pods.Reporting;
using Fairlead.Lab.Pods.Sandboxes;
using Fairlead.Linux.Namespaces;
using Microsoft.Extensions.Logging;

namespace Fairlead.Lab.Pods;

/// <summary>Runs the pods of one node: a small kubelet whose containers are processes of this machine.</summary>
/// <remarks>
/// <code>
/// Pods of the node (informer) ─► one <see cref="PodWorker"/> each ─► sandbox (namespace + CNI ADD)
///                                                                 ─► volumes, init containers, containers (fairlead-pod)
///                                                                 ─► probes ─► status
/// </code>
/// It lives in the lab's own process and not in the agent's, so that an agent can be killed without touching a pod.
/// </remarks>
public sealed partial class PodRuntime
{
    private readonly PodRuntimeOptions _options;
    private readonly KubeClient _client;
    private readonly PodStreams _streams;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Machine _machine = Machine.Read();
    private readonly NetworkReadiness _readiness;
    private readonly NodeReporter _reporter;
    private readonly EventRecorder _events;
    private readonly PodHost _host;
    private readonly Dictionary<string, (PodWorker Worker, Pod Seen, Task Running)> _workers = new(StringComparer.Ordinal);

    /// <param name="options">Node, lab and cluster.</param>
    /// <param name="client">The lab's own way to the API server.</param>
    /// <param name="node">The node's network.</param>
    /// <param name="inputs">Services, ConfigMaps and Secrets; shared by the nodes, and run by whoever made it.</param>
    /// <param name="streams">Where logs are found; shared by the nodes.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logging">Where to log.</param>
    public PodRuntime(
        PodRuntimeOptions options, KubeClient client, NetworkNamespace node, PodInputSource inputs, PodStreams streams, TimeProvider time, ILoggerFactory logging)
    {
        (_options, _client, _streams, _time, _logger) = (options, client, streams, time, logging.CreateLogger<PodRuntime>());
        var network = new CniRuntime(options.Network with { NodeNamespace = node }, time);
        _readiness = new NetworkReadiness(network, options.Network.ConfigDirectory, time, _logger);
        _reporter = new NodeReporter(options, client, _readiness, _machine, time, _logger);
        _events = new EventRecorder(client, "kubelet", options.NodeName, time, _logger);
        _host = new PodHost
        {
            Options = options,
            Client = client,
            Node = node,
            Network = network,
            Readiness = _readiness,
            Inputs = inputs,
            Leftovers = new LeftoverRegistry(options.StateDirectory),
            Events = new PodEvents(_events),
            Checks = new NetworkChecks(node),
            Resources = NodeObjectCompiler.Resources(_machine, options.PodCapacity),
            Time = time,
            Logger = _logger,
        };
    }

    /// <summary>Removes what the pods of a killed lab left on this machine, and says how much that was. Only while no runtime uses the folder.</summary>
    public static Task<LeftoverReport> CleanLeftoversAsync(string stateDirectory, TimeProvider time, CancellationToken ct)
        => LeftoverCleaner.CleanAsync(stateDirectory, time, ct);

    /// <summary>Runs pods until cancelled; returns when every one of them is killed and removed from this machine.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        await CollectGarbageAsync(ct);
        var pods = new Informer<Pod>(
            _client, KubeResources.Pods, new InformerOptions<Pod>(FieldSelector: $"spec.nodeName={_options.NodeName}"), _time, _logger);

        // The Node's and the pods' last words are written while the workers end, so this side is stopped after them.
        using var side = new CancellationTokenSource();
        Task[] parts =
        [
            Task.Run(() => pods.RunAsync(side.Token), CancellationToken.None),
            Task.Run(() => _readiness.RunAsync(side.Token), CancellationToken.None),
            Task.Run(() => _reporter.RunAsync(side.Token), CancellationToken.None),
            Task.Run(() => _events.RunAsync(side.Token), CancellationToken.None),
            Task.Run(() => _host.Inputs.WatchAsync(RingAll, side.Token), CancellationToken.None),
            Task.Run(() => RingWhenReadyAsync(side.Token), CancellationToken.None),
        ];
        using var workers = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var following = FollowAsync(pods, workers.Token);
        try
        {
            await Task.WhenAny([following, .. parts]).Unwrap();
        }
        finally
        {
            await workers.CancelAsync();

            // First, or it might start one more worker that nobody waits for.
            await following.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await Task.WhenAll(Running()).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await side.CancelAsync();
            await Task.WhenAll(parts).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _host.Checks.Dispose();
        }
    }

    /// <summary>Addresses that a killed lab's pods still hold are given back before any is given out.</summary>
    private async Task CollectGarbageAsync(CancellationToken ct)
    {
        try
        {
            if (_host.Network.Attachments().Count > 0)
            {
                await _host.Network.GcAsync([], ct);
            }
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            LogGarbage(e, _options.NodeName);
        }
    }

    private async Task FollowAsync(Informer<Pod> pods, CancellationToken ct)
    {
        await foreach (var store in pods.Snapshot.WatchAsync(ct))
        {
            if (store.Synced)
            {
                Match(store, ct);
            }
        }
    }

    /// <summary>One worker for each pod that there is; pods are told apart by uid, because a name comes back.</summary>
    private void Match(Store<Pod> store, CancellationToken ct)
    {
        lock (_workers)
        {
            var present = new HashSet<string>(StringComparer.Ordinal);
            foreach (var pod in store.Values)
            {
                present.Add(pod.Metadata.Uid);
                if (!_workers.TryGetValue(pod.Metadata.Uid, out var known))
                {
                    Start(pod, ct);
                }
                else if (!ReferenceEquals(known.Seen, pod))
                {
                    _workers[pod.Metadata.Uid] = known with { Seen = pod };
                    known.Worker.Update(pod);
                }
            }

            foreach (var uid in _workers.Keys.Where(uid => !present.Contains(uid)).ToList())
            {
                _workers.Remove(uid, out var gone);
                gone.Worker.Forget();
                _ending.Add(gone.Running);
            }

            _ending.RemoveAll(t => t.IsCompleted);
        }
    }

    /// <summary>Workers whose pod is gone and that still clean up.</summary>
    private readonly List<Task> _ending = [];

    private void Start(Pod pod, CancellationToken ct)
    {
        var worker = new PodWorker(_host, pod);
        _streams.Add(worker.Key, worker);
        var running = Task.Run(
            async () =>
            {
                using (worker)
                {
                    await worker.RunAsync(ct);
                    _streams.Remove(worker.Key, worker);
                }
            },
            CancellationToken.None);
        _workers[pod.Metadata.Uid] = (worker, pod, running);
    }

    private List<Task> Running()
    {
        lock (_workers)
        {
            return [.. _workers.Values.Select(w => w.Running), .. _ending];
        }
    }

    private void RingAll()
    {
        lock (_workers)
        {
            foreach (var (worker, _, _) in _workers.Values)
            {
                worker.Ring();
            }
        }
    }

    private async Task RingWhenReadyAsync(CancellationToken ct)
    {
        await foreach (var _ in _readiness.State.WatchAsync(ct))
        {
            RingAll();
        }
    }

    [LoggerMessage(LogLevel.Warning, "Node {Node}: addresses of earlier pods could not be given back")]
    private partial void LogGarbage(Exception e, string node);
}
