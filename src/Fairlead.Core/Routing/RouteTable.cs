using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Text;
using Fairlead.Kube.Objects;

namespace Fairlead.Core.Routing;

/// <summary>Everything the ingress does with a request, at one instant: hosts, paths, upstreams, certificates, and what is wrong.</summary>
/// <remarks>
/// Built by <see cref="RouteTableCompiler"/>, then only read. A newer table shares every part that did not change, by reference.
/// </remarks>
public sealed class RouteTable
{
    /// <summary>The table before anything is known: every request gets 404.</summary>
    public static readonly RouteTable Empty = new();

    internal RouteTable()
    {
    }

    public GlobalOptions Options { get; internal init; } = GlobalOptions.Default;

    /// <summary>The routes by host: exact names, and wildcards with their star.</summary>
    public FrozenDictionary<string, HostRoutes> Hosts { get; internal init; } = FrozenDictionary<string, HostRoutes>.Empty;

    /// <summary>The routes of requests for no known host.</summary>
    public HostRoutes AnyHost { get; internal init; } = HostRoutesBuilder.Build("", [], null, []);

    public FrozenDictionary<UpstreamKey, Upstream> Upstreams { get; internal init; } = FrozenDictionary<UpstreamKey, Upstream>.Empty;

    /// <summary>The controller's own default backend; without one, or without endpoints of it, the answer is 404.</summary>
    public UpstreamKey? DefaultBackend { get; internal init; }

    /// <summary>The certificate by host, wildcards with their star; null where the default one serves.</summary>
    public FrozenDictionary<string, TlsSecret?> Certificates { get; internal init; } = FrozenDictionary<string, TlsSecret?>.Empty;

    /// <summary><c>--default-ssl-certificate</c>; null serves a self-signed one.</summary>
    public TlsSecret? DefaultCertificate { get; internal init; }

    /// <summary>The Ingresses that this table serves, oldest first: those whose status is ours to fill.</summary>
    public ImmutableArray<Ingress> Ingresses { get; internal init; } = [];

    public ImmutableArray<RouteDiagnostic> Diagnostics { get; internal init; } = [];

    /// <summary>What the next compile may keep.</summary>
    internal CompileCache Cache { get; init; } = CompileCache.Empty;

    /// <summary>The routes for a host name without port, in lower case.</summary>
    public HostRoutes ForHost(string host)
        => Hosts.TryGetValue(host, out var exact) ? exact
            : HostName.Wildcard(host) is { } wildcard && Hosts.TryGetValue(wildcard, out var any) ? any
            : AnyHost;

    /// <summary>An Ingress names the host in <c>spec.tls</c>, whether its Secret is there or not.</summary>
    public bool HasTls(string host) => TryFindCertificate(host, out _);

    /// <summary>The certificate for a host; null is the default one.</summary>
    public TlsSecret? CertificateFor(string host)
        => TryFindCertificate(host, out var secret) ? secret ?? DefaultCertificate : DefaultCertificate;

    /// <summary>The table as text, for people and golden files.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        foreach (var host in Hosts.Values.OrderBy(h => h.Host, StringComparer.Ordinal).Append(AnyHost))
        {
            foreach (var route in host.Routes)
            {
                text.Append(route).Append('\n');
            }
        }

        foreach (var upstream in Upstreams.Values.OrderBy(u => u.Key.ToString(), StringComparer.Ordinal))
        {
            text.Append(upstream).Append('\n');
        }

        foreach (var (host, secret) in Certificates.OrderBy(c => c.Key, StringComparer.Ordinal))
        {
            text.Append("certificate ").Append(host).Append(": ").Append(secret?.Key.ToString() ?? "default").Append('\n');
        }

        return text.AppendJoin('\n', Diagnostics).ToString();
    }

    private bool TryFindCertificate(string host, out TlsSecret? secret)
        => Certificates.TryGetValue(host, out secret)
            || (HostName.Wildcard(host) is { } wildcard && Certificates.TryGetValue(wildcard, out secret));
}

/// <summary>A certificate chain and its key, as PEM text from a Secret.</summary>
/// <remarks>Kept by reference as long as the Secret is the same object, so that what is made of it can be kept as well.</remarks>
public sealed class TlsSecret(ObjectKey key, string certificate, string privateKey)
{
    public ObjectKey Key => key;

    public string Certificate => certificate;

    public string PrivateKey => privateKey;
}
