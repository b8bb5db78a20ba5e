using System.Net;
using Fairlead.Core.State;
using Fairlead.Core.Telemetry;
using Fairlead.Kube.Client;
using Fairlead.Kube.Informers;
using Fairlead.Kube.Objects;
using Fairlead.Proxy.HealthChecks;
using Microsoft.Extensions.Logging;

namespace Fairlead.Proxy;

/// <summary>The service proxy alone, in the place of kube-proxy, beside any pod network.</summary>
/// <remarks>Stopping leaves the data plane in force; <see cref="ProxyOptions.Cleanup"/> removes it.</remarks>
public static class ProxyRole
{
    /// <summary>Runs until cancelled; with <see cref="ProxyOptions.Cleanup"/>, until all is removed.</summary>
    /// <exception cref="ArgumentException">The options make no sense.</exception>
    public static async Task RunAsync(ProxyOptions options, CancellationToken ct)
    {
        if (options.Cleanup)
        {
            await ServiceProxy.Reconciler(options.Proxy).CleanAsync(ct);
            return;
        }

        if (options.Mode != "nftables")
        {
            throw new ArgumentException($"--proxy-mode {options.Mode} is unknown; there is: nftables", nameof(options));
        }

        var (loggers, name) = (options.Proxy.Loggers, options.Proxy.NodeName);
        using var client = new KubeClient(
            options.Api ?? throw new ArgumentException("no API server: give --kubeconfig FILE, or run in a pod with a service account", nameof(options)), options.Proxy.Time);
        new ProxyLog(loggers.CreateLogger<ProxyLog>()).Starting(name, options.Mode, string.Join(',', options.Proxy.ClusterCidrs));
        using var proxy = new ServiceProxy(client, options.Proxy);
        var node = new Informer<Node>(
            client, KubeResources.Nodes, new(FieldSelector: $"metadata.name={name}"), options.Proxy.Time, loggers.CreateLogger<Informer<Node>>());
        using var metrics = new PrometheusText();
        ProcessMetrics.Register();
        await using var health = options.HealthPort == 0 ? null : await HealthServer.StartAsync(
            new IPEndPoint(IPAddress.Any, options.HealthPort), Pages(proxy, metrics), options.Proxy.Network, loggers, ct);
        try
        {
            await Parts.RunAsync(ct, proxy.RunAsync, node.RunAsync, t => ObserveAsync(node, name, proxy, t));
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // Stopping is how it ends.
        }
    }

    private static Dictionary<string, Func<HealthAnswer>> Pages(ServiceProxy proxy, PrometheusText metrics) => new(StringComparer.Ordinal)
    {
        ["/healthz"] = proxy.Health.Healthz,
        ["/livez"] = proxy.Health.Livez,
        ["/proxyMode"] = () => HealthAnswer.Text("nftables"),
        ["/metrics"] = () => new HealthAnswer(200, PrometheusText.ContentType, metrics.Render()),
    };

    private static async Task ObserveAsync(Informer<Node> node, string name, ServiceProxy proxy, CancellationToken ct)
    {
        await foreach (var store in node.Snapshot.WatchAsync(ct))
        {
            proxy.Observe(store.Find("", name));
        }
    }
}

/// <summary>What the proxy says of itself.</summary>
internal sealed partial class ProxyLog(ILogger logger)
{
    [LoggerMessage(LogLevel.Information, "Using nftables Proxier: node={Node} proxyMode=\"{ProxyMode}\" clusterCIDR={ClusterCidr}")]
    public partial void Starting(string node, string proxyMode, string clusterCidr);
}
