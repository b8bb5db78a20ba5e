using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Linux;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.KernelTests.Cni;

/// <summary>bandwidth, tuning, firewall and sbr after a bridge, with the packets that show what they do.</summary>
public sealed class ChainedPluginKernelTests : IDisposable
{
    /// <summary>Names and hardware addresses: whether a bridge's cable is plugged in the kernel finds out some time later.</summary>
    private const string Links = "ip -br link | awk '{ print $1, $3 }'";

    private readonly PluginNode _node = new();
    private readonly CancellationToken _ct = TestContext.Current.CancellationToken;

    public void Dispose() => _node.Dispose();

    [Fact]
    public async Task A_container_gets_and_sends_no_faster_than_it_may()
    {
        var (pod, previous) = Bridge();
        var config = Of("""{"type":"bandwidth","ingressRate":8000000,"ingressBurst":160000,"egressRate":16000000,"egressBurst":160000}""");

        var result = _node.Add(config, pod, previous: previous);

        // As the stock program shows it: bits a second, and the detour for what is sent.
        var cable = (string)previous["interfaces"]![1]!["name"]!;
        Assert.Contains("rate 8Mbit burst 20000b", _node.Network.Sh($"tc qdisc show dev {cable} root"), StringComparison.Ordinal);
        var detour = (string)result["interfaces"]![3]!["name"]!;
        Assert.Contains("rate 16Mbit burst 20000b", _node.Network.Sh($"tc qdisc show dev {detour} root"), StringComparison.Ordinal);
        Assert.Contains($"Redirect to device {detour}", _node.Network.Sh($"tc filter show dev {cable} ingress"), StringComparison.Ordinal);

        // 1 MB at 8 Mbit/s takes a second; the other way half of it.
        var gateway = IPAddress.Parse("10.61.0.1");
        var address = InterfaceAddress.Parse((string)previous["ips"]![0]!["address"]!).Address;
        Assert.InRange(await SendAsync(_node.Network, pod.Network, address, 1_000_000), 0.7, 8);
        Assert.InRange(await SendAsync(pod.Network, _node.Network, gateway, 1_000_000), 0.35, 8);

        _node.Call("CHECK", config, pod, previous: result).Success();
        _node.Network.Sh($"tc qdisc del dev {cable} root");
        Assert.Contains(cable, _node.Call("CHECK", config, pod, previous: result).Refused(102).Message, StringComparison.Ordinal);
        _node.Del(config, pod, previous: result);
        using var host = RouteSocket.Open(_node.Network);
        Assert.Null(host.FindLink(detour));
        Assert.Null(host.FindIngressRedirection(host.GetLink(cable).Index));
        _node.Del(config, pod, netns: "");
    }

    [Fact]
    public void The_runtimes_rates_count_in_either_spelling_and_GC_removes_the_detour_of_who_is_gone()
    {
        var (pod, previous) = Bridge();
        var config = Of("""{"type":"bandwidth","runtimeConfig":{"bandwidth":{"EgressRate":1000000,"EgressBurst":4294967295}}}""");
        var result = _node.Add(config, pod, previous: previous);
        using var host = RouteSocket.Open(_node.Network);
        Assert.Single(host.Links(), l => l.Kind == "ifb");

        _node.Gc(config, pod);
        Assert.Single(host.Links(), l => l.Kind == "ifb");
        _node.Gc(config);
        Assert.DoesNotContain(host.Links(), l => l.Kind == "ifb");
        Assert.Equal(4, result["interfaces"]!.AsArray().Count);
    }

    [Theory]
    [InlineData("""{"type":"bandwidth","ingressRate":1000}""", 7, "ingressBurst")]
    [InlineData("""{"type":"bandwidth","egressBurst":1000}""", 7, "egressRate")]
    [InlineData("""{"type":"bandwidth","egressRate":"fast","egressBurst":1}""", 6, "egressRate")]
    [InlineData("""{"type":"bandwidth","egressRate":-1,"egressBurst":1}""", 7, "egressRate")]
    [InlineData("""{"type":"bandwidth","egressRate":1000,"egressBurst":34359738360}""", 7, "egressBurst")]
    [InlineData("""{"type":"bandwidth","egressRate":1000,"egressBurst":1000,"shapedSubnets":["10.0.0.0/8"]}""", 2, "shapedSubnets")]
    [InlineData("""{"type":"firewall","ingressPolicy":"closed"}""", 7, "ingressPolicy")]
    [InlineData("""{"type":"firewall","backend":"firewalld"}""", 50, "firewalld")]
    [InlineData("""{"type":"firewall","backend":"pf"}""", 7, "backend")]
    [InlineData("""{"type":"firewall","iptablesAdminChainName":"a b; drop"}""", 7, "iptablesAdminChainName")]
    [InlineData("""{"type":"tuning","sysctl":{"kernel.hostname":"x"}}""", 7, "sysctl")]
    [InlineData("""{"type":"tuning","sysctl":{"net/../kernel/hostname":"x"}}""", 7, "sysctl")]
    [InlineData("""{"type":"tuning","sysctl":{"net.ipv4.nothing_of_the_kind":"1"}}""", 7, "sysctl")]
    [InlineData("""{"type":"tuning","sysctl":{"net.core.somaxconn":"1","net.core.somaxconn":"2"}}""", 7, "sysctl.net.core.somaxconn")]
    [InlineData("""{"type":"tuning","mac":"ff:ff:ff:ff:ff:ff"}""", 7, "mac")]
    [InlineData("""{"type":"tuning","mtu":12}""", 7, "mtu")]
    [InlineData("""{"type":"sbr","table":0}""", 7, "table")]
    [InlineData("""{"type":"sbr","gateways":["10.0.0"]}""", 7, "gateways")]
    [InlineData("""{"type":"vrf"}""", 7, "vrfname")]
    [InlineData("""{"type":"vrf","vrfname":"a/b"}""", 7, "vrfname")]
    public void A_value_that_makes_no_sense_is_refused_by_its_name_and_changes_nothing(string config, int code, string field)
    {
        var (pod, previous) = Bridge();
        var before = (_node.Network.Sh($"{Links}; tc qdisc; nft list ruleset"), pod.Network.Sh($"{Links}; ip route; ip rule; tc qdisc"));

        Assert.Contains(field, _node.Call("ADD", Of(config), pod, previous: previous).Refused(code).Message, StringComparison.Ordinal);

        Assert.Equal(before, (_node.Network.Sh($"{Links}; tc qdisc; nft list ruleset"), pod.Network.Sh($"{Links}; ip route; ip rule; tc qdisc")));
    }

    [Theory]
    [InlineData("bandwidth")]
    [InlineData("firewall")]
    [InlineData("tuning")]
    [InlineData("sbr")]
    [InlineData("vrf")]
    [InlineData("portmap")]
    public void A_chained_plugin_without_a_result_before_it_says_so(string type)
        => Assert.Contains("prevResult", _node.Call("ADD", new JsonObject { ["type"] = type, ["vrfname"] = "red" }, _node.NewPod()).Refused(7).Message, StringComparison.Ordinal);

    [Fact]
    public void Tuning_sets_what_it_is_told_and_DEL_brings_back_what_was()
    {
        var (pod, previous) = Bridge();
        var config = Of("""
            {"type":"tuning","sysctl":{"net.ipv4.conf.IFNAME.arp_filter":"1","net.core.somaxconn":"500"},
             "mac":"02:00:00:00:00:20","mtu":1300,"promisc":false,"allmulti":true,"runtimeConfig":{"mac":"02:00:00:00:00:22"},
             "args":{"cni":{"mac":"02:00:00:00:00:21","mtu":1400,"promisc":true,"txQLen":77,"sysctl":{"net.core.somaxconn":"501","net.ipv4.conf.IFNAME.arp_notify":"1"}}}}
            """);
        config["dataDir"] = Path.Combine(_node.Folder, "tuning.d");
        using var inside = RouteSocket.Open(pod.Network);
        var before = inside.GetLink("eth0");

        var result = _node.Add(config, pod, previous: previous);

        var link = inside.GetLink("eth0");
        Assert.Equal(("02:00:00:00:00:21", 1400, true, true, 77), (link.Mac.ToString(), link.Mtu, link.Promiscuous, link.AllMulticast, link.TxQueueLength));
        Assert.Equal(
            ("1", "501", "1"),
            (Sysctl.Read("net/ipv4/conf/eth0/arp_filter", pod.Network), Sysctl.Read("net/core/somaxconn", pod.Network), Sysctl.Read("net/ipv4/conf/eth0/arp_notify", pod.Network)));
        Assert.Equal("02:00:00:00:00:21", (string)result["interfaces"]![2]!["mac"]!);
        _node.Call("CHECK", config, pod, previous: result).Success();
        inside.SetLink(link.Index, new LinkChange { Mtu = 1300 });
        Assert.Contains("mtu", _node.Call("CHECK", config, pod, previous: result).Refused(102).Message, StringComparison.Ordinal);

        _node.Del(config, pod, previous: result);
        var after = inside.GetLink("eth0");
        Assert.Equal((before.Mac, before.Mtu, before.Promiscuous, before.AllMulticast, before.TxQueueLength), (after.Mac, after.Mtu, after.Promiscuous, after.AllMulticast, after.TxQueueLength));
        Assert.Empty(Directory.GetFiles(Path.Combine(_node.Folder, "tuning.d")));
        _node.Del(config, pod, netns: "");
    }

    [Fact]
    public void Tuning_undoes_its_first_changes_when_a_later_one_fails()
    {
        var (pod, previous) = Bridge();
        var config = Of("""{"type":"tuning","mtu":1400,"sysctl":{"net.core.somaxconn":"500","net.ipv4.ip_forward":"perhaps"}}""");
        config["dataDir"] = Path.Combine(_node.Folder, "tuning.d");
        var before = Sysctl.Read("net/core/somaxconn", pod.Network);

        Assert.Contains("ip_forward", _node.Call("ADD", config, pod, previous: previous).Refused(7).Message, StringComparison.Ordinal);

        using var inside = RouteSocket.Open(pod.Network);
        Assert.Equal((1500, before), (inside.GetLink("eth0").Mtu, Sysctl.Read("net/core/somaxconn", pod.Network)));
        Assert.Empty(Directory.GetFiles(Path.Combine(_node.Folder, "tuning.d")));
    }

    [Fact]
    public void A_file_of_tuning_that_cannot_be_written_is_an_error_of_its_own()
    {
        var (pod, previous) = Bridge();
        var config = Of("""{"type":"tuning","mtu":1400,"dataDir":"/proc/nowhere"}""");

        Assert.Contains("dataDir", _node.Call("ADD", config, pod, previous: previous).Refused(5).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_firewall_admits_containers_where_iptables_drops_what_is_forwarded()
    {
        Shell.Need("iptables-nft");
        var outside = _node.Uplink();
        outside.Sh("ip route add 10.61.0.0/24 via 198.51.100.1");
        var (pod, previous) = Bridge();
        pod.Network.Sh("ip route replace default via 10.61.0.1");
        _node.Network.Sh("iptables-nft -P FORWARD DROP");
        var far = IPAddress.Parse("198.51.100.2");
        using var listener = outside.Listen(far, 80);
        Assert.True(pod.Network.CannotConnect(far, 80));
        var config = Of("""{"type":"firewall"}""");

        _node.Add(config, pod, previous: previous);

        Assert.NotNull(await pod.Network.ReachAsync(far, 80, listener, _ct));
        var address = InterfaceAddress.Parse((string)previous["ips"]![0]!["address"]!).Address;
        using var inPod = pod.Network.Listen(address, 81);
        Assert.True(outside.CannotConnect(address, 81)); // nobody asked for that one
        Assert.Contains("fairlead-cni", _node.Network.Sh("iptables-nft -S FORWARD"), StringComparison.Ordinal);
        _node.Call("CHECK", config, pod, previous: previous).Success();
        _node.Network.Sh("iptables-nft -F FORWARD");
        _node.Call("CHECK", config, pod, previous: previous).Refused(102);
        _node.Del(config, pod);
        Assert.DoesNotContain("10.61.0.2", _node.Network.Sh("nft list ruleset"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("open", true, true)]
    [InlineData("same-bridge", true, false)]
    [InlineData("isolated", false, false)]
    public async Task A_policy_keeps_bridges_and_containers_apart(string policy, bool within, bool between)
    {
        var config = new JsonObject { ["type"] = "firewall", ["ingressPolicy"] = policy };
        var pods = new List<(PluginPod Pod, IPAddress Address)>();
        foreach (var (bridge, subnet) in new[] { ("br1", "10.61.0.0/24"), ("br1", "10.61.0.0/24"), ("br2", "10.62.0.0/24") })
        {
            var (pod, previous) = Bridge(bridge, subnet);
            var own = (JsonObject)config.DeepClone();
            own["name"] = bridge;
            _node.Add(own, pod, previous: previous);
            pods.Add((pod, InterfaceAddress.Parse((string)previous["ips"]![0]!["address"]!).Address));
        }

        foreach (var (to, expected) in new[] { (pods[1], within), (pods[2], between) })
        {
            using var listener = to.Pod.Network.Listen(to.Address, 80);
            Assert.Equal(expected, expected
                ? await pods[0].Pod.Network.ReachAsync(to.Address, 80, listener, _ct) is not null
                : !pods[0].Pod.Network.CannotConnect(to.Address, 80));
        }

        // The host may always.
        using var last = pods[0].Pod.Network.Listen(pods[0].Address, 80);
        Assert.NotNull(await _node.Network.ReachAsync(pods[0].Address, 80, last, _ct));

        foreach (var name in new[] { "br1", "br2" })
        {
            config["name"] = name;
            _node.Gc(config);
        }

        Assert.DoesNotContain("br1", _node.Network.Sh("nft list table inet fairlead-cni-firewall"), StringComparison.Ordinal);
    }

    [Fact]
    public void Source_based_routing_gives_each_address_a_table_and_takes_it_back()
    {
        var (pod, first) = Bridge();
        var config = Of("""{"type":"sbr","addSourceHints":true}""");
        var (_, second) = Bridge("br2", "10.62.0.0/24", pod, "eth1");

        _node.Call("ADD", config, pod, "eth1", previous: second).Success();

        Assert.Contains("from 10.62.0.2 lookup 100", pod.Network.Sh("ip rule"), StringComparison.Ordinal);
        Assert.Contains("default via 10.62.0.1 dev eth1", pod.Network.Sh("ip route show table 100"), StringComparison.Ordinal);
        Assert.DoesNotContain("eth1", pod.Network.Sh("ip route show table main"), StringComparison.Ordinal);
        using var inside = RouteSocket.Open(pod.Network);
        Assert.Equal(inside.GetLink("eth1").Index, inside.Lookup(IPAddress.Parse("198.51.100.9"), IPAddress.Parse("10.62.0.2"))!.Link);
        Assert.Equal(inside.GetLink("eth0").Index, inside.Lookup(IPAddress.Parse("198.51.100.9"), IPAddress.Parse("10.61.0.2"))!.Link);
        _node.Call("CHECK", config, pod, "eth1", previous: second).Success();
        _node.Del(config, pod, "eth1", second);
        Assert.DoesNotContain("lookup 100", pod.Network.Sh("ip rule"), StringComparison.Ordinal);
        Assert.NotNull(first);
    }

    [Fact]
    public void A_vrf_works_or_the_error_names_what_the_kernel_lacks()
    {
        var (pod, previous) = Bridge();
        var config = Of("""{"type":"vrf","vrfname":"red","table":10}""");

        var answer = _node.Call("ADD", config, pod, previous: previous);

        if (answer.ExitCode != 0)
        {
            Assert.Contains("CONFIG_NET_VRF", answer.Refused(2).Message, StringComparison.Ordinal);
            return;
        }

        _node.Call("CHECK", config, pod, previous: previous).Success();
        _node.Del(config, pod);
        using var inside = RouteSocket.Open(pod.Network);
        Assert.Null(inside.FindLink("red"));
    }

    private static JsonObject Of(string json) => (JsonObject)JsonNode.Parse(json)!;

    /// <summary>A container on a bridge, and the result of its ADD.</summary>
    private (PluginPod Pod, JsonNode Result) Bridge(string bridge = "br1", string subnet = "10.61.0.0/24", PluginPod? pod = null, string name = "eth0")
    {
        pod ??= _node.NewPod();
        var config = new JsonObject
        {
            ["name"] = bridge, ["type"] = "bridge", ["bridge"] = bridge, ["isGateway"] = true, ["isDefaultGateway"] = name == "eth0",
            ["ipam"] = _node.HostLocal(subnet),
        };
        return (pod, _node.Add(config, pod, name));
    }

    /// <summary>Seconds until the other side has all bytes.</summary>
    private async Task<double> SendAsync(Fairlead.Linux.Namespaces.NetworkNamespace from, Fairlead.Linux.Namespaces.NetworkNamespace to, IPAddress address, int bytes)
    {
        using var listener = to.Listen(address, 5001);
        using var client = from.Run(() => new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        var accepting = listener.AcceptAsync(_ct).AsTask();
        await client.ConnectAsync(new IPEndPoint(address, 5001), _ct);
        using var server = await accepting;
        var watch = Stopwatch.StartNew();
        var sending = client.SendAsync(new byte[bytes], _ct).AsTask();
        var buffer = new byte[64 * 1024];
        for (var got = 0; got < bytes;)
        {
            got += await server.ReceiveAsync(buffer, _ct);
        }

        await sending;
        return watch.Elapsed.TotalSeconds;
    }
}
