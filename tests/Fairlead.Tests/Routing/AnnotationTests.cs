using Fairlead.Core.Routing;
using Fairlead.Kube.State;
using static Fairlead.Tests.Routing.Cluster;

namespace Fairlead.Tests.Routing;

public sealed class AnnotationTests
{
    public static TheoryData<string, string, string> Told => new()
    {
        { "not implemented yet", "limit-rps: 10", "AnnotationNotImplemented" },
        { "without effect by design", "proxy-buffering: on", "AnnotationWithoutEffect" },
        { "a snippet is refused", "configuration-snippet: return 200;", "AnnotationRefused" },
        { "a name that does not exist", "rewrite-targets: /", "AnnotationUnknown" },
        { "a number that is none", "proxy-read-timeout: soon", "AnnotationInvalid" },
        { "a number with a unit", "proxy-read-timeout: 60s", "AnnotationInvalid" },
        { "a truth that is none", "ssl-redirect: maybe", "AnnotationInvalid" },
        { "a rewrite to another site", "rewrite-target: https://x.io/", "AnnotationInvalid" },
        { "an nginx variable", "upstream-vhost: $host", "AnnotationInvalid" },
        { "an unknown condition", "proxy-next-upstream: error sometimes", "AnnotationInvalid" },
        { "an unknown protocol", "backend-protocol: SPDY", "AnnotationInvalid" },
        { "a code that is no redirect", "permanent-redirect-code: 200", "" },
        { "part of another annotation", "session-cookie-name: c", "AnnotationNotImplemented" },
        { "a canary", "canary: true", "AnnotationNotImplemented" },
    };

    [Theory, MemberData(nameof(Told))]
    public void Is_never_silently_ignored(string because, string annotation, string reason)
    {
        var diagnostics = With(Rules("a", "x.io/ app:80", annotation)).Compile().Diagnostics;

        Assert.True(reason == string.Join(' ', diagnostics.Select(d => d.Reason)), because);
    }

    [Theory]
    [InlineData("load-balance: round_robin")]
    [InlineData("proxy-http-version: 1.1")]
    [InlineData("canary: false")]
    [InlineData("ssl-redirect: false")]
    [InlineData("proxy-body-size: 8m")]
    public void What_is_done_as_asked_is_not_told(string annotation)
        => Assert.Empty(With(Rules("a", "x.io/ app:80", annotation)).Compile().Diagnostics);

    [Fact]
    public void Says_the_annotation_the_value_and_the_remedy()
    {
        var told = Assert.Single(With(Rules("a", "x.io/ app:80", "proxy-body-size: 8 megabytes")).Compile().Diagnostics);

        Assert.Equal(
            "nginx.ingress.kubernetes.io/proxy-body-size: \"8 megabytes\" is not a size such as 8k, 1m, or 0 for no limit; the default is used.",
            told.Message);
    }

    [Fact]
    public void The_prefix_can_be_another()
    {
        var annotations = EquatableMap.Of(("example.com/proxy-read-timeout", "7"), ("nginx.ingress.kubernetes.io/proxy-read-timeout", "9"));

        var (options, faults) = AnnotationParser.Parse(annotations, "example.com", RouteOptions.Default);

        Assert.Equal(TimeSpan.FromSeconds(7), options.ReadTimeout);
        Assert.Empty(faults);
    }

    [Fact]
    public void Are_read_into_types()
    {
        var (options, faults) = Parse(
            ("proxy-connect-timeout", "3"), ("proxy-send-timeout", "4"), ("proxy-next-upstream", "error http_502 non_idempotent"),
            ("proxy-next-upstream-tries", "5"), ("upstream-vhost", "inner.io"), ("x-forwarded-prefix", "/app"), ("backend-protocol", "https"),
            ("proxy-body-size", "2G"), ("enable-access-log", "false"));

        Assert.Empty(faults);
        Assert.Equal(TimeSpan.FromSeconds(3), options.ConnectTimeout);
        Assert.Equal(TimeSpan.FromSeconds(4), options.SendTimeout);
        Assert.Equal(NextUpstream.Error | NextUpstream.Http502 | NextUpstream.NonIdempotent, options.NextUpstream);
        Assert.Equal(5, options.NextUpstreamTries);
        Assert.Equal(("inner.io", "/app"), (options.UpstreamHost, options.ForwardedPrefix));
        Assert.Equal(UpstreamProtocol.Https, options.Protocol);
        Assert.Equal(2L << 30, options.BodyLimit);
        Assert.False(options.AccessLog);
    }

    [Theory]
    [InlineData("*", "https://a.io", "*")]
    [InlineData("https://a.io", "https://a.io", "https://a.io")]
    [InlineData("https://a.io", "https://b.io", null)]
    [InlineData("https://a.io", null, null)]
    [InlineData("https://*.a.io", "https://x.a.io", "https://x.a.io")]
    [InlineData("https://*.a.io", "https://x.y.a.io", null)]
    [InlineData("https://*.a.io", "https://a.io", null)]
    [InlineData("https://*.a.io", "https://evil.io/x.a.io", null)]
    [InlineData("https://b.io, https://a.io", "https://a.io", "https://a.io")]
    public void Cors_allows_origins(string allowed, string? origin, string? answer)
        => Assert.Equal(answer, Parse(("enable-cors", "true"), ("cors-allow-origin", allowed)).Options.Cors!.Allow(origin));

    [Fact]
    public void The_config_map_changes_the_defaults_and_tells_what_it_cannot()
    {
        var cluster = With(Rules("a", "x.io/ app:80"), Rules("b", "y.io/ app:80", "proxy-read-timeout: 9"), """
            apiVersion: v1
            kind: ConfigMap
            metadata: {name: nginx-configuration, namespace: ingress-space}
            data: {proxy-read-timeout: "7", ssl-redirect: "perhaps", worker-processes: "8", hsts-include-subdomains: "false"}
            """);

        var table = cluster.Compile();

        Assert.Equal(TimeSpan.FromSeconds(7), table.ForHost("x.io").Default.Options.ReadTimeout);
        Assert.Equal(TimeSpan.FromSeconds(9), table.ForHost("y.io").Default.Options.ReadTimeout);
        Assert.Equal("max-age=31536000", table.Options.StrictTransportSecurity);
        Assert.Equal(["ConfigMapInvalid", "ConfigMapKeyNotImplemented"], table.Diagnostics.Select(d => d.Reason));
    }

    [Fact]
    public void Every_annotation_of_ingress_nginx_is_known()
    {
        // 136 of version 1.15's annotations-risk.md, and the two old names that are still in wide use.
        const int Official = 138;

        Assert.Empty(AnnotationParser.WithCode.Intersect(AnnotationCatalog.WithoutCode.Keys));
        Assert.Equal(Official, AnnotationParser.WithCode.Count + AnnotationCatalog.WithoutCode.Count);
    }

    private static (RouteOptions Options, IReadOnlyList<AnnotationFault> Faults) Parse(params (string Name, string Value)[] annotations)
        => AnnotationParser.Parse(
            EquatableMap.Of([.. annotations.Select(a => ("nginx.ingress.kubernetes.io/" + a.Name, a.Value))]), "nginx.ingress.kubernetes.io", RouteOptions.Default);
}
