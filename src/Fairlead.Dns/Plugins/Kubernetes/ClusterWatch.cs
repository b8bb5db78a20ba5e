using Fairlead.Kube.Client;
using Fairlead.Kube.Informers;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Microsoft.Extensions.Logging;

namespace Fairlead.Dns.Plugins.Kubernetes;

/// <summary>Follows a cluster and keeps the newest zone of it.</summary>
internal sealed class ClusterWatch : IClusterZone
{
    private readonly KubeClient _client;
    private readonly CancellationTokenSource _stop = new();
    private readonly Informer<Service> _services;
    private readonly Informer<EndpointSlice> _slices;
    private readonly Informer<Namespace> _namespaces;
    private readonly Informer<Pod>? _pods;
    private readonly Snapshot<Store<Pod>> _noPods = new(Store.Of<Pod>());
    private readonly TimeProvider _time;
    private readonly List<Task> _running = [];

    public ClusterWatch(KubeClient client, ZoneSettings settings, string? labels, string? namespaceLabels, TimeProvider time, ILogger logger)
    {
        _client = client;
        _time = time;
        _services = new(client, KubeResources.Services, new(LabelSelector: labels, Trim: Trim), time, logger);
        _slices = new(client, KubeResources.EndpointSlices, new(Trim: Trim), time, logger);
        _namespaces = new(client, KubeResources.Namespaces, new(LabelSelector: namespaceLabels, Trim: n => new() { Metadata = Trim(n.Metadata) }), time, logger);
        _pods = settings.Pods == PodMode.Verified ? new(client, KubeResources.Pods, new(Trim: Trim), time, logger) : null;
        Zone = new(ZoneSnapshot.Empty(settings));
    }

    public Uri Server => _client.Config.Server;

    public Snapshot<ZoneSnapshot> Zone { get; }

    public void Start()
    {
        lock (_running)
        {
            if (_running.Count > 0)
            {
                return;
            }

            var ct = _stop.Token;
            _running.AddRange([_services.RunAsync(ct), _slices.RunAsync(ct), _namespaces.RunAsync(ct)]);
            if (_pods is not null)
            {
                _running.Add(_pods.RunAsync(ct));
            }

            _running.Add(Task.Run(() => CompileAsync(ct), ct));
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _client.Dispose();
        _stop.Dispose();
    }

    /// <summary>Compiles whenever the cluster has changed, from the newest state: changes that come together are compiled together.</summary>
    private async Task CompileAsync(CancellationToken ct)
    {
        var pods = _pods?.Snapshot ?? _noPods;
        while (true)
        {
            var state = new ClusterState(_services.Snapshot.Current, _slices.Snapshot.Current, _namespaces.Snapshot.Current, pods.Current);

            // Nothing is published half listed: until all is known the zone stays empty, and says so.
            if (state.Synced)
            {
                Zone.Publish(Zone.Current.With(state, (uint)_time.GetUtcNow().ToUnixTimeSeconds()));
            }

            await Task.WhenAny(
                _services.Snapshot.ChangedAsync(state.Services),
                _slices.Snapshot.ChangedAsync(state.Slices),
                _namespaces.Snapshot.ChangedAsync(state.Namespaces),
                pods.ChangedAsync(state.Pods)).WaitAsync(ct);
        }
    }

    private static ObjectMeta Trim(ObjectMeta meta) => new()
    {
        Name = meta.Name,
        Namespace = meta.Namespace,
        Uid = meta.Uid,
        ResourceVersion = meta.ResourceVersion,
        DeletionTimestamp = meta.DeletionTimestamp,
    };

    private static Service Trim(Service service) => new()
    {
        Metadata = Trim(service.Metadata),
        Spec = new()
        {
            Type = service.Spec.Type,
            ClusterIP = service.Spec.ClusterIP,
            ClusterIPs = service.Spec.ClusterIPs,
            ExternalName = service.Spec.ExternalName,
            Ports = [.. service.Spec.Ports.Select(p => new ServicePort { Name = p.Name, Protocol = p.Protocol, Port = p.Port })],
        },
    };

    private static EndpointSlice Trim(EndpointSlice slice) => slice with
    {
        Metadata = Trim(slice.Metadata) with
        {
            Labels = slice.Metadata.Labels.Find(ZoneCompiler.ServiceNameLabel) is { } name ? EquatableMap.Of((ZoneCompiler.ServiceNameLabel, name)) : default,
        },
        Endpoints =
        [
            .. slice.Endpoints.Select(e => new Endpoint
            {
                Addresses = e.Addresses,
                Conditions = e.Conditions,
                Hostname = e.Hostname,
                TargetRef = e.TargetRef is { } target ? new() { Name = target.Name } : null,
            }),
        ],
    };

    private static Pod Trim(Pod pod) => new()
    {
        Metadata = Trim(pod.Metadata),
        Status = new() { Phase = pod.Status.Phase, PodIP = pod.Status.PodIP, PodIPs = pod.Status.PodIPs },
    };
}
