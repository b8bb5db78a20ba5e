using Fairlead.Core.Services;
using Fairlead.Core.State;
using Fairlead.Kube.Client;
using Fairlead.Kube.Informers;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Fairlead.Proxy.HealthChecks;
using Fairlead.Proxy.Nftables;
using Microsoft.Extensions.Logging;

namespace Fairlead.Proxy;

/// <summary>Follows Services and their endpoints and keeps the kernel sending packets to them.</summary>
public sealed partial class ServiceProxy : IDisposable
{
    /// <summary>As kube-proxy asks: what is headless or another proxy's does not even come over the wire.</summary>
    private const string ForUs = $"!{ServiceTableCompiler.HeadlessLabel},!{ServiceTableCompiler.ProxyNameLabel}";

    private static readonly ReconcileTiming s_timing = new(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(30));

    private readonly Informer<Service> _services;
    private readonly Informer<EndpointSlice> _slices;
    private readonly Snapshot<NodeFacts> _here;
    private readonly ServiceTableSource _source;
    private readonly NftablesFamilies _reconciler;
    private readonly ReconcileLoop<ServiceTable> _loop;
    private readonly TableMonitor _monitor;
    private readonly ServiceProxyOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<ServiceProxy> _logger;

    public ServiceProxy(KubeClient client, ServiceProxyOptions options)
    {
        _options = options;
        (_time, _logger) = (options.Time, options.Loggers.CreateLogger<ServiceProxy>());
        _services = new(client, KubeResources.Services, new(LabelSelector: ForUs, Trim: Trimming.Trim), _time, options.Loggers.CreateLogger<Informer<Service>>());
        _slices = new(client, KubeResources.EndpointSlices, new(LabelSelector: ForUs, Trim: Trimming.Trim), _time, options.Loggers.CreateLogger<Informer<EndpointSlice>>());
        _here = new(new NodeFacts(options.NodeName) { ExternalIPs = options.ExternalIPs });
        _source = new(_here.Current);
        _reconciler = new(options);
        _loop = new(_reconciler, Tables, s_timing, _time, options.Loggers.CreateLogger<ReconcileLoop<ServiceTable>>());
        _monitor = new(options.Network, _reconciler.IsOwn, _loop.LookAgain, _time, _logger);
        Health = new(_time);
    }

    public ProxyHealth Health { get; }

    /// <summary>The newest table: what the kernel should be like.</summary>
    public Snapshot<ServiceTable> Tables { get; } = new(ServiceTable.Unknown);

    /// <summary>The way into the kernel, alone: to clean up without an API server, and for tests.</summary>
    public static IReconciler<ServiceTable> Reconciler(ServiceProxyOptions options) => new NftablesFamilies(options);

    /// <summary>Takes in what this node's object says now: its zone, and whether it is about to go.</summary>
    public void Observe(Node? node)
    {
        Health.Observe(node);
        var next = _here.Current with { Zone = node?.Metadata.Labels.Find(NodeFacts.ZoneLabel) };
        if (next != _here.Current)
        {
            _here.Publish(next);
        }
    }

    /// <summary>Runs until cancelled, and leaves the kernel as it is then.</summary>
    public Task RunAsync(CancellationToken ct)
        => Parts.RunAsync(ct, _services.RunAsync, _slices.RunAsync, CompileAsync, _loop.RunAsync, _monitor.RunAsync, ProgressAsync, HealthCheckAsync);

    public void Dispose()
    {
        _loop.Dispose();
        _reconciler.Dispose();
    }

    private async Task CompileAsync(CancellationToken ct)
    {
        while (true)
        {
            var (services, slices) = (_services.Snapshot.Current, _slices.Snapshot.Current);
            var before = Tables.Current;
            var here = _here.Current;
            var next = _source.Update(services, slices, here);
            if (!ReferenceEquals(next, before))
            {
                Tell(before, next);
                Health.Queued();
                Telemetry.LastQueued.Record(_time.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0);
                Tables.Publish(next);
            }

            await Task.WhenAny(_services.Snapshot.ChangedAsync(services), _slices.Snapshot.ChangedAsync(slices), _here.ChangedAsync(here)).WaitAsync(ct);
        }
    }

    private async Task HealthCheckAsync(CancellationToken ct)
    {
        await using var ports = new HealthCheckPorts(Tables, () => Health.IsHealthy, _options);
        await ports.RunAsync(ct);
    }

    private async Task ProgressAsync(CancellationToken ct)
    {
        await foreach (var applied in _loop.Progress.WatchAsync(ct))
        {
            if (applied.State is { IsKnown: true } state && ReferenceEquals(state, Tables.Current))
            {
                Health.Updated();
            }
        }
    }

    private void Tell(ServiceTable before, ServiceTable next)
    {
        foreach (var key in next.ChangedSince(before))
        {
            if (next.Services.TryGetValue(key, out var rules))
            {
                foreach (var diagnostic in rules.Diagnostics.Except(before.Services.GetValueOrDefault(key)?.Diagnostics ?? []))
                {
                    LogDiagnostic(key, diagnostic.Reason, diagnostic.Message);
                }
            }
        }
    }

    [LoggerMessage(LogLevel.Warning, "Service {Service}: {Reason}: {Message}")]
    private partial void LogDiagnostic(ObjectKey service, string reason, string message);
}
