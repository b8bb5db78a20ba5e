using Fairlead.Core.Routing;
using Fairlead.Core.State;
using Fairlead.Kube.Client;
using Fairlead.Kube.Informers;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Microsoft.Extensions.Logging;

namespace Fairlead.Ingress.Controller;

/// <summary>Watches the objects that routes are made of and publishes a route table for each change of them.</summary>
internal sealed partial class RouteSource
{
    private static readonly Task s_never = new TaskCompletionSource().Task;

    private readonly RoutingSettings _settings;
    private readonly ILogger _logger;
    private readonly Informer<Kube.Objects.Ingress> _ingresses;
    private readonly Informer<IngressClass> _classes;
    private readonly Informer<EndpointSlice> _slices;
    private readonly Informer<Secret> _secrets;
    private readonly Informer<ConfigMap>? _configMap;

    public RouteSource(KubeClient client, IngressOptions options, TimeProvider time, ILogger logger)
    {
        var ns = options.WatchNamespace;
        (_settings, _logger) = (options.Routing, logger);
        _ingresses = new(client, KubeResources.Ingresses, new(ns), time, logger);
        _classes = new(client, KubeResources.IngressClasses, null, time, logger);
        Services = new(client, KubeResources.Services, new(ns), time, logger);
        _slices = new(client, KubeResources.EndpointSlices, new(ns), time, logger);
        _secrets = new(client, KubeResources.Secrets, new(ns, Trim: OnlyTls), time, logger);
        _configMap = options.Routing.ConfigMap is { } key
            ? new(client, KubeResources.ConfigMaps, new(key.Namespace, FieldSelector: $"metadata.name={key.Name}"), time, logger)
            : null;
    }

    /// <summary>The newest table; <see cref="RouteTable.Empty"/> until everything has been listed.</summary>
    public Snapshot<RouteTable> Routes { get; } = new(RouteTable.Empty);

    /// <summary>All Services, for whoever publishes the address of one.</summary>
    public Informer<Service> Services { get; }

    public Task RunAsync(CancellationToken ct)
        => Parts.RunAsync(
            ct, _ingresses.RunAsync, _classes.RunAsync, Services.RunAsync, _slices.RunAsync, _secrets.RunAsync,
            t => _configMap?.RunAsync(t) ?? Task.CompletedTask, CompileAsync);

    private async Task CompileAsync(CancellationToken ct)
    {
        while (true)
        {
            var (ingresses, classes, services) = (_ingresses.Snapshot.Current, _classes.Snapshot.Current, Services.Snapshot.Current);
            var (slices, secrets, configMap) = (_slices.Snapshot.Current, _secrets.Snapshot.Current, _configMap?.Snapshot.Current);
            if (ingresses.Synced && classes.Synced && services.Synced && slices.Synced && secrets.Synced
                && configMap is null or { Synced: true })
            {
                Publish(new RouteInputs
                {
                    Ingresses = ingresses.Objects,
                    Classes = classes.Objects,
                    Services = services.Objects,
                    EndpointSlices = slices.Objects,
                    Secrets = secrets.Objects,
                    ConfigMap = _settings.ConfigMap is { } key ? configMap?.Find(key) : null,
                });
            }

            await Task.WhenAny(
                _ingresses.Snapshot.ChangedAsync(ingresses), _classes.Snapshot.ChangedAsync(classes),
                Services.Snapshot.ChangedAsync(services),
                _slices.Snapshot.ChangedAsync(slices), _secrets.Snapshot.ChangedAsync(secrets),
                configMap is null ? s_never : _configMap!.Snapshot.ChangedAsync(configMap)).WaitAsync(ct);
        }
    }

    private void Publish(RouteInputs inputs)
    {
        var before = Routes.Current;
        var table = RouteTableCompiler.Compile(inputs, _settings, before);
        Routes.Publish(table);
        if (!ReferenceEquals(before.Hosts, table.Hosts) || !ReferenceEquals(before.AnyHost, table.AnyHost))
        {
            LogCompiled(table.Ingresses.Length, table.Hosts.Count, table.Diagnostics.Length);
        }
    }

    /// <summary>Secrets hold more than certificates: nothing else of them is kept in memory.</summary>
    private static Secret OnlyTls(Secret secret)
        => secret with
        {
            Data = EquatableMap.Create(secret.Data.Where(d => d.Key is "tls.crt" or "tls.key")),
            StringData = default,
            Metadata = secret.Metadata with { Annotations = default, Labels = default },
        };

    [LoggerMessage(LogLevel.Information, "Routes changed: {Ingresses} Ingresses, {Hosts} hosts, {Diagnostics} diagnostics")]
    private partial void LogCompiled(int ingresses, int hosts, int diagnostics);
}
