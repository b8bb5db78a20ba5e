using Fairlead.Core.Services;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using static Fairlead.Tests.Services.Make;

namespace Fairlead.Tests.Services;

/// <summary>What Services mean, each case with the reason why.</summary>
public sealed class ServiceTableCompilerTests
{
    /// <summary>Reason, endpoints, and the addresses that answer.</summary>
    public static TheoryData<string, Endpoint[], string[]> Endpoints => new()
    {
        { "conditions that are absent read as ready", [Endpoint("10.1.0.1")], ["10.1.0.1"] },
        { "an endpoint that is not ready gets nothing", [Endpoint("10.1.0.1", ready: true), Endpoint("10.1.0.2", ready: false)], ["10.1.0.1"] },
        {
            "one that terminates gives way to a ready one",
            [Endpoint("10.1.0.1", ready: false, serving: true, terminating: true), Endpoint("10.1.0.2", ready: true)], ["10.1.0.2"]
        },
        {
            "with none ready, those that terminate but serve answer (KEP-1669)",
            [Endpoint("10.1.0.1", ready: false, serving: true, terminating: true), Endpoint("10.1.0.2", ready: false, serving: false, terminating: true)],
            ["10.1.0.1"]
        },
        { "serving without terminating is no reason to be used when not ready", [Endpoint("10.1.0.1", ready: false, serving: true)], [] },
        { "an endpoint in two entries counts once", [Endpoint("10.1.0.1"), Endpoint("10.1.0.1"), Endpoint("10.1.0.2")], ["10.1.0.1", "10.1.0.2"] },
        { "addresses sort as numbers", [Endpoint("10.1.0.10"), Endpoint("10.1.0.9")], ["10.1.0.9", "10.1.0.10"] },
        { "an address that is none is left out", [Endpoint("10.1.0.300"), Endpoint("10.1.0.2")], ["10.1.0.2"] },
        { "nor is one with leading zeros, which some read as octal", [Endpoint("10.1.0.010"), Endpoint("10.1.0.2")], ["10.1.0.2"] },
        { "an address of the other family does not belong in the slice", [Endpoint("fd00::1"), Endpoint("10.1.0.2")], ["10.1.0.2"] },
    };

    [Theory, MemberData(nameof(Endpoints))]
    public void Endpoints_that_answer(string because, Endpoint[] endpoints, string[] expected)
    {
        var rule = Assert.Single(Compile(Service(), Slice("a", endpoints)).Ports);

        Assert.True(expected.SequenceEqual(rule.Backends.Select(b => b.Address.ToString())), because);
        Assert.All(rule.Backends, b => Assert.Equal(8080, b.Port));
    }

    /// <summary>Reason, endpoints with their hints, and the addresses that answer at a node "here" of zone "a".</summary>
    public static TheoryData<string, Endpoint[], string[]> Hinted => new()
    {
        { "a hint for this zone keeps to it", [Hint("10.1.0.1", zone: "a"), Hint("10.1.0.2", zone: "b")], ["10.1.0.1"] },
        { "one endpoint without a hint, and hints do not count", [Hint("10.1.0.1", zone: "a"), Hint("10.1.0.2")], ["10.1.0.1", "10.1.0.2"] },
        { "no hint for this zone, and all answer", [Hint("10.1.0.1", zone: "b"), Hint("10.1.0.2", zone: "c")], ["10.1.0.1", "10.1.0.2"] },
        { "a hint for this node goes before its zone's", [Hint("10.1.0.1", zone: "a", node: "here"), Hint("10.1.0.2", zone: "a", node: "there")], ["10.1.0.1"] },
        { "no hint for this node, and its zone's count", [Hint("10.1.0.1", zone: "a", node: "there"), Hint("10.1.0.2", zone: "b", node: "elsewhere")], ["10.1.0.1"] },
        { "what is not ready has no say", [Hint("10.1.0.1", zone: "a"), Hint("10.1.0.2", ready: false)], ["10.1.0.1"] },
        {
            "with none ready, those that terminate but serve answer, whatever their hints",
            [Hint("10.1.0.1", zone: "b", ready: false, serving: true, terminating: true)], ["10.1.0.1"]
        },
    };

    [Theory, MemberData(nameof(Hinted))]
    public void Hints_keep_traffic_near(string because, Endpoint[] endpoints, string[] expected)
    {
        var rule = Assert.Single(ServiceTableCompiler.Compile(Service(), [Slice("a", endpoints)], Here with { Zone = "a" })!.Ports);

        Assert.True(expected.SequenceEqual(rule.Backends.Select(b => b.Address.ToString())), because);
    }

    private static Endpoint Hint(string address, string? zone = null, string? node = null, bool? ready = null, bool? serving = null, bool? terminating = null)
        => Endpoint(address, ready: ready, serving: serving, terminating: terminating) with
        {
            Hints = new() { ForZones = zone is null ? [] : [new NamedHint { Name = zone }], ForNodes = node is null ? [] : [new NamedHint { Name = node }] },
        };

    /// <summary>Reason, the Service, where it is reached from outside, who may, and what is said.</summary>
    public static TheoryData<string, Service, string, string, string> Outside => new()
    {
        { "a balancer's address", Balanced(s => s), "203.0.113.5 (balancer)", "", "" },
        { "only where packets arrive as they are", Balanced(s => s, "Proxy"), "", "", "" },
        { "another type has no balancer, whatever its status says", Balanced(s => s with { Type = "NodePort" }), "", "", "" },
        { "ranges of the other family say nothing here", Balanced(s => s with { LoadBalancerSourceRanges = ["2001:db8::/32"] }), "203.0.113.5 (balancer)", "", "" },
        { "everybody is no restriction", Balanced(s => s with { LoadBalancerSourceRanges = ["192.0.2.0/24", "0.0.0.0/0"] }), "203.0.113.5 (balancer)", "", "" },
        { "a range in a range is the wider one", Balanced(s => s with { LoadBalancerSourceRanges = ["192.0.2.128/25", "192.0.2.0/24"] }), "203.0.113.5 (balancer)", "192.0.2.0/24", "" },
        { "bits beyond its length do not count", Balanced(s => s with { LoadBalancerSourceRanges = ["192.0.2.7/24"] }), "203.0.113.5 (balancer)", "192.0.2.0/24", "" },
        { "a range that is none lets nobody in", Balanced(s => s with { LoadBalancerSourceRanges = ["192.0.2.0"] }), "203.0.113.5 (balancer)", "0.0.0.0/32", "InvalidSourceRange" },
        { "an allowed external address", Service(spec: s => s with { ExternalIPs = ["198.51.100.4"] }), "198.51.100.4", "", "" },
        { "one that the node does not allow", Service(spec: s => s with { ExternalIPs = ["192.0.2.4"] }), "", "", "ExternalIPNotAllowed" },
        { "one that is no address", Service(spec: s => s with { ExternalIPs = ["198.51.100.04"] }), "", "", "InvalidExternalIP" },
        {
            "a health check needs its port", Balanced(s => s with { ExternalTrafficPolicy = "Local" }), "203.0.113.5 (balancer)", "", "NoHealthCheckNodePort"
        },
    };

    [Theory, MemberData(nameof(Outside))]
    public void Where_a_service_is_reached_from_outside(string because, Service service, string addresses, string sources, string reason)
    {
        var rules = ServiceTableCompiler.Compile(service, [Slice("a", Endpoint("10.1.0.1"))], Here with { ExternalIPs = [System.Net.IPNetwork.Parse("198.51.100.0/24")] })!;

        var rule = Assert.Single(rules.Ports);
        Assert.Equal(
            (because, addresses, sources, reason),
            (because, string.Join(' ', rule.OutsideAddresses.Select(a => $"{a.Address}{(a.IsLoadBalancer ? " (balancer)" : "")}")), string.Join(' ', rule.SourceRanges),
                string.Join(' ', rules.Diagnostics.Select(d => d.Reason))));
    }

    [Fact]
    public void The_health_check_counts_what_is_ready_here()
    {
        var service = Balanced(s => s with { ExternalTrafficPolicy = "Local", HealthCheckNodePort = 32000 });
        var slices = new[]
        {
            Slice("a", Endpoint("10.1.0.1", "here"), Endpoint("10.1.0.2", "here", ready: false, serving: true, terminating: true), Endpoint("10.1.0.3")),
            Slice("b", Endpoint("10.1.0.1", "here")),
        };

        var rules = ServiceTableCompiler.Compile(service, slices, Here)!;

        Assert.Equal((32000, 1), (rules.HealthCheckNodePort, rules.LocalReady));
        Assert.Equal(0, ServiceTableCompiler.Compile(Balanced(s => s with { HealthCheckNodePort = 32000 }), slices, Here)!.HealthCheckNodePort);
    }

    private static Service Balanced(Func<ServiceSpec, ServiceSpec> spec, string? mode = null) => Service(spec: s => spec(s with { Type = "LoadBalancer" })) with
    {
        Status = new() { LoadBalancer = new() { Ingress = [new LoadBalancerIngress { Ip = "203.0.113.5", IpMode = mode }] } },
    };

    /// <summary>Reason and a Service that a proxy has nothing to do with.</summary>
    public static TheoryData<string, Service> NotOurs => new()
    {
        { "ExternalName is DNS's", Service(spec: s => s with { Type = "ExternalName", ExternalName = "example.com", ClusterIP = "" }) },
        { "a headless Service has no address", Service(spec: s => s with { ClusterIP = "None" }) },
        { "an address that was not given yet", Service(spec: s => s with { ClusterIP = "" }) },
        { "another proxy was named", Service(labels: (ServiceTableCompiler.ProxyNameLabel, "mine")) },
        { "the headless label", Service(labels: (ServiceTableCompiler.HeadlessLabel, "")) },
    };

    [Theory, MemberData(nameof(NotOurs))]
    public void Services_of_others_are_left_alone(string because, Service service)
        => Assert.True(ServiceTableCompiler.Compile(service, [Slice("a", Endpoint("10.1.0.1"))], Here) is null, because);

    [Fact]
    public void A_named_target_port_may_differ_from_slice_to_slice()
    {
        var old = Slice("a", Endpoint("10.1.0.1"));
        var renewed = Slice("b", Endpoint("10.1.0.2")) with { Ports = [new EndpointPort { Name = "http", Port = 9090 }] };

        var rule = Assert.Single(Compile(Service(), old, renewed).Ports);

        Assert.Equal(["10.1.0.1:8080", "10.1.0.2:9090"], rule.Backends.Select(b => b.ToString()));
    }

    [Fact]
    public void Each_port_of_a_service_has_its_own_rule_and_the_protocol_tells_equal_numbers_apart()
    {
        var service = Service("dns", s => s with
        {
            Ports = [new ServicePort { Name = "dns", Port = 53, Protocol = "UDP" }, new ServicePort { Name = "dns-tcp", Port = 53 }, new ServicePort { Name = "sctp", Port = 9, Protocol = "SCTP" }],
        });
        var slice = SliceOf("dns", "a", Endpoint("10.1.0.1")) with
        {
            Ports = [new EndpointPort { Name = "dns", Port = 5353, Protocol = "UDP" }, new EndpointPort { Name = "dns-tcp", Port = 5353, Protocol = "TCP" }],
        };

        var rules = Compile(service, slice);

        Assert.Equal([Protocol.Udp, Protocol.Tcp, Protocol.Sctp], rules.Ports.Select(p => p.Name.Protocol));
        Assert.Equal([1, 1, 0], rules.Ports.Select(p => p.Backends.Length));
        Assert.Equal("shop/dns:dns", rules.Ports[0].Name.ToString());
        Assert.Empty(rules.Diagnostics);
    }

    [Fact]
    public void Two_families_are_two_rules_with_endpoints_of_their_own()
    {
        var service = Service(spec: s => s with { ClusterIPs = ["10.96.0.10", "fd00:10::a"], IpFamilies = ["IPv4", "IPv6"] });
        var six = Slice("six", Endpoint("fd00::1")) with { AddressType = "IPv6" };

        var rules = Compile(service, Slice("four", Endpoint("10.1.0.1")), six).Ports;

        Assert.Equal([(IPFamily.IPv4, "10.1.0.1:8080"), (IPFamily.IPv6, "[fd00::1]:8080")], rules.Select(r => (r.Family, r.Backends[0].ToString())));
    }

    [Fact]
    public void Policy_local_keeps_to_endpoints_of_this_node_and_looks_for_serving_ones_among_them()
    {
        var service = Service(spec: s => s with
        {
            Type = "NodePort",
            ExternalTrafficPolicy = "Local",
            Ports = [new ServicePort { Name = "http", Port = 80, NodePort = 30080 }],
        });
        var slice = Slice("a", Endpoint("10.1.0.1", "there"), Endpoint("10.1.0.2", "here", ready: false, serving: true, terminating: true));

        var rule = Assert.Single(Compile(service, slice).Ports);

        Assert.Equal(30080, rule.NodePort);
        Assert.Equal(["10.1.0.1:8080"], rule.Backends.Select(b => b.ToString()));
        Assert.Equal(["10.1.0.2:8080 (here)"], rule.LocalBackends.Select(b => b.ToString()));
    }

    [Fact]
    public void A_node_port_left_in_a_cluster_ip_service_means_nothing()
    {
        var service = Service(spec: s => s with { Ports = [new ServicePort { Name = "http", Port = 80, NodePort = 30080 }] });

        Assert.Equal(0, Assert.Single(Compile(service).Ports).NodePort);
    }

    /// <summary>Reason, seconds asked for, seconds used.</summary>
    public static TheoryData<string, int?, int> Timeouts => new()
    {
        { "three hours unless said otherwise", null, 10800 },
        { "as said", 60, 60 },
        { "nonsense is answered by the default and a diagnostic", 0, 10800 },
        { "more than a day is not allowed", 86401, 10800 },
    };

    [Theory, MemberData(nameof(Timeouts))]
    public void Affinity_lasts(string because, int? asked, int used)
    {
        var service = Service(spec: s => s with
        {
            SessionAffinity = "ClientIP",
            SessionAffinityConfig = asked is null ? null : new() { ClientIP = new() { TimeoutSeconds = asked } },
        });

        Assert.True(Assert.Single(Compile(service).Ports).Affinity == TimeSpan.FromSeconds(used), because);
    }

    /// <summary>Reason, a Service or slice with a mistake, and the reason of its diagnostic.</summary>
    public static TheoryData<string, Service, EndpointSlice, string> Mistakes => new()
    {
        { "unknown protocol", Service(spec: s => s with { Ports = [new ServicePort { Port = 80, Protocol = "ICMP" }] }), Slice("a"), "UnknownProtocol" },
        { "port out of range", Service(spec: s => s with { Ports = [new ServicePort { Port = 65536 }] }), Slice("a"), "InvalidPort" },
        {
            "the same port twice",
            Service(spec: s => s with { Ports = [new ServicePort { Name = "http", Port = 80 }, new ServicePort { Name = "other", Port = 80 }] }), Slice("a"), "PortClaimedTwice"
        },
        { "no address", Service(spec: s => s with { ClusterIP = "10.96.0.256" }), Slice("a"), "InvalidClusterIP" },
        { "a slice of names", Service(), Slice("a", Endpoint("example.com")) with { AddressType = "FQDN" }, "UnusableEndpointSlice" },
        { "an endpoint that is no address", Service(), Slice("a", Endpoint("nope")), "InvalidEndpointAddress" },
        {
            "an endpoint port out of range", Service(),
            Slice("a", Endpoint("10.1.0.1")) with { Ports = [new EndpointPort { Name = "http", Port = 0 }] }, "InvalidEndpointPort"
        },
    };

    [Theory, MemberData(nameof(Mistakes))]
    public void A_users_mistake_is_told_and_costs_no_more_than_itself(string because, Service wrong, EndpointSlice slice, string reason)
    {
        var right = Service("fine", s => s with { ClusterIP = "10.96.0.11" });

        var table = ServiceTableCompiler.Compile([wrong, right], [slice, SliceOf("fine", "f", Endpoint("10.1.0.9"))], Here);

        Assert.Contains(table.Services[wrong.Key].Diagnostics, d => d.Reason == reason);
        Assert.True(table.Services[right.Key] is { Diagnostics.IsEmpty: true, Ports: [{ Backends.Length: 1 }] }, because);
    }

    [Fact]
    public void The_newest_trigger_time_of_the_slices_is_kept_for_the_metric()
    {
        var slice = Slice("a", Endpoint("10.1.0.1"));
        var stamped = slice with
        {
            Metadata = slice.Metadata with { Annotations = EquatableMap.Of((ServiceTableCompiler.TriggerTimeAnnotation, "2026-01-02T03:04:05.5Z")) },
        };

        Assert.Equal(new DateTimeOffset(2026, 1, 2, 3, 4, 5, 500, TimeSpan.Zero), Compile(Service(), stamped).Triggered);
    }

    private static ServiceRules Compile(Service service, params EndpointSlice[] slices) => ServiceTableCompiler.Compile(service, slices, Here)!;
}
