using System.Net;
using System.Text.RegularExpressions;
using Fairlead.Ingress;
using Fairlead.Ingress.Controller;
using Fairlead.Ingress.Status;
using Fairlead.Kube.Client;
using Fairlead.Kube.Informers;
using Fairlead.Kube.Objects;
using Fairlead.Kube.Yaml;
using Fairlead.Tests.Fixtures;

namespace Fairlead.Tests.Ingress;

public sealed class StatusTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Health_follows_readiness()
    {
        await using var proxy = await Proxy.StartAsync([]);
        using var client = Proxy.NewClient();
        var url = new Uri($"http://127.0.0.1:{proxy.StatusPort}/healthz");

        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await client.GetAsync(url, Ct)).StatusCode);
        await proxy.Server.BecomeReadyAsync(proxy.Routes, Ct);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync(url, Ct)).StatusCode);
    }

    [Fact]
    public async Task Metrics_have_ingress_nginxs_names_and_labels()
    {
        using var upstream = RawUpstream.Answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        await using var proxy = await Proxy.StartAsync([upstream.Port]);
        using var client = Proxy.NewClient();

        await proxy.GetAsync();
        var metrics = await client.GetStringAsync(new Uri($"http://127.0.0.1:{proxy.StatusPort}/metrics"), Ct);

        Assert.Matches("""nginx_ingress_controller_requests\{[^}]*host="x.io"[^}]*ingress="store"[^}]*service="web"[^}]*status="200"[^}]*\} [1-9]""", metrics);
        Assert.Contains("nginx_ingress_controller_request_duration_seconds_bucket{", metrics, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_route_table_can_be_seen()
    {
        await using var proxy = await Proxy.StartAsync([]);
        using var client = Proxy.NewClient();

        Assert.Contains("x.io/ (Prefix) → default-web-80", await client.GetStringAsync(new Uri($"http://127.0.0.1:{proxy.StatusPort}/debug/tables/routes"), Ct), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_access_log_has_the_format_upstreaminfo()
    {
        using var upstream = RawUpstream.Answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        using var log = new StringWriter();
        await using (var proxy = await Proxy.StartAsync(Proxy.Table([upstream.Port]), accessLog: log))
        {
            using var response = await proxy.SendAsync(HttpMethod.Get, "/a?b", change: r => r.Headers.TryAddWithoutValidation("User-Agent", "say \"hi\""));
        }

        Assert.Matches(
            new Regex($"""^127\.0\.0\.1 - - \[\d\d/\w\w\w/\d\d\d\d:\d\d:\d\d:\d\d \+0000\] "GET /a\?b HTTP/1\.1" 200 2 "-" "say \\x22hi\\x22" 0 \d+\.\d\d\d \[default-web-80\] \[\] 127\.0\.0\.1:{upstream.Port} 2 \d+\.\d\d\d 200 [0-9a-f]+$""", RegexOptions.NonBacktracking),
            log.ToString().Trim());
    }

    [Fact]
    public void The_notes_arguments_are_understood()
    {
        var options = IngressFlags.Parse(
            ["/nginx-ingress-controller", "--configmap=ingress-space/nginx-configuration", "--default-backend-service=app-space/default-http-backend", "--v", "2"],
            name => name == "POD_NAMESPACE" ? "ingress-space" : null, out var warnings);

        Assert.Equal(new ObjectKey("ingress-space", "nginx-configuration"), options.Routing.ConfigMap);
        Assert.Equal(new ObjectKey("app-space", "default-http-backend"), options.Routing.DefaultBackendService);
        Assert.Equal("ingress-space", options.PodNamespace);
        Assert.Single(warnings);
    }

    [Fact]
    public async Task The_nodes_of_the_replicas_are_asked_for_once_in_an_interval_however_often_routes_change()
    {
        var time = new ManualTime();
        await using var api = await FakeApi.StartAsync();
        await api.Client.CreateAsync(KubeResources.Nodes, new Node { Metadata = new() { Name = "n1" }, Status = new() { Addresses = [new NodeAddress { Type = "InternalIP", Address = "192.0.2.1" }] } }, Ct);
        await api.Client.CreateAsync(KubeResources.Pods, new Pod { Metadata = new() { Namespace = "in", Name = "one" }, Spec = new() { NodeName = "n1" }, Status = new() { Phase = "Running" } }, Ct);
        var addresses = new PublishedAddresses(
            api.Client, new IngressOptions { PodNamespace = "in", PodName = "one", StatusInterval = TimeSpan.FromSeconds(60) }, new(Store.Empty<Service>()), time);

        Assert.Equal("192.0.2.1", Assert.Single((await addresses.FindAsync(Ct))!.Value).Ip);
        var asked = api.Requests.Count;
        Assert.Equal("192.0.2.1", Assert.Single((await addresses.FindAsync(Ct))!.Value).Ip);
        Assert.Equal(asked, api.Requests.Count);

        time.Advance(TimeSpan.FromSeconds(60));
        await addresses.FindAsync(Ct);
        Assert.True(api.Requests.Count > asked);
    }

    [Theory]
    [InlineData("--http-ports=80", "unknown flag --http-ports")]
    [InlineData("--http-port=eighty", "--http-port: 'eighty' is not a whole number from 0")]
    [InlineData("--configmap=nginx", "--configmap: 'nginx' is not namespace/name")]
    [InlineData("--configmap", "--configmap needs a value")]
    [InlineData("--update-status=maybe", "--update-status: 'maybe' is neither true nor false")]
    [InlineData("start", "unexpected argument 'start'")]
    public void A_wrong_argument_is_told(string argument, string message)
        => Assert.Equal(message, Assert.Throws<FormatException>(() => IngressFlags.Parse([argument], _ => null, out _)).Message);

    [Theory]
    [InlineData("--watch-ingress-without-class", true)]
    [InlineData("--watch-ingress-without-class=false", false)]
    public void Switches_need_no_value(string argument, bool expected)
        => Assert.Equal(expected, IngressFlags.Parse([argument, "--http-port", "8080"], _ => null, out _).Routing.WatchWithoutClass);

    [Theory]
    [InlineData("{type: LoadBalancer, externalIPs: [192.0.2.9]}", "192.0.2.1,192.0.2.9")]
    [InlineData("{type: ClusterIP, clusterIP: 10.96.0.7}", "10.96.0.7")]
    [InlineData("{type: NodePort, clusterIP: 10.96.0.7, externalIPs: [192.0.2.9]}", "192.0.2.9")]
    [InlineData("{type: ExternalName, externalName: lb.example}", "lb.example")]
    [InlineData("{type: ClusterIP, clusterIP: None}", "")]
    public void The_published_service_gives_its_addresses(string spec, string expected)
    {
        var service = KubeJson.FromNode<Service>(KubeYaml.Parse(
            $"apiVersion: v1\nkind: Service\nmetadata: {{name: a}}\nspec: {spec}\nstatus: {{loadBalancer: {{ingress: [{{ip: 192.0.2.1}}]}}}}")[0]);

        Assert.Equal(expected, string.Join(',', PublishedAddresses.OfService(service)!.Select(a => a.Ip ?? a.Hostname)));
    }
}
