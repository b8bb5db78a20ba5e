using System.Collections.Immutable;
using Fairlead.Dns.Plugins.Bind;
using Fairlead.Dns.Plugins.Cache;
using Fairlead.Dns.Plugins.Errors;
using Fairlead.Dns.Plugins.Forward;
using Fairlead.Dns.Plugins.Health;
using Fairlead.Dns.Plugins.Hosts;
using Fairlead.Dns.Plugins.Kubernetes;
using Fairlead.Dns.Plugins.LoadBalance;
using Fairlead.Dns.Plugins.Log;
using Fairlead.Dns.Plugins.Loop;
using Fairlead.Dns.Plugins.Prometheus;
using Fairlead.Dns.Plugins.Ready;
using Fairlead.Dns.Plugins.Reload;
using Fairlead.Dns.Plugins.Whoami;
using Fairlead.Dns.Server;
using Fairlead.Dns.Wire;

namespace Fairlead.Dns.Plugins;

/// <summary>The plugins this server has, in the order a query meets them. The one place that order is written.</summary>
internal static class Plugins
{
    public static readonly ImmutableArray<PluginDescriptor> InOrder =
    [
        new("reload", ReloadPlugin.Parse),
        new("bind", BindPlugin.Parse),
        new("ready", ReadyPlugin.Parse),
        new("health", HealthPlugin.Parse),
        new("prometheus", PrometheusPlugin.Parse),
        new("errors", ErrorsPlugin.Parse),
        new("log", LogPlugin.Parse),
        new("loadbalance", LoadBalancePlugin.Parse),
        new("cache", CachePlugin.Parse),
        new("hosts", HostsPlugin.Parse),
        new("kubernetes", KubernetesPlugin.Parse),
        new("loop", LoopPlugin.Parse),
        new("forward", ForwardPlugin.Parse),
        new("whoami", WhoamiPlugin.Parse),
    ];

    /// <summary>Directives that CoreDNS has and we have not: refused like a mistyped one, but the message must not send anyone looking for a typo.</summary>
    public static readonly ImmutableHashSet<string> Foreign =
    [
        "root", "metadata", "geoip", "cancel", "tls", "timeouts", "multisocket", "nsid", "bufsize", "debug", "trace", "pprof", "dnstap", "local",
        "dns64", "acl", "any", "chaos", "tsig", "rewrite", "header", "dnssec", "autopath", "minimal", "template", "transfer", "route53", "azure",
        "clouddns", "k8s_external", "file", "auto", "secondary", "etcd", "grpc", "erratic", "on", "sign", "view", "nomad", "quic", "https",
        "https3", "grpc_server", "proxyproto", "shed",
    ];

    /// <summary>Joins plugins so that each is given the rest. A block without plugins refuses; one whose plugins all pass fails, as in CoreDNS.</summary>
    public static DnsDelegate Chain(IReadOnlyList<IDnsPlugin> plugins)
        => plugins.Count == 0
            ? Refuse
            : plugins.Reverse().Aggregate<IDnsPlugin, DnsDelegate>(End(plugins[^1].Name), (next, plugin) => (context, ct) => plugin.HandleAsync(context, next, ct));

    private static ValueTask Refuse(DnsContext context, CancellationToken ct)
    {
        context.Fail(ResponseCode.Refused);
        return ValueTask.CompletedTask;
    }

    private static DnsDelegate End(string last)
    {
        var problem = $"plugin/{last}: no next plugin found";
        return (context, _) =>
        {
            context.Fail(ResponseCode.ServerFailure);
            context.Problem = problem;
            return ValueTask.CompletedTask;
        };
    }
}
