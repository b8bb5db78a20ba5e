using System.Text.RegularExpressions;
using Fairlead.EndToEnd.Clients.Cri;

namespace Fairlead.EndToEnd.Clients;

/// <summary>containerd's CRI, asked as a kubelet asks it, makes and removes pods on our plugins alone.</summary>
public sealed partial class ContainerdTests(ContainerdMachine containerd) : IClassFixture<ContainerdMachine>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_network_of_the_document_is_ready()
        => Assert.Equal("", (await containerd.Cri.ConditionsAsync(Token))["NetworkReady"]);

    [Fact]
    public async Task A_pod_gets_its_network_and_is_stopped_and_removed_with_DEL_twice()
    {
        await containerd.Machine.Sh("rm -f /run/calls").OkAsync();

        var pod = await containerd.Cri.RunPodSandboxAsync(new PodSandbox("whole-life"), Token);
        var address = Assert.Single(await containerd.Cri.AddressesAsync(pod, Token));
        Assert.Equal("whole-life", await HeldByAsync(address));
        Assert.Contains("LOOPBACK,UP", await containerd.Machine.Sh($"ip -n {await NetnsAsync(pod)} link show lo").OkAsync(), StringComparison.Ordinal);
        await containerd.Cri.StopPodSandboxAsync(pod, Token);
        Assert.False(await containerd.Cri.IsReadyAsync(pod, Token));
        Assert.Equal("", await LeftOfAsync(pod, address));
        await containerd.Cri.RemovePodSandboxAsync(pod, Token);

        var calls = (await containerd.Machine.Sh("cat /run/calls").OkAsync()).Split('\n').Select(c => c.Trim()).ToList();
        Assert.Equal(["bridge ADD eth0 netns", "bridge DEL eth0 netns", "bridge DEL eth0"], calls.Where(c => c.StartsWith("bridge ", StringComparison.Ordinal) && !c.Contains("VERSION", StringComparison.Ordinal)));
        Assert.Equal("", await LeftOfAsync(pod, address));
    }

    [Fact]
    public async Task Two_pods_reach_each_other_and_a_host_port_leads_to_one()
    {
        var first = await containerd.Cri.RunPodSandboxAsync(new PodSandbox("wear-1") { Ports = [(0, 80, 8080), (1, 53, 5353)] }, Token);
        var second = await containerd.Cri.RunPodSandboxAsync(new PodSandbox("video-1"), Token);
        var (near, far) = ((await containerd.Cri.AddressesAsync(first, Token))[0], (await containerd.Cri.AddressesAsync(second, Token))[0]);
        using var one = containerd.Machine.Open($"/run/netns/{await NetnsAsync(first)}");
        using var two = containerd.Machine.Open($"/run/netns/{await NetnsAsync(second)}");

        await containerd.Machine.Sh($"ip netns exec {await NetnsAsync(second)} busybox ping -c 1 -W 5 {near}").OkAsync();
        Assert.Equal(far, $"{await two.ReachAsync(near, 80, one, 80)}");
        Assert.Equal(RuntimeMachine.NeighbourAddress, $"{await containerd.Machine.Neighbour.ReachAsync(RuntimeMachine.Address, 8080, one, 80)}");
        Assert.NotNull(await containerd.Machine.Network.ReachAsync("127.0.0.1", 8080, one, 80));
        Assert.Equal("hello", await containerd.Machine.Neighbour.AskAsync(RuntimeMachine.Address, 5353, one, 53));
        var refused = await Assert.ThrowsAsync<IOException>(() => containerd.Cri.RunPodSandboxAsync(new PodSandbox("wear-2") { Ports = [(0, 80, 8080)] }, Token));
        Assert.Contains("tcp port 8080 is taken by app-space/wear-1", refused.Message, StringComparison.Ordinal);

        foreach (var (pod, address) in new[] { (first, near), (second, far) })
        {
            await containerd.Cri.StopPodSandboxAsync(pod, Token);
            await containerd.Cri.RemovePodSandboxAsync(pod, Token);
            Assert.Equal("", await LeftOfAsync(pod, address));
        }

        Assert.DoesNotContain("wear-2", await containerd.Machine.Sh("nft list ruleset; ip -d link").OkAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rates_of_a_pod_s_annotations_are_on_its_cable()
    {
        var pod = await containerd.Cri.RunPodSandboxAsync(new PodSandbox("slow")
        {
            Annotations = new Dictionary<string, string>(StringComparer.Ordinal) { ["kubernetes.io/ingress-bandwidth"] = "10M", ["kubernetes.io/egress-bandwidth"] = "20M" },
        }, Token);
        var address = (await containerd.Cri.AddressesAsync(pod, Token))[0];

        Assert.Equal(["rate 10Mbit", "rate 20Mbit"], Rate().Matches(await containerd.Machine.Sh("tc qdisc show").OkAsync()).Select(m => m.Value).Order(StringComparer.Ordinal));

        await containerd.Cri.StopPodSandboxAsync(pod, Token);
        await containerd.Cri.RemovePodSandboxAsync(pod, Token);
        Assert.Equal("", await LeftOfAsync(pod, address));
        Assert.DoesNotMatch(Rate(), await containerd.Machine.Sh("tc qdisc show; ip link show type ifb").OkAsync());
    }

    [Fact]
    public async Task Ten_pods_at_once_get_ten_addresses_and_all_go()
    {
        var pods = await Task.WhenAll(Enumerable.Range(0, 10).Select(i => containerd.Cri.RunPodSandboxAsync(new PodSandbox($"many-{i}"), Token)));
        var addresses = await Task.WhenAll(pods.Select(p => containerd.Cri.AddressesAsync(p, Token)));
        Assert.Equal(10, addresses.Select(a => a[0]).Distinct().Count());

        await Task.WhenAll(pods.Select(async p =>
        {
            await containerd.Cri.StopPodSandboxAsync(p, Token);
            await containerd.Cri.RemovePodSandboxAsync(p, Token);
        }));
        foreach (var (pod, address) in pods.Zip(addresses))
        {
            Assert.Equal("", await LeftOfAsync(pod, address[0]));
        }
    }

    /// <summary>The namespace that the runtime made for a pod, which holds the cable that is marked with the pod's id.</summary>
    private async Task<string> NetnsAsync(string pod)
    {
        var cable = await containerd.Machine.Sh($"ip -d -o link | grep {pod} | grep -oE 'link-netns [^ \\\\]+' | cut -d' ' -f2").OkAsync();
        return cable.Trim();
    }

    /// <summary>The pod whose cable leads to an address.</summary>
    private async Task<string> HeldByAsync(string address)
        => Regex.Match(await containerd.Machine.Sh("nft list set inet fairlead-cni-firewall containers").OkAsync(), $"{Regex.Escape(address)} comment \"[^\"]* app-space/([^\"]+)\"").Groups[1].Value;

    /// <summary>What there still is of a pod: links, rules, its address's file, its namespace.</summary>
    private async Task<string> LeftOfAsync(string pod, string address)
        => await containerd.Machine.Sh($"ip -d -o link | grep {pod}; nft list ruleset | grep {pod}; ls /var/lib/cni/networks/*/{address} /var/lib/cni/results/*{pod}* 2> /dev/null; true").OkAsync();

    [GeneratedRegex(@"rate \d+Mbit")]
    private static partial Regex Rate();
}
