using Fairlead.Core.Routing;
using Fairlead.Kube.Objects;
using static Fairlead.Tests.Routing.Cluster;

namespace Fairlead.Tests.Routing;

public sealed class RouteTableCompilerTests
{
    /// <summary>Which Service takes a request: reason, Ingresses oldest first, request, Service (or the status that is answered here).</summary>
    public static TheoryData<string, string[], string, string> Matches => new()
    {
        { "a prefix matches itself", [Rules("a", "x.io/foo foo:80")], "x.io/foo", "foo" },
        { "a prefix matches with a slash", [Rules("a", "x.io/foo foo:80")], "x.io/foo/", "foo" },
        { "a prefix matches elements below", [Rules("a", "x.io/foo foo:80")], "x.io/foo/bar", "foo" },
        { "a prefix does not match half an element", [Rules("a", "x.io/foo foo:80")], "x.io/foobar", "404" },
        { "a prefix is case-sensitive", [Rules("a", "x.io/foo foo:80")], "x.io/FOO", "404" },
        { "the root prefix matches everything", [Rules("a", "x.io/ all:80")], "x.io/any/thing", "all" },
        { "an exact path matches itself", [Rules("a", "x.io/foo=Exact foo:80")], "x.io/foo", "foo" },
        { "an exact path minds a slash", [Rules("a", "x.io/foo=Exact foo:80")], "x.io/foo/", "404" },
        { "an exact path matches nothing below", [Rules("a", "x.io/foo=Exact foo:80")], "x.io/foo/bar", "404" },
        { "exact wins over the same prefix", [Rules("a", "x.io/foo prefix:80\nx.io/foo=Exact exact:80")], "x.io/foo", "exact" },
        { "and the prefix has what is below", [Rules("a", "x.io/foo prefix:80\nx.io/foo=Exact exact:80")], "x.io/foo/a", "prefix" },
        { "the longest prefix wins", [Rules("a", "x.io/a short:80\nx.io/a/b long:80")], "x.io/a/b/c", "long" },
        { "whatever the order", [Rules("a", "x.io/a/b long:80\nx.io/a short:80")], "x.io/a/b/c", "long" },
        { "a shorter one has the rest", [Rules("a", "x.io/a/b long:80\nx.io/a short:80")], "x.io/a/c", "short" },
        { "ImplementationSpecific is a prefix", [Rules("a", "x.io/foo=Specific foo:80")], "x.io/foo/bar", "foo" },
        { "paths are normalised before they are matched", [Rules("a", "x.io/foo foo:80")], "x.io/bar/..//./%66oo", "foo" },
        { "a path beyond ASCII is matched by its bytes", [Rules("a", "x.io/é foo:80")], "x.io/%C3%A9/1", "foo" },
        { "an empty path is the root", [Rules("a", "x.io/ all:80").Replace("path: '/', ", "", StringComparison.Ordinal)], "x.io/a", "all" },

        { "the host decides first", [Rules("a", "x.io/ x:80\ny.io/ y:80")], "y.io/", "y" },
        { "the host's case does not matter", [Rules("a", "x.io/ x:80")], "X.IO/", "x" },
        { "the host's port does not matter", [Rules("a", "x.io/ x:80")], "x.io:30080/", "x" },
        { "the root's dot does not matter", [Rules("a", "x.io/ x:80")], "x.io./", "x" },
        { "an unknown host gets 404", [Rules("a", "x.io/ x:80")], "z.io/", "404" },
        { "a wildcard is for one label", [Rules("a", "*.x.io/ wild:80")], "a.x.io/", "wild" },
        { "a wildcard is not for two labels", [Rules("a", "*.x.io/ wild:80")], "a.b.x.io/", "404" },
        { "a wildcard is not for the domain itself", [Rules("a", "*.x.io/ wild:80")], "x.io/", "404" },
        { "an exact host wins over a wildcard", [Rules("a", "*.x.io/ wild:80\na.x.io/ exact:80")], "a.x.io/", "exact" },
        { "no host is every host", [Rules("a", "/ any:80")], "what.ever/", "any" },
        { "no host is an address too", [Rules("a", "/ any:80")], "127.0.0.1:30080/", "any" },
        { "no host is an IPv6 address too", [Rules("a", "/ any:80")], "[::1]:30080/", "any" },
        { "a known host does not fall back to the rules for every host", [Rules("a", "x.io/foo foo:80"), Rules("b", "/bar bar:80")], "x.io/bar", "404" },
        { "paths of one host may come from several Ingresses", [Rules("a", "x.io/a one:80"), Rules("b", "x.io/b two:80")], "x.io/b", "two" },
        { "the older Ingress has a path that two claim", [Rules("a", "x.io/a old:80"), Rules("b", "x.io/a new:80")], "x.io/a", "old" },

        { "one rewrite makes every path of the host a prefix of letters", [Rules("a", "x.io/foo foo:80", "rewrite-target: /"), Rules("b", "x.io/bar bar:80")], "x.io/barstool", "bar" },
        { "and without case", [Rules("a", "x.io/foo foo:80", "rewrite-target: /"), Rules("b", "x.io/bar bar:80")], "x.io/BAR", "bar" },
        { "but of no other host", [Rules("a", "x.io/foo foo:80", "rewrite-target: /"), Rules("b", "y.io/bar bar:80")], "y.io/BAR", "404" },
        { "use-regex does the same", [Rules("a", "x.io/f.o=Specific foo:80", "use-regex: true")], "x.io/fxOxx", "foo" },
        { "a regex is tied to the beginning", [Rules("a", "x.io/b.r=Specific foo:80", "use-regex: true")], "x.io/a/bar", "404" },
        { "longer regexes come first", [Rules("a", "x.io/a.*=Specific short:80\nx.io/a/b.*=Specific long:80", "use-regex: true")], "x.io/a/b/c", "long" },
        { "an exact path is a prefix among regexes", [Rules("a", "x.io/foo=Exact foo:80", "use-regex: true")], "x.io/foobar", "foo" },
        { "a rewrite to the path itself is none", [Rules("a", "x.io/foo foo:80", "rewrite-target: /foo")], "x.io/FOO", "404" },
        { "a rewrite of the root makes regexes as well", [Rules("a", "x.io/ all:80\nx.io/foo foo:80", "rewrite-target: /app")], "x.io/FOOT", "foo" },
    };

    [Theory, MemberData(nameof(Matches))]
    public void Finds_the_service(string because, string[] ingresses, string url, string expected)
    {
        var decision = With(ingresses).Get(url);

        Assert.True(expected == (decision.Upstream?.Service.Name ?? $"{decision.Status}"), $"{because}: {decision}");
    }

    [Fact]
    public void A_prefix_with_a_slash_answers_301_without_it_in_nginxs_way()
    {
        var decision = With(Rules("a", "x.io/foo/ foo:80")).Get("x.io/foo?a=1");

        Assert.Equal((301, "http://x.io/foo/?a=1"), (decision.Status, decision.Location));
    }

    [Fact]
    public void A_prefix_with_a_slash_matches_without_it_in_the_specifications_way()
    {
        var cluster = With("""
            apiVersion: networking.k8s.io/v1
            kind: IngressClass
            metadata: {name: own}
            spec: {controller: fairlead.dev/ingress}
            """, Rules("a", "x.io/foo/ foo:80\nx.io/bar bar:80", "rewrite-target: /x").Replace("spec:", "spec:\n  ingressClassName: own", StringComparison.Ordinal));

        Assert.Equal("foo", cluster.Get("x.io/foo").Upstream?.Service.Name);
        Assert.Equal("/x", cluster.Get("x.io/foo").Target);
        Assert.Equal(404, cluster.Get("x.io/BAR").Status);
    }

    [Fact]
    public void Two_claims_of_one_path_are_told_to_the_younger()
    {
        var table = With(Rules("old", "x.io/a one:80"), Rules("young", "x.io/a two:80")).Compile();

        var told = Assert.Single(table.Diagnostics);
        Assert.Equal(("PathConflict", "young"), (told.Reason, told.Object.Name));
        Assert.Contains("default/old", told.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_default_backend_of_an_ingress_without_rules_takes_every_host()
    {
        var cluster = With("""
            apiVersion: networking.k8s.io/v1
            kind: Ingress
            metadata: {name: all, namespace: default}
            spec: {defaultBackend: {service: {name: fallback, port: {number: 80}}}}
            """, Rules("a", "x.io/a one:80"));

        Assert.Equal("fallback", cluster.Get("unknown.io/x").Upstream?.Service.Name);
        Assert.Equal(404, cluster.Get("x.io/b").Status);
    }

    [Fact]
    public void The_default_backend_of_an_ingress_with_rules_takes_the_rest_of_its_hosts()
    {
        var cluster = With(Rules("a", "x.io/a one:80").Replace("spec:", "spec:\n  defaultBackend: {service: {name: rest, port: {number: 80}}}", StringComparison.Ordinal));

        Assert.Equal("rest", cluster.Get("x.io/b").Upstream?.Service.Name);
        Assert.Equal(404, cluster.Get("unknown.io/").Status);
    }

    [Fact]
    public void The_controllers_default_backend_takes_what_nobody_claims()
    {
        var cluster = new Cluster { Settings = new() { DefaultBackendService = new ObjectKey("default", "errors") } };
        cluster.Add("apiVersion: v1\nkind: Service\nmetadata: {name: errors, namespace: default}\nspec: {ports: [{name: http, port: 8080}]}");

        Assert.Equal(404, cluster.Get("x.io/").Status);
        Assert.Equal("errors", cluster.WithEndpoints("errors", "10.0.0.1").Get("x.io/").Upstream?.Service.Name);
    }

    [Fact]
    public void A_missing_service_answers_503_and_is_told()
    {
        var cluster = With(Rules("a", "x.io/a gone:80\nx.io/b here:80")).Without("gone");

        Assert.Equal(503, cluster.Get("x.io/a").Status);
        Assert.Equal("here", cluster.Get("x.io/b").Upstream?.Service.Name);
        Assert.Equal("ServiceNotFound", Assert.Single(cluster.Compile().Diagnostics).Reason);
    }

    [Fact]
    public void A_service_without_endpoints_answers_503_and_is_no_fault()
    {
        var cluster = With(Rules("a", "x.io/a empty:80")).WithEndpoints("empty");

        Assert.Equal(503, cluster.Get("x.io/a").Status);
        Assert.Empty(cluster.Compile().Diagnostics);
    }

    [Fact]
    public void A_missing_port_names_the_ports_that_there_are()
    {
        var cluster = With(Rules("a", "x.io/a web:8282\nx.io/b web:http"));

        Assert.Equal(503, cluster.Get("x.io/a").Status);
        Assert.Equal("web", cluster.Get("x.io/b").Upstream?.Service.Name);
        Assert.Contains("it has: 80 (http)", Assert.Single(cluster.Compile().Diagnostics).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Only_ready_endpoints_serve_and_failing_those_the_ones_that_end()
    {
        const string Slice = """
            apiVersion: discovery.k8s.io/v1
            kind: EndpointSlice
            metadata: {name: web-1, namespace: default, labels: {kubernetes.io/service-name: web}}
            addressType: IPv4
            ports: [{name: http, port: 8080}]
            endpoints:
            - {addresses: [10.0.0.1], conditions: {ready: READY}}
            - {addresses: [10.0.0.2], conditions: {ready: false, serving: true, terminating: true}}
            - {addresses: [10.0.0.3], conditions: {ready: false, serving: false}}
            """;
        var cluster = With(Rules("a", "x.io/ web:80"));

        Assert.Equal("10.0.0.1:8080", Endpoints(cluster.Add(Slice.Replace("READY", "true", StringComparison.Ordinal))));
        Assert.Equal("10.0.0.2:8080", Endpoints(cluster.Add(Slice.Replace("READY", "false", StringComparison.Ordinal))));

        static string Endpoints(Cluster cluster) => string.Join(' ', Assert.Single(cluster.Compile().Upstreams).Value.Endpoints);
    }

    [Fact]
    public void Service_upstream_takes_the_services_own_address()
        => Assert.Equal("10.96.0.9:80", string.Join(' ', Assert.Single(With(Rules("a", "x.io/ web:80", "service-upstream: true")).Compile().Upstreams).Value.Endpoints));

    [Fact]
    public void A_backend_that_is_no_service_is_told()
    {
        var cluster = With("""
            apiVersion: networking.k8s.io/v1
            kind: Ingress
            metadata: {name: a, namespace: default}
            spec: {rules: [{host: x.io, http: {paths: [{path: /, pathType: Prefix, backend: {resource: {kind: Bucket, name: b}}}]}}]}
            """);

        Assert.Equal(404, cluster.Get("x.io/").Status);
        Assert.Equal("BackendNotSupported", Assert.Single(cluster.Compile().Diagnostics).Reason);
    }

    [Theory]
    [InlineData("look-ahead", "/a(?=b)")]
    [InlineData("a back-reference", "/(a)\\1")]
    [InlineData("an open group", "/(a")]
    public void A_regex_that_cannot_be_is_told_and_harms_nothing_else(string because, string path)
    {
        var cluster = With(Rules("a", $"x.io{path}=Specific bad:80\nx.io/ok=Specific good:80", "use-regex: true"));

        var told = Assert.Single(cluster.Compile().Diagnostics);
        Assert.True(told is { Reason: "PathInvalid", Severity: DiagnosticSeverity.Error }, because);
        Assert.Equal("good", cluster.Get("x.io/ok").Upstream?.Service.Name);
    }

    [Fact]
    public void A_regex_that_would_explode_elsewhere_is_matched_in_no_time()
    {
        var cluster = With(Rules("a", "x.io/(a+)+$=Specific bad:80", "use-regex: true"));
        var watch = System.Diagnostics.Stopwatch.StartNew();

        Assert.Equal(404, cluster.Get("x.io/" + new string('a', 4000) + "!").Status);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(5), $"took {watch.Elapsed}");
    }

    [Fact]
    public void A_canary_stays_out_of_the_way_and_is_told()
    {
        var cluster = With(Rules("canary", "x.io/ new:80", "canary: true", "canary-weight: 10"), Rules("main", "x.io/ old:80"));

        Assert.Equal("old", cluster.Get("x.io/").Upstream?.Service.Name);
        Assert.Contains(cluster.Compile().Diagnostics, d => d is { Reason: "AnnotationNotImplemented", Object.Name: "canary", Severity: DiagnosticSeverity.Warning });
    }

    [Fact]
    public void A_rule_without_a_host_has_no_effect_where_catch_all_is_off()
    {
        var cluster = new Cluster { Settings = new() { DisableCatchAll = true, WatchWithoutClass = true } };
        cluster.Add(Rules("a", "/ any:80"));

        Assert.Equal(404, cluster.Get("x.io/").Status);
        Assert.Contains(cluster.Compile().Diagnostics, d => d.Reason == "CatchAllDisabled");
    }
}
