using Fairlead.Dns;
using Fairlead.Dns.Plugins.Kubernetes;
using Fairlead.Dns.Wire;
using Fairlead.Kube.Informers;
using Fairlead.Kube.Objects;

namespace Fairlead.Tests.Dns;

/// <summary>The Kubernetes DNS specification 1.1, asked of a running server line by line.</summary>
public sealed class KubernetesPluginTests
{
    /// <summary>Question, type, code, and the answers without owner and time to live; <c>+</c> begins the additional records.</summary>
    private const string Specification = """
        # 2.2 the schema's version
        dns-version.cluster.local TXT NOERROR "1.1.0"
        # 2.3.1 a Service's address, by family
        kubernetes.default.svc.cluster.local A NOERROR 10.96.0.1
        web.shop.svc.cluster.local A NOERROR 10.96.0.7
        web.shop.svc.cluster.local AAAA NOERROR fd00:96::7
        WEB.Shop.SVC.cluster.LOCAL A NOERROR 10.96.0.7
        # NODATA: there is such a name, and it has no such record
        kubernetes.default.svc.cluster.local AAAA NOERROR
        kubernetes.default.svc.cluster.local MX NOERROR
        kubernetes.default.svc.cluster.local TXT NOERROR
        # 2.3.2 SRV for named ports
        _https._tcp.kubernetes.default.svc.cluster.local SRV NOERROR 0 100 443 kubernetes.default.svc.cluster.local. + 10.96.0.1
        _dns._udp.web.shop.svc.cluster.local SRV NOERROR 0 50 53 web.shop.svc.cluster.local. + 10.96.0.7 fd00:96::7
        _dns._tcp.web.shop.svc.cluster.local SRV NXDOMAIN
        _nothing._tcp.web.shop.svc.cluster.local SRV NXDOMAIN
        _._tcp.unnamed.shop.svc.cluster.local SRV NXDOMAIN
        unnamed.shop.svc.cluster.local SRV NOERROR 0 100 8080 unnamed.shop.svc.cluster.local. + 10.96.0.8
        # 2.3.3 PTR
        1.0.96.10.in-addr.arpa PTR NOERROR kubernetes.default.svc.cluster.local.
        7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.0.d.f.ip6.arpa PTR NOERROR web.shop.svc.cluster.local.
        # 2.4.1 headless: ready endpoints only, under the Service's name and their own
        db.shop.svc.cluster.local A NOERROR 10.32.0.10 10.32.0.11
        db-0.db.shop.svc.cluster.local A NOERROR 10.32.0.10
        10-32-0-11.db.shop.svc.cluster.local A NOERROR 10.32.0.11
        db-2.db.shop.svc.cluster.local A NXDOMAIN
        db-pod.db.shop.svc.cluster.local A NXDOMAIN
        db6.shop.svc.cluster.local AAAA NOERROR fd00:32:: fd00:32::10
        db6.shop.svc.cluster.local A NOERROR
        fd00-32--10.db6.shop.svc.cluster.local AAAA NOERROR fd00:32::10
        fd00-32--0.db6.shop.svc.cluster.local AAAA NOERROR fd00:32::
        nobody.shop.svc.cluster.local A NXDOMAIN
        portless.shop.svc.cluster.local A NOERROR 10.32.0.20
        portless.shop.svc.cluster.local SRV NOERROR
        10-32-0-20.portless.shop.svc.cluster.local A NOERROR 10.32.0.20
        # endpoints have names under Services with an address too
        10-32-0-5.web.shop.svc.cluster.local A NOERROR 10.32.0.5
        10-32-0-6.web.shop.svc.cluster.local A NXDOMAIN
        10-32-0-9.unnamed.shop.svc.cluster.local A NOERROR 10.32.0.9
        # 2.4.2 headless SRV: one for each endpoint and port
        _sql._tcp.db.shop.svc.cluster.local SRV NOERROR 0 50 5432 10-32-0-11.db.shop.svc.cluster.local. 0 50 5432 db-0.db.shop.svc.cluster.local. + 10.32.0.10 10.32.0.11
        # 2.4.3 headless PTR
        10.0.32.10.in-addr.arpa PTR NOERROR db-0.db.shop.svc.cluster.local.
        11.0.32.10.in-addr.arpa PTR NOERROR 10-32-0-11.db.shop.svc.cluster.local.
        # 2.5 ExternalName
        alias.shop.svc.cluster.local CNAME NOERROR web.shop.svc.cluster.local.
        alias.shop.svc.cluster.local A NOERROR 10.96.0.7 web.shop.svc.cluster.local.
        alias.shop.svc.cluster.local AAAA NOERROR fd00:96::7 web.shop.svc.cluster.local.
        alias.shop.svc.cluster.local SRV NOERROR
        outside.shop.svc.cluster.local A NOERROR 192.0.2.80 up.example.
        loop.shop.svc.cluster.local A NOERROR
        dangling.shop.svc.cluster.local A NOERROR
        address.shop.svc.cluster.local A NXDOMAIN
        # a Service without endpoints still has its address
        empty.shop.svc.cluster.local A NOERROR 10.96.0.9
        # what is above names is there, and empty
        cluster.local A NOERROR
        svc.cluster.local A NOERROR
        shop.svc.cluster.local A NOERROR
        bare.svc.cluster.local A NOERROR
        pod.cluster.local A NOERROR
        shop.pod.cluster.local A NOERROR
        # what is not there
        nothing.shop.svc.cluster.local A NXDOMAIN
        web.nowhere.svc.cluster.local A NXDOMAIN
        nowhere.svc.cluster.local A NXDOMAIN
        web.hidden.svc.cluster.local A NXDOMAIN
        a.b.c.web.shop.svc.cluster.local A NXDOMAIN
        www.google.com.shop.svc.cluster.local A NXDOMAIN
        other.cluster.local A NXDOMAIN
        99.0.96.10.in-addr.arpa PTR NXDOMAIN
        # pods' addresses taken at their word
        10-32-0-5.shop.pod.cluster.local A NOERROR 10.32.0.5
        9-9-9-9.shop.pod.cluster.local A NOERROR 9.9.9.9
        fd00--5.shop.pod.cluster.local AAAA NOERROR fd00::5
        10-32-0.shop.pod.cluster.local A NXDOMAIN
        word.shop.pod.cluster.local A NXDOMAIN
        10-32-0-5.nowhere.pod.cluster.local A NXDOMAIN
        # the zone itself
        cluster.local SOA NOERROR ns.dns.cluster.local. hostmaster.cluster.local. 1 7200 1800 86400 5
        cluster.local NS NOERROR ns.dns.cluster.local. + 127.0.0.1
        ns.dns.cluster.local A NOERROR 127.0.0.1
        cluster.local AXFR REFUSED
        """;

    public static TheoryData<string> Lines => [.. Specification.Split('\n').Where(line => !line.StartsWith('#'))];

    [Theory, MemberData(nameof(Lines))]
    public async Task The_specification_holds(string line)
    {
        await using var server = await StartAsync("pods insecure", Snapshot(Settings(PodMode.Insecure)));
        var words = line.Split(' ');
        Assert.True(Mnemonic.TryParseType(words[1], out var type));

        var reply = await server.AskAsync(words[0], type);

        var answers = string.Join(' ', reply.Answers.Select(r => r.FormatData()).Order(StringComparer.Ordinal));
        var extra = reply.Additionals.IsEmpty ? "" : " + " + string.Join(' ', reply.Additionals.Select(r => r.FormatData()).Order(StringComparer.Ordinal));
        var text = $"{words[0]} {words[1]} {Mnemonic.Of(reply.Code)} {answers}{extra}".TrimEnd();
        Assert.Equal(line, text);
        Assert.Equal(words[0] + ".", reply.Name.ToString());
        Assert.Equal(reply.Code != ResponseCode.Refused, reply.Authoritative);

        // A denial names its SOA, or resolvers could not keep it (RFC 2308 §3).
        if (reply.Answers.IsEmpty && reply.Code != ResponseCode.Refused)
        {
            Assert.Equal(RecordType.SOA, Assert.Single(reply.Authorities).Type);
        }
    }

    [Fact]
    public async Task Before_the_first_sync_names_fail_rather_than_be_denied()
    {
        var zone = new MadeZone(ZoneSnapshot.Empty(Settings(PodMode.Disabled)));
        await using var server = await RunningServer.StartAsync(Corefile("startup_timeout 1ms"), new() { ClusterZone = _ => zone });

        Assert.Equal(ResponseCode.ServerFailure, (await server.AskAsync("web.shop.svc.cluster.local")).Code);
        Assert.Contains("[WARNING] plugin/kubernetes: starting server with unsynced Kubernetes API", server.Log.ToString(), StringComparison.Ordinal);
        zone.Zone.Publish(Snapshot(Settings(PodMode.Disabled)));
        Assert.Equal(ResponseCode.NoError, (await server.AskAsync("web.shop.svc.cluster.local")).Code);
    }

    [Fact]
    public async Task The_ttl_is_what_the_Corefile_says()
    {
        await using var server = await StartAsync("ttl 30", Snapshot(Settings(PodMode.Disabled) with { Ttl = 30 }));

        Assert.Equal(30u, Assert.Single((await server.AskAsync("web.shop.svc.cluster.local")).Answers).Ttl);
        Assert.Equal(30u, Assert.Single((await server.AskAsync("no.shop.svc.cluster.local")).Authorities).Minimum);
    }

    [Fact]
    public async Task Fallthrough_hands_on_only_what_is_not_there()
    {
        await using var server = await StartAsync("fallthrough in-addr.arpa", Snapshot(Settings(PodMode.Disabled)));

        Assert.Equal("router.example.", (await server.AskAsync("1.2.0.192.in-addr.arpa", RecordType.PTR)).Answers[0].FormatData());
        Assert.Equal(ResponseCode.NameError, (await server.AskAsync("no.shop.svc.cluster.local")).Code);
    }

    [Fact]
    public async Task Without_pods_their_names_are_not_there()
    {
        await using var server = await StartAsync("", Snapshot(Settings(PodMode.Disabled)));

        Assert.Equal(ResponseCode.NameError, (await server.AskAsync("10-32-0-5.shop.pod.cluster.local")).Code);
        Assert.Equal(ResponseCode.NameError, (await server.AskAsync("shop.pod.cluster.local")).Code);
        Assert.Equal(ResponseCode.NoError, (await server.AskAsync("pod.cluster.local")).Code);
    }

    [Fact]
    public void Verified_pods_have_names_while_they_run()
    {
        var zone = Snapshot(Settings(PodMode.Verified));

        Assert.Equal("10.32.0.5", Find(zone, "10-32-0-5.shop.pod.cluster.local"));
        Assert.Null(Find(zone, "10-32-0-77.shop.pod.cluster.local"));
        Assert.Null(Find(zone, "9-9-9-9.shop.pod.cluster.local"));
    }

    [Fact]
    public void Options_change_what_there_is()
    {
        var settings = Settings(PodMode.Disabled);

        Assert.Null(Find(Snapshot(settings with { NoEndpoints = true }), "db.shop.svc.cluster.local"));
        Assert.Null(Find(Snapshot(settings with { IgnoreEmptyServices = true }), "empty.shop.svc.cluster.local"));
        Assert.Equal("10.96.0.7 fd00:96::7", Find(Snapshot(settings with { IgnoreEmptyServices = true }), "web.shop.svc.cluster.local", RecordType.A, RecordType.AAAA));
        Assert.Equal("10.32.0.11", Find(Snapshot(settings with { EndpointPodNames = true }), "db-pod.db.shop.svc.cluster.local"));
        Assert.Null(Find(Snapshot(settings with { Namespaces = ["default"] }), "web.shop.svc.cluster.local"));
        Assert.Null(Find(Snapshot(settings with { Namespaces = ["default"] }), "shop.svc.cluster.local"));
    }

    [Fact]
    public void A_change_gives_the_same_zone_as_a_fresh_compile()
    {
        var settings = Settings(PodMode.Verified);
        var full = ClusterObjects.Cluster();
        var steps = new[]
        {
            full with { Services = Store.Of(full.Services.Values.Where(s => s.Metadata.Name != "web")) },
            full with { Slices = Store.Of(full.Slices.Values.Where(s => s.Metadata.Name != "db-1")) },
            full with { Namespaces = Store.Of(full.Namespaces.Values.Where(n => n.Metadata.Name != "shop")) },
            full with { Pods = Store.Of<Pod>() },
            full,
        };
        var zone = ZoneSnapshot.Empty(settings);

        foreach (var step in steps)
        {
            zone = zone.With(step, 1);
            Assert.Equal(Dump(ZoneSnapshot.Empty(settings).With(step, 1)), Dump(zone));
        }
    }

    [Fact]
    public void What_did_not_change_is_the_same_object()
    {
        var before = Snapshot(Settings(PodMode.Disabled));
        var cluster = ClusterObjects.Cluster();
        var after = before.With(cluster with { Services = Store.Of(cluster.Services.Values.Where(s => s.Metadata.Name != "empty")) }, 2);

        before.TryFind(DnsName.Parse("db.shop.svc.cluster.local").Wire, out var one);
        after.TryFind(DnsName.Parse("db.shop.svc.cluster.local").Wire, out var two);
        Assert.NotNull(one);

        // Store.Of makes new stores of the same objects, and only references tell what changed.
        Assert.Equal(one.All, two!.All);
    }

    [Theory]
    [InlineData("pods sometimes", "Corefile:2: pods: 'sometimes': one of disabled, insecure, verified is expected")]
    [InlineData("ttl 4000", "Corefile:2: ttl: '4000' must be a number from 0 to 3600")]
    [InlineData("wrong", "Corefile:2: unknown property 'wrong'")]
    [InlineData("labels a in (", "Corefile:2: labels: unable to parse label selector value 'a in (':")]
    public async Task Bad_options_are_told(string option, string message)
    {
        var error = await Assert.ThrowsAsync<Fairlead.Dns.Corefile.CorefileException>(() => StartAsync(option, Snapshot(Settings(PodMode.Disabled))));

        Assert.StartsWith(message.Replace(":2:", ":3:", StringComparison.Ordinal), error.Message, StringComparison.Ordinal);
    }

    internal static ZoneSettings Settings(PodMode pods) => new([DnsName.Parse("cluster.local")], 5, pods, []);

    internal static ZoneSnapshot Snapshot(ZoneSettings settings) => ZoneSnapshot.Empty(settings).With(ClusterObjects.Cluster(), 1);

    private static string Corefile(string options) => $$"""
        . {
          kubernetes cluster.local in-addr.arpa ip6.arpa {
            {{options}}
          }
          hosts /dev/null {
            192.0.2.80 up.example
            192.0.2.1 router.example
            fallthrough
          }
        }
        """;

    private static Task<RunningServer> StartAsync(string options, ZoneSnapshot zone)
        => RunningServer.StartAsync(Corefile(options), new() { ClusterZone = _ => new MadeZone(zone) });

    private static string? Find(ZoneSnapshot zone, string name, params RecordType[] types)
        => zone.TryFind(DnsName.Parse(name).Wire, out var answers)
            ? string.Join(' ', (types.Length == 0 ? [RecordType.A] : types).SelectMany(t => answers.OfType(t).ToArray()).Select(r => r.FormatData()))
            : null;

    private static string Dump(ZoneSnapshot zone)
        => string.Join('\n', zone.Table().Select(n => $"{n.Key}: {string.Join(", ", n.Value.All.Select(r => r.ToString()))}"));
}
