using System.Net;
using System.Text.Json.Nodes;
using Fairlead.Cni.Protocol;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Linux;
using Fairlead.Linux.Netlink.Route;
using Fairlead.Linux.Nftables;

namespace Fairlead.KernelTests.Cni;

public sealed class BridgeKernelTests : IDisposable
{
    private readonly CniNode _node = new();
    private readonly CancellationToken _ct = TestContext.Current.CancellationToken;

    public void Dispose() => _node.Dispose();

    [Fact]
    public async Task Two_pods_exchange_packets_over_both_families()
    {
        _node.Write(subnet6: "fd00:32::/64");
        var (a, b) = (await _node.AddPodAsync(ct: _ct), await _node.AddPodAsync(ct: _ct));

        foreach (var index in new[] { 0, 1 })
        {
            var address = b.Result.Addresses[index].Address;
            using var listener = b.Network.Listen(address, 80);
            Assert.Equal(a.Result.Addresses[index].Address, await a.Network.ReachAsync(address, 80, listener, _ct));
        }
    }

    [Fact]
    public async Task A_pod_reaches_its_gateway_and_the_gateway_the_pod()
    {
        _node.Write();
        var pod = await _node.AddPodAsync(ct: _ct);
        var gateway = IPAddress.Parse("10.32.0.1");

        using var onNode = _node.Network.Listen(gateway, 80);
        using var inPod = pod.Network.Listen(pod.Address, 80);

        Assert.Equal(pod.Address, await pod.Network.ReachAsync(gateway, 80, onNode, _ct));
        Assert.Equal(gateway, await _node.Network.ReachAsync(pod.Address, 80, inPod, _ct));
    }

    [Fact]
    public async Task A_pod_leaves_its_network_with_the_nodes_address_and_stays_itself_within()
    {
        _node.Write();
        var pod = await _node.AddPodAsync(ct: _ct);

        using var listener = _node.Outside.Listen(CniNode.OutsideAddress, 80);

        Assert.Equal(CniNode.NodeAddress, await pod.Network.ReachAsync(CniNode.OutsideAddress, 80, listener, _ct));
    }

    [Fact]
    public async Task The_result_is_what_is_there()
    {
        _node.Write(b => b["mtu"] = 1400);
        var pod = await _node.AddPodAsync(ct: _ct);

        using var host = RouteSocket.Open(_node.Network);
        using var inside = RouteSocket.Open(pod.Network);
        var (bridge, cable, link) = (host.GetLink("cni0"), host.GetLink(pod.Result.Interfaces[1].Name), inside.GetLink("eth0"));
        Assert.Equal(["cni0", cable.Name, "eth0"], pod.Result.Interfaces.Select(i => i.Name));
        Assert.Equal([bridge.Mac.ToString(), cable.Mac.ToString(), link.Mac.ToString()], pod.Result.Interfaces.Select(i => i.Mac));
        Assert.Equal((pod.Network.Path, 1400), (pod.Result.Interfaces[2].Sandbox, pod.Result.Interfaces[2].Mtu));
        Assert.Equal((1400, 1400, 1400), (bridge.Mtu, cable.Mtu, link.Mtu));
        Assert.Equal((bridge.Index, true, true), (cable.Master, cable.Port!.Hairpin, cable.Running));
        Assert.Equal("fairlead pods/c1/eth0 app-space/pod-1", cable.Alias);
        Assert.Equal("0a:58:0a:20:00:02", link.Mac.ToString()); // follows from 10.32.0.2
        Assert.Equal([new InterfaceAddress(pod.Address, 24)], inside.Addresses(link.Index).Select(a => a.Address).Where(a => !a.Address.IsIPv6LinkLocal));
        Assert.Contains(inside.Routes(), r => r.Destination.PrefixLength == 0 && Equals(r.Gateway, IPAddress.Parse("10.32.0.1")));
        Assert.Equal("1", Sysctl.Read("net/ipv4/ip_forward", _node.Network));
    }

    [Fact]
    public async Task A_container_without_addresses_gets_only_its_cable()
    {
        _node.WriteList("l2", "1.0.0", new JsonObject { ["type"] = "bridge", ["bridge"] = "br0" });

        var pod = await _node.AddPodAsync(ct: _ct);

        Assert.Empty(pod.Result.Addresses);
        Assert.Single(_node.Cables());
    }

    [Fact]
    public async Task Isolated_pods_reach_the_gateway_and_not_each_other()
    {
        _node.Write(b => b["portIsolation"] = true);
        var (a, b) = (await _node.AddPodAsync(ct: _ct), await _node.AddPodAsync(ct: _ct));
        using var onNode = _node.Network.Listen(IPAddress.Parse("10.32.0.1"), 80);
        using var inB = b.Network.Listen(b.Address, 80);

        Assert.NotNull(await a.Network.ReachAsync(IPAddress.Parse("10.32.0.1"), 80, onNode, _ct));
        Assert.True(a.Network.CannotConnect(b.Address, 80));
    }

    [Fact]
    public async Task A_hardware_address_can_be_given_and_the_bridge_made_promiscuous()
    {
        _node.Write(b =>
        {
            b["hairpinMode"] = false;
            b["promiscMode"] = true;
            b["args"] = JsonNode.Parse("""{"cni":{"mac":"02:00:00:00:00:07"}}""");
        });

        var pod = await _node.AddPodAsync(ct: _ct);

        Assert.Equal("02:00:00:00:00:07", pod.Result.Interfaces[2].Mac);
        Assert.Contains("PROMISC", _node.Network.Sh("ip link show cni0"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task DEL_removes_everything_of_the_pod_and_nothing_of_its_neighbour()
    {
        _node.Write();
        var (a, b) = (await _node.AddPodAsync(ct: _ct), await _node.AddPodAsync(ct: _ct));

        await _node.Runtime.DelAsync(a.Attachment, _ct);

        Assert.Equal([b.Result.Interfaces[1].Name], _node.Cables());
        Assert.Equal([b.Address.ToString()], _node.Reserved());
        Assert.Equal([b.Address], Masqueraded());
        using var inside = RouteSocket.Open(a.Network);
        Assert.Null(inside.FindLink("eth0"));
    }

    [Fact]
    public async Task DEL_succeeds_again_and_without_a_namespace_and_after_it_is_gone()
    {
        _node.Write();
        var pod = await _node.AddPodAsync(ct: _ct);
        var runtime = _node.Runtime;

        // containerd: once with everything, then with no namespace and no previous result.
        await runtime.DelAsync(pod.Attachment, _ct);
        await runtime.DelAsync(pod.Attachment with { NetworkNamespace = "" }, _ct);
        await runtime.DelAsync(pod.Attachment with { NetworkNamespace = "/run/netns/fairlead-not-there" }, _ct);

        Assert.Empty(_node.Cables());
        Assert.Empty(_node.Reserved());
    }

    [Fact]
    public async Task DEL_without_a_namespace_removes_what_is_on_the_host()
    {
        _node.Write();
        var pod = await _node.AddPodAsync(ct: _ct);

        await _node.Runtime.DelAsync(pod.Attachment with { NetworkNamespace = "" }, _ct);

        Assert.Empty(_node.Cables());
        Assert.Empty(_node.Reserved());
        Assert.Empty(Masqueraded());
    }

    [Fact]
    public async Task An_ADD_that_fails_half_way_leaves_nothing()
    {
        // The link is there, the address reserved; then the kernel refuses a route whose gateway is nowhere.
        _node.Write(b => b["ipam"]!["routes"] = JsonNode.Parse("""[{"dst":"192.0.2.0/24","gw":"203.0.113.1"}]"""));
        var (network, attachment) = _node.NewPod();

        var error = await Assert.ThrowsAsync<CniException>(() => _node.Runtime.AddAsync(attachment, _ct));

        Assert.Contains("192.0.2.0/24", error.Message, StringComparison.Ordinal);
        Assert.Empty(_node.Cables());
        Assert.Empty(_node.Reserved());
        Assert.Empty(Masqueraded());
        using var inside = RouteSocket.Open(network);
        Assert.Null(inside.FindLink("eth0"));
        Assert.Empty(Directory.GetFiles(Path.Combine(_node.CacheFolder, "results")));
    }

    [Fact]
    public async Task A_failure_further_down_the_chain_is_undone_too()
    {
        _node.WriteList(
            "pods", "1.1.0",
            new JsonObject { ["type"] = "bridge", ["ipam"] = new JsonObject { ["type"] = "host-local", ["subnet"] = "10.32.0.0/24", ["dataDir"] = _node.DataFolder } },
            new JsonObject { ["type"] = "portmap", ["backend"] = "pf" });

        var error = await Assert.ThrowsAsync<CniException>(() => _node.Runtime.AddAsync(_node.NewPod().Attachment, _ct));

        Assert.Equal(CniErrorCode.InvalidNetworkConfig, error.Code);
        Assert.Empty(_node.Cables());
        Assert.Empty(_node.Reserved());
    }

    [Fact]
    public async Task GC_removes_what_the_runtime_knows_nothing_of()
    {
        _node.Write();
        var (kept, lost) = (await _node.AddPodAsync(ct: _ct), await _node.AddPodAsync("""[{"hostPort":8080,"containerPort":80}]""", _ct));
        Directory.Delete(_node.CacheFolder, recursive: true); // as after a crash that took the runtime's memory

        await _node.Runtime.GcAsync([kept.Attachment.Key], _ct);

        Assert.Equal([kept.Result.Interfaces[1].Name], _node.Cables());
        Assert.Equal([kept.Address.ToString()], _node.Reserved());
        Assert.Equal([kept.Address], Masqueraded());
        Assert.DoesNotContain("8080", _node.Network.Sh("nft list ruleset"), StringComparison.Ordinal);
        Assert.NotEqual(kept.Address, lost.Address);
    }

    [Fact]
    public async Task CHECK_is_content_and_then_names_what_differs()
    {
        _node.Write();
        var pod = await _node.AddPodAsync(ct: _ct);
        await _node.Runtime.CheckAsync(pod.Attachment, _ct);

        using var inside = RouteSocket.Open(pod.Network);
        var link = inside.GetLink("eth0").Index;
        var route = inside.Routes().First(r => r.Destination.PrefixLength == 0 && !r.IsIPv6);
        inside.DeleteRoute(route);
        await DiffersAsync(pod, "0.0.0.0/0");
        inside.AddRoute(route);
        inside.DeleteAddress(link, new InterfaceAddress(pod.Address, 24));
        await DiffersAsync(pod, "10.32.0.2/24");
        inside.ReplaceAddress(link, new InterfaceAddress(pod.Address, 24));
        inside.AddRoute(route);
        await _node.Runtime.CheckAsync(pod.Attachment, _ct);
        using (var nft = NftablesSocket.Open(_node.Network))
        {
            nft.Commit(new NftTransaction(NftFamily.Ip, "fairlead-cni-masquerade").Add(new DeleteTable()));
        }

        await DiffersAsync(pod, "masquerade");
    }

    [Fact]
    public async Task STATUS_says_when_the_bridges_name_is_taken_and_when_no_address_is_left()
    {
        _node.Write(subnet: "10.32.0.0/30");
        await _node.Runtime.StatusAsync(_ct);
        await _node.AddPodAsync(ct: _ct);

        var full = await Assert.ThrowsAsync<CniException>(() => _node.Runtime.StatusAsync(_ct));
        Assert.Equal(CniErrorCode.NotAvailable, full.Code);
        Assert.Contains("no free address", full.Message, StringComparison.Ordinal);

        _node.Write(b => b["bridge"] = "uplink");
        Assert.Contains("'uplink'", (await Assert.ThrowsAsync<CniException>(() => _node.Runtime.StatusAsync(_ct))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_gateway_address_is_a_mistake_unless_it_may_be_replaced()
    {
        _node.Write();
        await _node.AddPodAsync(ct: _ct);

        _node.Write(subnet: "10.33.0.0/24");
        var error = await Assert.ThrowsAsync<CniException>(() => _node.Runtime.AddAsync(_node.NewPod().Attachment, _ct));
        Assert.Contains("10.32.0.1/24", error.Message, StringComparison.Ordinal);

        _node.Write(b => b["forceAddress"] = true, subnet: "10.33.0.0/24");
        await _node.AddPodAsync(ct: _ct);
        using var host = RouteSocket.Open(_node.Network);
        Assert.Equal(["10.33.0.1/24"], host.Addresses(host.GetLink("cni0").Index).Where(a => !a.Address.Address.IsIPv6LinkLocal).Select(a => a.Address.ToString()));
    }

    public static TheoryData<string, string, string, int> Refusals => new()
    {
        { "down and with addresses", "disableContainerInterface", "true", 7 },
        { "of the wrong type", "isGateway", "\"yes\"", 6 },
        { "of the wrong type", "mtu", "\"1400\"", 6 },
        { "out of range", "mtu", "-1", 7 },
        { "too small", "mtu", "60", 7 },
        { "no name", "bridge", "\"a/b\"", 7 },
        { "both", "promiscMode", "true", 7 },
        { "a backend that is none", "ipMasqBackend", "\"ebpf\"", 7 },
    };

    [Theory, MemberData(nameof(Refusals))]
    public async Task An_option_that_cannot_be_served_is_refused_by_name(string because, string option, string value, int code)
    {
        _node.Write(b => b[option] = JsonNode.Parse(value));

        var error = await Assert.ThrowsAsync<CniException>(() => _node.Runtime.AddAsync(_node.NewPod().Attachment, _ct));

        Assert.Equal((code, because), ((int)error.Code, because));
        Assert.Contains(option == "promiscMode" ? "hairpinMode" : option, error.Message, StringComparison.Ordinal);
        Assert.Empty(_node.Reserved());
    }

    [Fact]
    public async Task Fifty_ADDs_in_parallel_all_succeed_and_fifty_DELs_leave_nothing()
    {
        _node.Write();
        var runtime = _node.Runtime;
        var pods = Enumerable.Range(0, 50).Select(i => _node.NewPod($$"""[{"hostPort":{{9000 + i}},"containerPort":80}]""").Attachment).ToList();

        var results = await Task.WhenAll(pods.Select(p => runtime.AddAsync(p, _ct)));
        Assert.Equal(50, results.Select(r => r.Addresses[0].Address).Distinct().Count());
        Assert.Equal(50, _node.Cables().Length);

        await Task.WhenAll(pods.Select(p => runtime.DelAsync(p, _ct)));
        Assert.Empty(_node.Cables());
        Assert.Empty(_node.Reserved());
        Assert.Empty(Masqueraded());
        await runtime.GcAsync([], _ct);
    }

    [Theory]
    [InlineData("0.2.0")]
    [InlineData("0.3.1")]
    [InlineData("0.4.0")]
    [InlineData("1.0.0")]
    public async Task Older_networks_work_too(string version)
    {
        _node.Write(version: version);

        var pod = await _node.AddPodAsync(ct: _ct);

        using var listener = pod.Network.Listen(pod.Address, 80);
        Assert.NotNull(await _node.Network.ReachAsync(pod.Address, 80, listener, _ct));
        await _node.Runtime.DelAsync(pod.Attachment, _ct);
        Assert.Empty(_node.Reserved());
    }

    private async Task DiffersAsync(Pod pod, string what)
    {
        var error = await Assert.ThrowsAsync<CniException>(() => _node.Runtime.CheckAsync(pod.Attachment, _ct));
        Assert.Equal(CniErrorCode.AttachmentChanged, error.Code);
        Assert.Contains(what, error.Message, StringComparison.Ordinal);
    }

    private IPAddress[] Masqueraded()
    {
        using var nft = NftablesSocket.Open(_node.Network);
        var map = new NftSet("containers", [NftType.Ipv4Address]) { IsVerdictMap = true };
        return [.. nft.Elements(NftFamily.Ip, "fairlead-cni-masquerade", map).Select(e => e.Key[0].Address!)];
    }
}
