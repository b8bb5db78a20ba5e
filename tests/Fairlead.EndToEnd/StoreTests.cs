using Fairlead.EndToEnd.Fixtures;

namespace Fairlead.EndToEnd;

/// <summary>The course note's online store on a three-node lab, reached from outside and from pods.</summary>
public sealed class StoreTests(RunningLab lab) : IClassFixture<RunningLab>
{
    private TestHost Host => lab.Host;

    [Theory]
    [InlineData("/wear", "wear")]
    [InlineData("/watch", "watch")]
    public async Task The_ingress_by_path_answers_on_every_node_and_on_loopback(string path, string expected)
    {
        foreach (var address in new[] { lab.NodeAddress(1), lab.NodeAddress(2), lab.NodeAddress(3), "127.0.0.1" })
        {
            Assert.Contains(expected, (await Host.Sh($"curl -sS --fail --max-time 5 http://{address}:30080{path}")).Ok(), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("wear.my-online-store.com", "wear")]
    [InlineData("watch.my-online-store.com", "watch")]
    public async Task The_ingress_by_host_answers(string name, string expected)
        => Assert.Contains(expected, (await Host.Sh($"curl -sS --fail --max-time 5 -H 'Host: {name}' http://{lab.NodeAddress(1)}:30080/")).Ok(), StringComparison.Ordinal);

    [Fact]
    public async Task The_ingress_answers_on_its_TLS_port()
        => Assert.Contains("wear", (await Host.Sh($"curl -sS --fail --insecure --max-time 5 https://{lab.NodeAddress(2)}:30443/wear")).Ok(), StringComparison.Ordinal);

    [Fact]
    public async Task Every_node_s_pods_reach_every_pod_by_address()
    {
        var addresses = (await Host.Sh("kubectl get pods -n app-space -o jsonpath='{.items[*].status.podIP}'")).Ok().Split(' ');
        Assert.True(addresses.Length >= 5, string.Join(' ', addresses));

        foreach (var node in new[] { "node1", "node2", "node3" })
        {
            var log = await lab.InPod($"reach-{node}", $"for a in {string.Join(' ', addresses)}; do curl -sS --max-time 5 -o /dev/null -w '%{{http_code}} ' http://$a:8080/healthz; done", node);
            Assert.Equal(addresses.Select(_ => "200"), log.Trim().Split(' '));
        }
    }

    [Fact]
    public async Task Every_node_s_pods_reach_a_Service_by_short_and_full_name()
    {
        foreach (var node in new[] { "node1", "node2", "node3" })
        {
            var log = await lab.InPod($"names-{node}", "curl -sS --max-time 5 http://wear-service.app-space:8282/; curl -sS --max-time 5 http://wear-service.app-space.svc.cluster.local:8282/", node);
            Assert.Equal(2, log.Split("wear").Length - 1);
        }
    }

    [Fact]
    public async Task Outside_the_cluster_a_pod_has_its_node_s_address()
    {
        var host = lab.Status.GetProperty("host").GetString()!;
        foreach (var node in new[] { 1, 2, 3 })
        {
            using var server = OneShotServer.Listen(Host.Namespace, host);
            var pod = lab.InPod($"outside-{node}", $"curl -sS --max-time 5 http://{host}:{server.Port}/", $"node{node}");

            Assert.Equal(lab.NodeAddress(node), (await server.AnswerAsync(TestContext.Current.CancellationToken)).ToString());
            await pod;
        }
    }

    [Fact]
    public async Task A_pod_sees_its_own_name_resolver_and_hosts()
    {
        var log = await lab.InPod("see-self", "hostname; cat /etc/resolv.conf /etc/hosts; echo pid $$$$", "node2");

        Assert.StartsWith("see-self\n", log, StringComparison.Ordinal);
        Assert.Contains("nameserver 10.96.0.10", log, StringComparison.Ordinal);
        Assert.Contains("search default.svc.cluster.local svc.cluster.local cluster.local", log, StringComparison.Ordinal);
        Assert.Contains("options ndots:5", log, StringComparison.Ordinal);
        Assert.Contains("see-self\n", log[log.IndexOf("127.0.0.1", StringComparison.Ordinal)..], StringComparison.Ordinal);
        // In a manifest $$ stands for one dollar sign, so that the shell got $$.
        Assert.Contains("pid 1\n", log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unmatched_request_gets_the_default_backend()
        => Assert.Contains("404", (await Host.Sh($"curl -sS --max-time 5 -o /dev/null -w '%{{http_code}}' http://{lab.NodeAddress(1)}:30080/nothing-here")).Ok(), StringComparison.Ordinal);
}
