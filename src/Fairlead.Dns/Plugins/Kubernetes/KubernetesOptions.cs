using System.Collections.Immutable;
using System.Security.Cryptography.X509Certificates;
using Fairlead.Dns.Corefile;
using Fairlead.Dns.Wire;
using Fairlead.Kube.Client;
using Fairlead.Kube.Selectors;

namespace Fairlead.Dns.Plugins.Kubernetes;

/// <summary>What a <c>kubernetes</c> directive says.</summary>
internal sealed record KubernetesOptions
{
    /// <summary>All zones the plugin answers for, reverse ones too.</summary>
    public required ImmutableArray<DnsName> Zones { get; init; }

    public uint Ttl { get; init; } = 5;

    public PodMode Pods { get; init; }

    public ImmutableSortedSet<string> Namespaces { get; init; } = ImmutableSortedSet.Create<string>(StringComparer.Ordinal);

    public string? Labels { get; init; }

    public string? NamespaceLabels { get; init; }

    public bool EndpointPodNames { get; init; }

    public bool NoEndpoints { get; init; }

    public bool IgnoreEmptyServices { get; init; }

    public Fallthrough Fall { get; init; } = Fallthrough.Never;

    public TimeSpan StartupTimeout { get; init; } = TimeSpan.FromSeconds(5);

    public string? Endpoint { get; init; }

    public (string Certificate, string Key, string Authority)? Tls { get; init; }

    public string? KubeConfigFile { get; init; }

    public string? KubeConfigContext { get; init; }

    /// <summary>What the cluster's names depend on.</summary>
    public ZoneSettings Settings
    {
        get
        {
            var forward = Zones.Where(zone => !zone.IsWithin(DnsName.InAddrArpa) && !zone.IsWithin(DnsName.Ip6Arpa));
            return new([.. forward], Ttl, Pods, Namespaces)
            {
                EndpointPodNames = EndpointPodNames,
                NoEndpoints = NoEndpoints,
                IgnoreEmptyServices = IgnoreEmptyServices,
            };
        }
    }

    /// <summary>Two directives with equal keys may follow the cluster together.</summary>
    public string ShareKey => $"kubernetes|{Endpoint}|{Tls}|{KubeConfigFile}|{KubeConfigContext}|{Labels}|{NamespaceLabels}|{Ttl}|{Pods}|"
        + $"{EndpointPodNames}|{NoEndpoints}|{IgnoreEmptyServices}|{string.Join(',', Namespaces)}|{string.Join(',', Settings.Zones)}";

    public static KubernetesOptions Parse(Directive directive, PluginSetup setup)
    {
        var options = new KubernetesOptions { Zones = setup.ZonesOr(directive, 0) };
        foreach (var line in directive.Body)
        {
            options = options.With(line);
        }

        if (options.Settings.Zones.IsEmpty)
        {
            throw directive.Error("non-reverse zone name must be used");
        }

        return options.NamespaceLabels is not null && !options.Namespaces.IsEmpty
            ? throw directive.Error("namespaces and namespace_labels cannot both be set")
            : options;
    }

    /// <exception cref="KubeConfigException">The configuration cannot be used.</exception>
    public KubeClient Connect(DnsOptions process)
    {
        if (KubeConfigFile is not null)
        {
            return new KubeClient(KubeConfig.Load(KubeConfigFile, KubeConfigContext), process.Time);
        }

        if (Endpoint is null)
        {
            return process.Cluster?.Invoke() ?? new KubeClient(KubeConfig.InCluster(), process.Time);
        }

        var config = new KubeConfig { Server = new Uri(Endpoint) };
        if (Tls is var (certificate, key, authority))
        {
            var authorities = new X509Certificate2Collection();
            authorities.ImportFromPemFile(authority);
            config = config with { ClientCertificate = X509Certificate2.CreateFromPemFile(certificate, key), Authorities = authorities };
        }

        return new KubeClient(config, process.Time);
    }

    private KubernetesOptions With(Directive line) => line.Name switch
    {
        "pods" => this with
        {
            Pods = line.Only() switch
            {
                "disabled" => PodMode.Disabled,
                "insecure" => PodMode.Insecure,
                "verified" => PodMode.Verified,
                var other => throw line.Error($"'{other}': one of disabled, insecure, verified is expected"),
            },
        },
        "ttl" => this with { Ttl = (uint)line.Number(0, 3600) },
        "namespaces" => this with { Namespaces = Namespaces.Union(line.AtLeast(1).Arguments) },
        "labels" => this with { Labels = Selector(line) },
        "namespace_labels" => this with { NamespaceLabels = Selector(line) },
        "endpoint_pod_names" => this with { EndpointPodNames = line.NoArguments().Arguments.IsEmpty },
        "noendpoints" => this with { NoEndpoints = line.NoArguments().Arguments.IsEmpty },
        "fallthrough" => this with { Fall = Fallthrough.Parse(line) },
        "startup_timeout" => this with { StartupTimeout = line.Duration() },
        "ignore" => line.Only() is "empty_service" ? this with { IgnoreEmptyServices = true } : throw line.Error($"unable to parse ignore value: '{line.Arguments[0]}'"),
        "endpoint" => this with { Endpoint = EndpointUrl(line) },
        "tls" => line.AtLeast(3).AtMost(3).Arguments is [var certificate, var key, var authority] ? this with { Tls = (certificate, key, authority) } : this,
        "kubeconfig" => line.AtLeast(1).AtMost(2).Arguments is [var file, .. var context]
            ? this with { KubeConfigFile = file, KubeConfigContext = context.IsEmpty ? null : context[0] }
            : this,
        "apiserver_qps" or "apiserver_burst" or "apiserver_max_inflight" => Checked(line.Number(0, int.MaxValue)),
        "multicluster" or "zonal" or "ptr_hostname_only" => throw line.Fault($"'{line.Name}' inside kubernetes is not supported yet"),
        _ => throw line.UnknownProperty(),
    };

    /// <summary>Limits on a client that makes three requests and then listens: read, and nothing to limit.</summary>
    private KubernetesOptions Checked(int limit) => limit >= 0 ? this : throw new ArgumentOutOfRangeException(nameof(limit));

    private static string Selector(Directive line)
    {
        var text = string.Join(' ', line.AtLeast(1).Arguments);
        return LabelSelectors.TryParse(text, out _, out var problem) ? text : throw line.Error($"unable to parse label selector value '{text}': {problem}");
    }

    private static string EndpointUrl(Directive line)
    {
        var text = line.AtLeast(1).Arguments[0];
        text = text.Contains("://", StringComparison.Ordinal) ? text : $"http://{text}";
        return Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "http" or "https" ? text : throw line.Error($"'{text}' is not a URL");
    }
}
