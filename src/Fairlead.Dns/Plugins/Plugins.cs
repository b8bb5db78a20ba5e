using System.Collections.Immutable;
using Fairlead.Dns.Plugins.Bind;
using Fairlead.Dns.Plugins.Errors;
using Fairlead.Dns.Plugins.Health;
using Fairlead.Dns.Plugins.Log;
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
        new("errors", ErrorsPlugin.Parse),
        new("log", LogPlugin.Parse),
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

    /// <summary>Joins plugins so that each is given the rest; after the last one a query is refused.</summary>
    public static DnsDelegate Chain(IEnumerable<IDnsPlugin> plugins)
        => plugins.Reverse().Aggregate<IDnsPlugin, DnsDelegate>(Refuse, (next, plugin) => (context, ct) => plugin.HandleAsync(context, next, ct));

    private static ValueTask Refuse(DnsContext context, CancellationToken ct)
    {
        context.Fail(ResponseCode.Refused);
        return ValueTask.CompletedTask;
    }
}
