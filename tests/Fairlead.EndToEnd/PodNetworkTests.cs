using System.Text.Json;
using Fairlead.EndToEnd.Fixtures;

namespace Fairlead.EndToEnd;

/// <summary>What a pod may ask of its network, and the commands about addresses, with stock kubectl on a lab.</summary>
public sealed class PodNetworkTests(RunningLab lab) : IClassFixture<RunningLab>
{
    [Fact]
    public async Task Host_ports_rates_and_addresses_are_as_the_pod_asks()
    {
        var range = await RangeOf("node1");
        var asked = $"{range[..range.LastIndexOf('.')]}.200";
        (await lab.Host.Sh("kubectl apply -f -", $$"""
            apiVersion: v1
            kind: Pod
            metadata:
              name: asks
              annotations:
                fairlead.dev/ip: {{asked}}
                kubernetes.io/egress-bandwidth: 8M
            spec:
              nodeName: node1
              containers:
                - name: main
                  image: fairlead/http
                  ports: [{containerPort: 8080, hostPort: 30999}]
            """)).Ok();
        (await lab.Host.Sh("kubectl wait pod/asks --for=condition=Ready --timeout=60s")).Ok();

        Assert.Equal(asked, (await lab.Host.Sh("kubectl get pod asks -o jsonpath='{.status.podIP}'")).Ok().Trim());

        // Four megabytes at eight megabits a second take four seconds; what the bucket holds goes at once.
        var seconds = (await lab.Host.Sh($"curl -sS --fail --max-time 120 --retry 20 --retry-delay 1 --retry-all-errors -o /dev/null -w '%{{time_total}} %{{size_download}}' http://{lab.NodeAddress(1)}:30999/bytes/4000000")).Ok().Split(' ');
        Assert.Equal("4000000", seconds[1].Trim());
        Assert.True(double.Parse(seconds[0], System.Globalization.CultureInfo.InvariantCulture) > 1.5, $"4 MB came within {seconds[0]} s");
        (await lab.Host.Sh("kubectl delete pod asks --grace-period=1")).Ok();
    }

    [Fact]
    public async Task An_address_that_somebody_has_is_refused_with_the_holders_name()
    {
        var holder = JsonDocument.Parse((await lab.Host.Sh("kubectl get pods -n app-space -o json")).Ok()).RootElement.GetProperty("items").EnumerateArray()
            .First(p => p.GetProperty("status").TryGetProperty("podIP", out _));
        (await lab.Host.Sh("kubectl apply -f -", $$"""
            apiVersion: v1
            kind: Pod
            metadata:
              name: covets
              annotations: {fairlead.dev/ip: "{{holder.GetProperty("status").GetProperty("podIP").GetString()}}"}
            spec:
              nodeName: {{holder.GetProperty("spec").GetProperty("nodeName").GetString()}}
              containers: [{name: main, image: fairlead/http}]
            """)).Ok();

        var said = await lab.Host.Sh("for i in $(seq 60); do kubectl get events --field-selector involvedObject.name=covets -o jsonpath='{.items[*].message}' | grep 'is in use by container' && exit 0; sleep 1; done; kubectl describe pod covets; exit 1");
        Assert.Contains("is in use by container", said.Ok(), StringComparison.Ordinal);
        (await lab.Host.Sh("kubectl delete pod covets --grace-period=0 --force")).Ok();
    }

    [Fact]
    public async Task A_pod_on_the_hosts_network_has_the_nodes_address()
    {
        (await lab.Host.Sh("kubectl apply -f -", """
            apiVersion: v1
            kind: Pod
            metadata: {name: on-host}
            spec:
              nodeName: node2
              hostNetwork: true
              containers: [{name: main, image: fairlead/http, args: ["--port", "31888", "--text", "on the host"]}]
            """)).Ok();
        (await lab.Host.Sh("kubectl wait pod/on-host --for=condition=Ready --timeout=60s")).Ok();

        Assert.Equal(lab.NodeAddress(2), (await lab.Host.Sh("kubectl get pod on-host -o jsonpath='{.status.podIP}'")).Ok().Trim());
        Assert.Equal("on the host", (await lab.InPod("asks-host", $"curl -sS --max-time 30 --retry 20 --retry-delay 1 --retry-all-errors http://{lab.NodeAddress(2)}:31888/", "node1")).Trim());
        (await lab.Host.Sh("kubectl delete pod on-host --grace-period=1")).Ok();
    }

    [Fact]
    public async Task Ranges_are_shown_and_a_block_of_a_node_that_is_gone_is_found_and_freed()
    {
        Assert.Contains(await RangeOf("node1"), (await lab.Host.Sh("fairlead ipam show")).Ok(), StringComparison.Ordinal);
        Assert.Contains("no leaks, no conflicts", (await lab.Host.Sh("fairlead ipam check")).Ok(), StringComparison.Ordinal);
        (await lab.Host.Sh("kubectl apply -f -", """
            apiVersion: coordination.k8s.io/v1
            kind: Lease
            metadata:
              name: fairlead-block-10.47.255.0-24
              namespace: kube-system
              labels: {fairlead.dev/ipam: block, fairlead.dev/node: gone}
              annotations: {fairlead.dev/block: 10.47.255.0/24, fairlead.dev/node-uid: 5d0dcd50-0000-4000-8000-000000000000}
            spec: {holderIdentity: gone}
            """)).Ok();

        var found = await lab.Host.Sh("fairlead ipam check");
        Assert.Equal(1, found.ExitCode);
        Assert.Contains("10.47.255.0/24", found.ToString(), StringComparison.Ordinal);
        Assert.Single(JsonDocument.Parse((await lab.Host.Sh("fairlead ipam check -o json || true")).Ok()).RootElement.EnumerateArray());
        Assert.Contains("would free 10.47.255.0/24 of node gone", (await lab.Host.Sh("fairlead ipam reclaim --dry-run")).Ok(), StringComparison.Ordinal);
        Assert.Contains("freed 10.47.255.0/24 of node gone", (await lab.Host.Sh("fairlead ipam reclaim")).Ok(), StringComparison.Ordinal);
        Assert.Contains("no leaks, no conflicts", (await lab.Host.Sh("fairlead ipam check")).Ok(), StringComparison.Ordinal);
    }

    private async Task<string> RangeOf(string node)
        => JsonDocument.Parse((await lab.Host.Sh("fairlead ipam show -o json")).Ok()).RootElement.EnumerateArray()
            .First(r => r.GetProperty("node").GetString() == node).GetProperty("range").GetString()!;
}
