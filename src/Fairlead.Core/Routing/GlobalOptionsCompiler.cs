using System.Collections.Frozen;
using System.Globalization;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;

namespace Fairlead.Core.Routing;

/// <summary>Turns the controller's ConfigMap into <see cref="GlobalOptions"/>.</summary>
internal static class GlobalOptionsCompiler
{
    // Every key that Compile reads; any other is reported.
    private static readonly FrozenSet<string> s_known = FrozenSet.ToFrozenSet(
        [
            "compute-full-forwarded-for", "denylist-source-range", "disable-access-log", "force-ssl-redirect", "generate-request-id",
            "hsts",
            "hsts-include-subdomains", "hsts-max-age", "hsts-preload", "http-redirect-code", "keep-alive", "no-tls-redirect-locations",
            "preserve-trailing-slash", "proxy-body-size", "proxy-connect-timeout", "proxy-next-upstream", "proxy-next-upstream-timeout",
            "proxy-next-upstream-tries", "proxy-read-timeout", "proxy-real-ip-cidr", "proxy-send-timeout", "retry-non-idempotent",
            "service-upstream", "ssl-redirect", "upstream-keepalive-connections", "upstream-keepalive-timeout", "use-forwarded-headers",
            "whitelist-source-range",
        ],
        StringComparer.Ordinal);

    public static (GlobalOptions Options, IReadOnlyList<RouteDiagnostic> Diagnostics) Compile(ObjectKey key, EquatableMap data)
    {
        var diagnostics = new List<RouteDiagnostic>();
        var read = new ValueReader(data.Find,
            (name, value, expected) => Report("ConfigMapInvalid", $"{name}: \"{value}\" is not {expected}; the default is used."));
        foreach (var name in data.Keys.Where(k => !s_known.Contains(k)))
        {
            Report("ConfigMapKeyNotImplemented", $"{name}: no such key, or one that is not implemented yet; it has no effect.");
        }

        var d = GlobalOptions.Default;
        var options = new GlobalOptions
        {
            Route = Route(read),
            RedirectStatus = read.Int("http-redirect-code", d.RedirectStatus, 301, 308),
            StrictTransportSecurity = StrictTransportSecurity(read),
            NoTlsRedirect = read.Text("no-tls-redirect-locations") is { } list
                ? list.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).ToEquatableArray()
                : d.NoTlsRedirect,
            UseForwardedHeaders = read.Bool("use-forwarded-headers", d.UseForwardedHeaders),
            ComputeFullForwardedFor = read.Bool("compute-full-forwarded-for", d.ComputeFullForwardedFor),
            TrustedProxies = Ranges(read, "proxy-real-ip-cidr", "0.0.0.0/0,::/0"),
            GenerateRequestId = read.Bool("generate-request-id", d.GenerateRequestId),
            AccessLog = !read.Bool("disable-access-log", !d.AccessLog),
            KeepAlive = read.Seconds("keep-alive", d.KeepAlive),
            UpstreamKeepAlive = read.Int("upstream-keepalive-connections", d.UpstreamKeepAlive),
            UpstreamIdle = read.Seconds("upstream-keepalive-timeout", d.UpstreamIdle),
            RetryNonIdempotent = read.Bool("retry-non-idempotent", d.RetryNonIdempotent),
        };
        return (options, diagnostics);

        void Report(string reason, string message)
            => diagnostics.Add(new RouteDiagnostic(DiagnosticSeverity.Warning, "ConfigMap", key, reason, message));
    }

    private static RouteOptions Route(ValueReader read)
    {
        var d = RouteOptions.Default;
        var next = read.Text("proxy-next-upstream") is not { } words ? d.NextUpstream
            : AnnotationParser.ParseNextUpstream(words)
                ?? read.Bad("proxy-next-upstream", words, "a list of conditions such as 'error timeout'", d.NextUpstream);
        return d with
        {
            SslRedirect = read.Bool("ssl-redirect", d.SslRedirect),
            ForceSslRedirect = read.Bool("force-ssl-redirect", d.ForceSslRedirect),
            PreserveTrailingSlash = read.Bool("preserve-trailing-slash", d.PreserveTrailingSlash),
            BodyLimit = read.Size("proxy-body-size", d.BodyLimit),
            ConnectTimeout = read.Seconds("proxy-connect-timeout", d.ConnectTimeout),
            ReadTimeout = read.Seconds("proxy-read-timeout", d.ReadTimeout),
            SendTimeout = read.Seconds("proxy-send-timeout", d.SendTimeout),
            NextUpstream = next,
            NextUpstreamTries = read.Int("proxy-next-upstream-tries", d.NextUpstreamTries),
            NextUpstreamTimeout = read.Seconds("proxy-next-upstream-timeout", d.NextUpstreamTimeout),
            ServiceUpstream = read.Bool("service-upstream", d.ServiceUpstream),
            Allowed = Ranges(read, "whitelist-source-range", ""),
            Denied = Ranges(read, "denylist-source-range", ""),
        };
    }

    private static string? StrictTransportSecurity(ValueReader read)
    {
        if (!read.Bool("hsts", true))
        {
            return null;
        }

        var age = read.Int("hsts-max-age", 31536000).ToString(CultureInfo.InvariantCulture);
        var subdomains = read.Bool("hsts-include-subdomains", true) ? "; includeSubDomains" : "";
        var preload = read.Bool("hsts-preload", false) ? "; preload" : "";
        return $"max-age={age}{subdomains}{preload}";
    }

    private static AddressRanges Ranges(ValueReader read, string name, string otherwise)
        => AddressRanges.TryParse(read.Text(name) ?? otherwise, out var ranges, out _) ? ranges
            : read.Bad(name, read.Text(name)!, "a comma-separated list of CIDR ranges", AddressRanges.None);
}
