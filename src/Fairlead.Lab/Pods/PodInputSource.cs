using Fairlead.Kube.Client;
using Fairlead.Kube.Informers;
using Fairlead.Kube.Objects;
using Fairlead.Lab.Pods.Variables;
using Microsoft.Extensions.Logging;

namespace Fairlead.Lab.Pods;

/// <summary>Follows the Services, ConfigMaps and Secrets that pods take settings from; one for all nodes of a lab.</summary>
public sealed class PodInputSource
{
    private readonly Informer<Service> _services;
    private readonly Informer<ConfigMap> _configMaps;
    private readonly Informer<Secret> _secrets;

    public PodInputSource(KubeClient client, TimeProvider time, ILoggerFactory logging)
    {
        var logger = logging.CreateLogger<PodInputSource>();
        _services = new(client, KubeResources.Services, null, time, logger);
        _configMaps = new(client, KubeResources.ConfigMaps, null, time, logger);
        _secrets = new(client, KubeResources.Secrets, null, time, logger);
    }

    internal PodInputs Current
        => new(_services.Snapshot.Current.Objects, _configMaps.Snapshot.Current.Objects, _secrets.Snapshot.Current.Objects);

    /// <summary>All three have been listed: an object that is not there does not exist.</summary>
    internal bool IsSynced => _services.Snapshot.Current.Synced && _configMaps.Snapshot.Current.Synced && _secrets.Snapshot.Current.Synced;

    /// <summary>Follows until cancelled.</summary>
    public Task RunAsync(CancellationToken ct) => Task.WhenAll(_services.RunAsync(ct), _configMaps.RunAsync(ct), _secrets.RunAsync(ct));

    /// <summary>Calls back whenever one of them has changed.</summary>
    internal async Task WatchAsync(Action changed, CancellationToken ct)
    {
        while (true)
        {
            var (services, maps, secrets) = (_services.Snapshot.Current, _configMaps.Snapshot.Current, _secrets.Snapshot.Current);
            changed();
            await Task.WhenAny(_services.Snapshot.ChangedAsync(services), _configMaps.Snapshot.ChangedAsync(maps), _secrets.Snapshot.ChangedAsync(secrets))
                .WaitAsync(ct);
        }
    }
}
