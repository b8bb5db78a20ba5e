using System.Diagnostics;
using System.Net;
using System.Text.Json.Nodes;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Linux;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.KernelTests.Cni;

/// <summary>What bridge does beside the usual, what only ours may be touched of, and the plugin that is a whole chain.</summary>
public sealed class BridgeOptionKernelTests : IDisposable
{
    private const int Crowd = 500;
    private readonly PluginNode _node = new();
    private readonly CancellationToken _ct = TestContext.Current.CancellationToken;

    public void Dispose() => _node.Dispose();

    [Fact]
    public async Task A_container_with_another_hardware_address_is_heard_no_more_where_spoofing_is_checked()
    {
        var config = Bridge("""{"macspoofchk":true}""");
        var (a, b) = (_node.NewPod(), _node.NewPod());
        _node.Add(config, a);
        var result = _node.Add(config, b);
        var address = InterfaceAddress.Parse((string)result["ips"]![0]!["address"]!).Address;
        using var listener = b.Network.Listen(address, 80);
        Assert.NotNull(await a.Network.ReachAsync(address, 80, listener, _ct));

        a.Network.Sh("ip link set eth0 address 02:00:00:00:00:99");

        Assert.True(a.Network.CannotConnect(address, 80));
        _node.Call("CHECK", config, b, previous: result).Success();
        _node.Network.Sh("nft flush set bridge fairlead-cni-spoofcheck addresses");
        Assert.Contains("spoof", _node.Call("CHECK", config, b, previous: result).Refused(102).Message, StringComparison.Ordinal);
        _node.Del(config, a);
        _node.Gc(config);
        Assert.DoesNotContain("veth", _node.Network.Sh("nft list ruleset"), StringComparison.Ordinal);
    }

    [Fact]
    public void Addresses_are_usable_at_once_or_after_the_link_was_asked()
    {
        var (fast, careful) = (_node.NewPod(), _node.NewPod());
        var config = Bridge(subnet6: "fd00:61::/64");
        var watch = Stopwatch.StartNew();
        _node.Add(config, fast);
        var atOnce = watch.Elapsed;
        config["enabledad"] = true;
        watch.Restart();

        _node.Add(config, careful);

        Assert.True(watch.Elapsed > atOnce, $"{watch.Elapsed} after {atOnce}");
        Assert.InRange(watch.Elapsed.TotalSeconds, 0.5, 10);
        Assert.Equal(("0", "1"), (Sysctl.Read("net/ipv6/conf/eth0/accept_dad", fast.Network), Sysctl.Read("net/ipv6/conf/eth0/enhanced_dad", careful.Network)));
        Assert.DoesNotContain("tentative", careful.Network.Sh("ip -6 addr show scope global"), StringComparison.Ordinal);
    }

    [Fact]
    public void The_containers_end_can_stay_down()
    {
        var config = new JsonObject { ["type"] = "bridge", ["bridge"] = "br1", ["disableContainerInterface"] = true };
        var pod = _node.NewPod();

        var result = _node.Add(config, pod);

        using var inside = RouteSocket.Open(pod.Network);
        Assert.False(inside.GetLink("eth0").Up);
        _node.Call("CHECK", config, pod, previous: result).Success();
    }

    [Fact]
    public void A_container_gets_the_mtu_of_the_bridge_that_is_there()
    {
        using var host = RouteSocket.Open(_node.Network);
        host.CreateBridge(new BridgeSpec("br1") { Mtu = 1380 });

        Assert.Equal(1380, (int)_node.Add(Bridge(), _node.NewPod())["interfaces"]![2]!["mtu"]!);
    }

    [Theory]
    [InlineData("""{"vlan":7}""", "vlan")]
    [InlineData("""{"vlanTrunk":[{"id":5},{"minID":10,"maxID":12}],"preserveDefaultVlan":false}""", "vlanTrunk")]
    public void Vlans_are_set_or_the_error_names_what_the_kernel_lacks(string options, string field)
    {
        var pod = _node.NewPod();
        var config = Bridge(options);

        var answer = _node.Call("ADD", config, pod);

        if (answer.ExitCode != 0)
        {
            Assert.StartsWith(field, answer.Refused(2).Message, StringComparison.Ordinal);
            Assert.Contains("CONFIG_BRIDGE_VLAN_FILTERING", answer.Message, StringComparison.Ordinal);
            Assert.Empty(_node.Reserved());
            return;
        }

        _node.Call("CHECK", config, pod, previous: answer.Success()).Success();
        _node.Del(config, pod);
    }

    [Theory]
    [InlineData("""{"vlan":4095}""", "vlan")]
    [InlineData("""{"vlanTrunk":[{"minID":3}]}""", "maxID")]
    [InlineData("""{"vlanTrunk":[{"minID":9,"maxID":3}]}""", "minID")]
    [InlineData("""{"vlanTrunk":[{}]}""", "vlanTrunk[0]")]
    [InlineData("""{"vlanTrunk":[{"id":0}]}""", "vlanTrunk[0].id")]
    public void A_vlan_that_makes_no_sense_is_refused_by_its_name(string options, string field)
        => Assert.Contains(field, _node.Call("ADD", Bridge(options), _node.NewPod()).Refused(7).Message, StringComparison.Ordinal);

    [Fact]
    public void A_strangers_link_of_our_name_is_never_touched()
    {
        var pod = _node.NewPod();
        var config = Bridge();
        var name = (string)_node.Add(config, pod)["interfaces"]![1]!["name"]!;
        _node.Del(config, pod);
        using var host = RouteSocket.Open(_node.Network);
        host.CreateVeth(new VethSpec(name) { PeerName = "stranger" });

        var result = _node.Add(config, pod);

        Assert.NotEqual(name, (string)result["interfaces"]![1]!["name"]!);
        _node.Del(config, pod);
        Assert.NotNull(host.FindLink(name));
        Assert.Null(host.FindLink((string)result["interfaces"]![1]!["name"]!));
    }

    [Fact]
    public async Task One_plugin_does_what_a_chain_of_five_does_and_undoes_all_of_it()
    {
        var outside = _node.Uplink();
        var config = Bridge("""
            {"type":"fairlead","ipMasq":true,"sysctl":{"net.core.somaxconn":"300"},"ingressPolicy":"same-bridge","macspoofchk":true,
             "runtimeConfig":{"portMappings":[{"HostPort":8080,"ContainerPort":80,"Protocol":"tcp","HostIP":""}],
                              "bandwidth":{"ingressRate":80000000,"ingressBurst":800000,"egressRate":80000000,"egressBurst":800000}}}
            """);
        config["isDefaultGateway"] = true;
        config["dataDir"] = Path.Combine(_node.Folder, "tuning.d");
        var pod = _node.NewPod();
        var before = _node.Network.Sh("ip -br link");

        var result = _node.Add(config, pod);

        var address = InterfaceAddress.Parse((string)result["ips"]![0]!["address"]!).Address;
        using var inPod = pod.Network.Listen(address, 80);
        using var far = outside.Listen(IPAddress.Parse("198.51.100.2"), 81);
        Assert.Equal(IPAddress.Parse("198.51.100.2"), await outside.ReachAsync(IPAddress.Parse("198.51.100.1"), 8080, inPod, _ct));
        Assert.Equal(IPAddress.Parse("198.51.100.1"), await pod.Network.ReachAsync(IPAddress.Parse("198.51.100.2"), 81, far, _ct));
        Assert.Equal("300", Sysctl.Read("net/core/somaxconn", pod.Network));
        Assert.Equal(4, result["interfaces"]!.AsArray().Count);
        _node.Call("STATUS", config).Success();
        _node.Call("CHECK", config, pod, previous: result).Success();

        _node.Del(config, pod, previous: result);
        _node.Del(config, pod, netns: "");
        _node.Gc(config);
        Assert.Empty(_node.Reserved());
        using var host = RouteSocket.Open(_node.Network);
        Assert.DoesNotContain(host.Links(), l => l.Kind == "ifb" || l.Name.StartsWith("veth", StringComparison.Ordinal));
        Assert.DoesNotContain(address.ToString(), _node.Network.Sh("nft list ruleset"), StringComparison.Ordinal);
        Assert.DoesNotContain("br1", before, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"sysctl":{"net.ipv4.ip_forward":"perhaps"}}""", "sysctl")]
    [InlineData("""{"ingressPolicy":"closed"}""", "ingressPolicy")]
    [InlineData("""{"runtimeConfig":{"portMappings":[{"hostPort":0,"containerPort":80}]}}""", "hostPort")]
    [InlineData("""{"runtimeConfig":{"bandwidth":{"ingressRate":1000}}}""", "ingressBurst")]
    public void A_part_that_fails_undoes_the_parts_before_it(string options, string field)
    {
        var config = Bridge(options);
        config["type"] = "fairlead";
        config["dataDir"] = Path.Combine(_node.Folder, "tuning.d");
        var pod = _node.NewPod();

        Assert.Contains(field, _node.Call("ADD", config, pod).Refused(7).Message, StringComparison.Ordinal);

        using var host = RouteSocket.Open(_node.Network);
        Assert.DoesNotContain(host.Links(), l => l.Kind is "veth" or "ifb");
        Assert.Empty(_node.Reserved());
        Assert.DoesNotContain("10.61.0.2", _node.Network.Sh("nft list ruleset"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_scripts_configuration_of_version_0_2_0_works_under_the_scripts_name()
    {
        var config = (JsonObject)JsonNode.Parse(File.ReadAllText(Path.Combine(PublishedPlugins.Root(), "examples/cni/net-script.conf")))!;
        config["ipam"]!["dataDir"] = _node.DataFolder;
        var outside = _node.Uplink();
        var pod = _node.NewPod();

        var result = _node.Add(config, pod);

        Assert.Equal(("0.2.0", "10.244.0.2/16", "10.244.0.1"), ((string)result["cniVersion"]!, (string)result["ip4"]!["ip"]!, (string)result["ip4"]!["gateway"]!));
        using var listener = outside.Listen(IPAddress.Parse("198.51.100.2"), 80);
        Assert.Equal(IPAddress.Parse("198.51.100.1"), await pod.Network.ReachAsync(IPAddress.Parse("198.51.100.2"), 80, listener, _ct));
        _node.Del(config, pod);
        Assert.Empty(_node.Reserved("mynet"));
    }

    [Theory]
    [InlineData("/dev/null")]
    [InlineData("/etc")]
    [InlineData("/run/netns/fairlead-not-there")]
    [InlineData("/proc/self/ns/mnt")]
    public void A_netns_that_is_none_is_refused_and_DEL_does_not_mind(string path)
    {
        var pod = _node.NewPod();

        Assert.Contains("CNI_NETNS", _node.Call("ADD", Bridge(), pod, netns: path).Refused(8).Message, StringComparison.Ordinal);

        _node.Del(Bridge(), pod, netns: path);
        Assert.Empty(_node.Reserved());
    }

    [Fact]
    public void Five_hundred_come_and_go_at_once_and_leave_nothing_for_GC()
    {
        var config = Bridge("""{"ipMasq":true}""", subnet: "10.61.0.0/22");
        var pods = Enumerable.Range(0, Crowd).Select(_ => _node.NewPod()).ToArray();
        var limit = new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = _ct };
        var addresses = new string[Crowd];
        Parallel.For(0, Crowd, limit, i => addresses[i] = (string)_node.Add(config, pods[i])["ips"]![0]!["address"]!);

        Assert.Equal(Crowd, addresses.Distinct(StringComparer.Ordinal).Count());
        Assert.Equal(Crowd, _node.Reserved().Length);
        Parallel.For(0, Crowd, limit, i => _node.Del(config, pods[i]));

        var before = _node.Network.Sh("ip -br link; nft list ruleset") + string.Join(' ', _node.Reserved());
        _node.Gc(config);
        Assert.Equal(before, _node.Network.Sh("ip -br link; nft list ruleset") + string.Join(' ', _node.Reserved()));
        Assert.DoesNotContain("veth", before, StringComparison.Ordinal);
        Assert.DoesNotContain("pods/c", before, StringComparison.Ordinal);
    }

    private JsonObject Bridge(string options = "{}", string subnet = "10.61.0.0/24", string? subnet6 = null)
    {
        var config = new JsonObject { ["type"] = "bridge", ["bridge"] = "br1", ["isGateway"] = true, ["ipam"] = _node.HostLocal(subnet, subnet6) };
        foreach (var (key, value) in (JsonObject)JsonNode.Parse(options)!)
        {
            config[key] = value?.DeepClone();
        }

        return config;
    }
}
