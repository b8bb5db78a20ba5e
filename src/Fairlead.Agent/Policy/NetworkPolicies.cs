using System.Diagnostics.Metrics;
using Fairlead.Agent.Pods;
using Fairlead.Cni.AgentSocket;
using Fairlead.Core.Policy;
using Fairlead.Core.State;
using Fairlead.Kube.Client;
using Fairlead.Kube.Events;
using Fairlead.Kube.Informers;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Fairlead.Linux.Netlink;
using Fairlead.Linux.Nftables;
using Microsoft.Extensions.Logging;

namespace Fairlead.Agent.Policy;

/// <summary>Network policy on one node: follows the cluster's policies and keeps them in the kernel.</summary>
/// <remarks>Pods and namespaces of the whole cluster are followed only once there is a policy: a cluster without one pays nothing for them.</remarks>
internal sealed partial class NetworkPolicies : IDisposable
{
    private readonly AgentOptions _options;
    private readonly Informer<NetworkPolicy> _policies;
    private readonly Informer<Pod> _pods;
    private readonly Informer<Namespace> _namespaces;
    private readonly PolicySource _source;
    private readonly PolicyReconciler _reconciler;
    private readonly ReconcileLoop<PolicyTable> _loop;
    private readonly EventRecorder _events;
    private readonly Snapshot<PolicyTable> _table = new(PolicyTable.Unknown);
    private readonly Snapshot<Compiled> _compiled = new(new(-1, 0));
    private readonly LocalPods _local;
    private readonly Meter _meter = new("Fairlead.Agent.Policy");
    private readonly ILogger _logger;
    private Store<NetworkPolicy>? _kept;

    public NetworkPolicies(KubeClient client, AgentOptions options, LocalPods local, ReconcileTiming timing)
    {
        (_options, _local) = (options, local);
        _logger = options.Loggers.CreateLogger<NetworkPolicies>();
        _policies = new(client, KubeResources.NetworkPolicies, new(), options.Time, options.Loggers.CreateLogger<Informer<NetworkPolicy>>());
        _pods = new(client, KubeResources.Pods, new(Trim: PolicyPod.Trim), options.Time, options.Loggers.CreateLogger<Informer<Pod>>());
        _namespaces = new(client, KubeResources.Namespaces, new(Trim: TrimNamespace), options.Time, options.Loggers.CreateLogger<Informer<Namespace>>());
        _source = new(options.NodeName);
        _reconciler = Reconciler(options);
        _loop = new(_reconciler, _table, timing, options.Time, options.Loggers.CreateLogger<ReconcileLoop<PolicyTable>>());
        _events = new(client, "fairlead-agent", options.NodeName, options.Time, _logger);
        _meter.CreateObservableCounter("fairlead_policy_denied_packets_total", Denied, description: "Packets to or from pods of this node that no policy of theirs allows, for each of those policies");
    }

    /// <summary>Whether the policies of this node's pods are in force.</summary>
    public bool IsReady => _loop.Progress.Current.State is { IsKnown: true };

    public Snapshot<Store<NetworkPolicy>> Policies => _policies.Snapshot;

    /// <summary>The pods of the whole cluster; listed only once there is a policy.</summary>
    public Snapshot<Store<Pod>> Pods => _pods.Snapshot;

    public Snapshot<Store<Namespace>> Namespaces => _namespaces.Snapshot;

    /// <summary>Whether policies may select pods of a namespace; where the API server has not said so yet, by what it said last.</summary>
    public bool MaySelect(string ns)
        => Policies.Current is { Synced: true } policies
            ? policies.Objects.Keys.Any(key => key.Namespace == ns)
            : PolicyNamespaces.Read(_options.PolicyNamespacesFile).Contains(ns, StringComparer.Ordinal);

    /// <summary>Waits until this node's pods, as of a version, are treated as the policies say.</summary>
    public async Task InForceAsync(long version, CancellationToken ct)
    {
        while (_compiled.Current is var compiled && compiled.Version < version)
        {
            await _compiled.ChangedAsync(compiled).WaitAsync(ct);
        }

        var revision = _compiled.Current.Revision;
        while (_loop.Progress.Current is var applied && applied.State is not { IsKnown: true } state || applied.State.Revision < revision)
        {
            await _loop.Progress.ChangedAsync(applied).WaitAsync(ct);
        }
    }

    public static PolicyReconciler Reconciler(AgentOptions options) => new(options.Network, options.Loggers.CreateLogger<PolicyReconciler>());

    public Task RunAsync(CancellationToken ct) => Parts.RunAsync(
        ct,
        _policies.RunAsync,
        FollowPodsAsync,
        CompileAsync,
        _loop.RunAsync,
        _events.RunAsync,
        WatchTableAsync,
        new DenialLog(_options.Network, _table, NameOf, _options.Time, _options.Loggers.CreateLogger<DenialLog>()).RunAsync);

    public void Dispose()
    {
        _meter.Dispose();
        _reconciler.Dispose();
        _loop.Dispose();
    }

    private static Namespace TrimNamespace(Namespace ns) => new() { Metadata = new ObjectMeta { Name = ns.Metadata.Name, Labels = ns.Metadata.Labels } };

    private async Task FollowPodsAsync(CancellationToken ct)
    {
        await foreach (var store in _policies.Snapshot.WatchAsync(ct))
        {
            if (!store.Objects.IsEmpty)
            {
                break;
            }
        }

        await Parts.RunAsync(ct, _pods.RunAsync, _namespaces.RunAsync);
    }

    private async Task CompileAsync(CancellationToken ct)
    {
        while (true)
        {
            // First: whoever puts a pod there knows that it is among the pods of the API.
            var attached = _local.Attached.Current;
            var (policies, pods, namespaces) = (_policies.Snapshot.Current, _pods.Snapshot.Current, _namespaces.Snapshot.Current);
            Keep(policies);

            // Without policies nothing depends on pods, which then are not even listed.
            var next = policies is { Synced: true, Objects.IsEmpty: true } && !pods.Synced ? PolicyTable.None : _source.Update(policies, pods, namespaces, attached);
            if (!ReferenceEquals(next, _table.Current))
            {
                Tell(_table.Current, next);
                _table.Publish(next);
            }

            if (next.IsKnown)
            {
                _compiled.Publish(new(attached.Version, next.Revision));
            }

            await Task.WhenAny(
                _policies.Snapshot.ChangedAsync(policies), _pods.Snapshot.ChangedAsync(pods), _namespaces.Snapshot.ChangedAsync(namespaces),
                _local.Attached.ChangedAsync(attached)).WaitAsync(ct);
        }
    }

    /// <summary>Notes which namespaces have policies, before these are in force: a plugin that finds no agent goes by it.</summary>
    private void Keep(Store<NetworkPolicy> policies)
    {
        if (policies.Synced && !ReferenceEquals(policies, _kept))
        {
            PolicyNamespaces.Write(_options.PolicyNamespacesFile, policies.Objects.Keys.Select(k => k.Namespace));
            _kept = policies;
        }
    }

    /// <summary>Looks again when somebody else changes the table.</summary>
    private Task WatchTableAsync(CancellationToken ct)
        => MonitorLoop.RunAsync(
            () => NftablesMonitor.Open(_options.Network),
            change =>
            {
                if (change.IsResynchronise || (change.Table == PolicyRules.Table && change.PortId != _reconciler.PortId))
                {
                    _loop.LookAgain();
                }

                return Task.CompletedTask;
            },
            _loop.LookAgain,
            e => LogLost(e, MonitorLoop.Pause),
            _options.Time,
            ct);

    private void Tell(PolicyTable before, PolicyTable now)
    {
        foreach (var diagnostic in now.Diagnostics.Except(before.Diagnostics))
        {
            LogDiagnostic(diagnostic.Policy, diagnostic.Message);
            if (_policies.Snapshot.Current.Find(diagnostic.Policy) is { } policy)
            {
                _events.Warning(policy, diagnostic.Reason, diagnostic.Message);
            }
        }
    }

    private ObjectKey? NameOf(string address)
    {
        foreach (var pod in _pods.Snapshot.Current.Values)
        {
            if (!pod.Spec.HostNetwork && (pod.Status.PodIP == address || pod.Status.PodIPs.Any(ip => ip.Ip == address)))
            {
                return pod.Key;
            }
        }

        return null;
    }

    private IEnumerable<Measurement<long>> Denied()
    {
        var counts = _reconciler.Denied();
        var table = _table.Current;
        return table.Pods
            .SelectMany(p => new[] { (Direction: PolicyDirection.Ingress, Policies: p.Ingress), (Direction: PolicyDirection.Egress, Policies: p.Egress) })
            .Where(g => !g.Policies.IsEmpty)
            .Distinct()
            .SelectMany(g => g.Policies.Select(policy => (g.Direction, Policy: policy, Packets: counts.GetValueOrDefault(PolicyRules.GroupOf(g.Direction, g.Policies)))))
            .GroupBy(c => (c.Direction, c.Policy), c => c.Packets)
            .Select(g => new Measurement<long>(
                (long)g.Aggregate(0UL, (sum, n) => sum + n),
                new("namespace", g.Key.Policy.Namespace), new("policy", g.Key.Policy.Name), new("direction", g.Key.Direction == PolicyDirection.Ingress ? "ingress" : "egress")))
            .ToList();
    }

    /// <summary>Which of this node's pods, and which table came of it.</summary>
    private sealed record Compiled(long Version, long Revision);

    [LoggerMessage(LogLevel.Warning, "NetworkPolicy {Policy}: {Message}")]
    private partial void LogDiagnostic(ObjectKey policy, string message);

    [LoggerMessage(LogLevel.Warning, "Lost the kernel's events; listening again in {Pause}")]
    private partial void LogLost(Exception e, TimeSpan pause);
}
