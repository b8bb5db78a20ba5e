using System.Net;
using System.Text.Json.Nodes;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Linux;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.KernelTests.Cni;

/// <summary>ptp, macvlan, tap, host-device and static against the kernel; vlan, ipvlan and dummy where the kernel has them.</summary>
public sealed class ContainerLinkKernelTests : IDisposable
{
    private readonly PluginNode _node = new();
    private readonly CancellationToken _ct = TestContext.Current.CancellationToken;

    public void Dispose() => _node.Dispose();

    [Fact]
    public async Task Ptp_pods_reach_each_other_through_the_host_over_both_families()
    {
        var config = new JsonObject { ["type"] = "ptp", ["ipam"] = _node.HostLocal(subnet6: "fd00:61::/64") };
        var (a, b) = (_node.NewPod(), _node.NewPod());
        var resultA = _node.Add(config, a);
        var resultB = _node.Add(config, b);

        foreach (var index in new[] { 0, 1 })
        {
            var (from, to) = (AddressOf(resultA, index), AddressOf(resultB, index));
            using var listener = b.Network.Listen(to, 80);
            Assert.Equal(from, await a.Network.ReachAsync(to, 80, listener, _ct));
        }

        // Everything, neighbours too, goes by the gateway: the container's own network is not on its link.
        using var inside = RouteSocket.Open(a.Network);
        Assert.Equal("10.61.0.1", inside.Lookup(AddressOf(resultB, 0))!.Gateway!.ToString());
        _node.Call("CHECK", config, a, previous: resultA).Success();
        _node.Del(config, a, previous: resultA);
        _node.Del(config, a, netns: "");
        _node.Gc(config);
        using var host = RouteSocket.Open(_node.Network);
        Assert.DoesNotContain(host.Links(), l => l.Kind == "veth");
        Assert.Empty(_node.Reserved());
    }

    [Fact]
    public async Task Ptp_masquerades_where_it_is_asked_to()
    {
        var outside = _node.Uplink();
        var config = new JsonObject
        {
            ["type"] = "ptp", ["ipMasq"] = true, ["mtu"] = 1400,
            ["ipam"] = new JsonObject
            {
                ["type"] = "host-local", ["subnet"] = "10.61.0.0/24", ["dataDir"] = _node.DataFolder,
                ["routes"] = new JsonArray(new JsonObject { ["dst"] = "0.0.0.0/0" }),
            },
        };
        var pod = _node.NewPod();
        var result = _node.Add(config, pod);

        using var listener = outside.Listen(IPAddress.Parse("198.51.100.2"), 80);
        Assert.Equal(IPAddress.Parse("198.51.100.1"), await pod.Network.ReachAsync(IPAddress.Parse("198.51.100.2"), 80, listener, _ct));
        Assert.Equal(1400, (int)result["interfaces"]![1]!["mtu"]!);
    }

    [Fact]
    public void Ptp_without_ipam_is_refused_and_leaves_nothing()
        => Assert.Contains("ipam.type", _node.Call("ADD", new JsonObject { ["type"] = "ptp" }, _node.NewPod()).Refused(7).Message, StringComparison.Ordinal);

    [Fact]
    public async Task A_macvlan_takes_its_mtu_from_its_parent_and_speaks_on_its_cable()
    {
        var outside = _node.Uplink(mtu: 1380);
        var config = new JsonObject
        {
            ["type"] = "macvlan", ["master"] = "eth0", ["mode"] = "bridge", ["bcqueuelen"] = 100,
            ["ipam"] = new JsonObject
            {
                ["type"] = "static", ["addresses"] = new JsonArray(new JsonObject { ["address"] = "198.51.100.9/24", ["gateway"] = "198.51.100.2" }),
                ["routes"] = new JsonArray(new JsonObject { ["dst"] = "0.0.0.0/0" }), ["dns"] = new JsonObject { ["nameservers"] = new JsonArray("198.51.100.53") },
            },
        };
        var pod = _node.NewPod();
        var result = _node.Add(config, pod, arguments: "MAC=02:00:00:00:00:11;IgnoreUnknown=1");

        Assert.Equal(("eth0", "02:00:00:00:00:11", 1380), ((string)result["interfaces"]![0]!["name"]!, (string)result["interfaces"]![0]!["mac"]!, (int)result["interfaces"]![0]!["mtu"]!));
        Assert.Equal("198.51.100.53", (string)result["dns"]!["nameservers"]![0]!);
        using var listener = outside.Listen(IPAddress.Parse("198.51.100.2"), 80);
        Assert.Equal(IPAddress.Parse("198.51.100.9"), await pod.Network.ReachAsync(IPAddress.Parse("198.51.100.2"), 80, listener, _ct));
        _node.Call("CHECK", config, pod, previous: result).Success();
        config["mode"] = "private";
        Assert.Contains("mode", _node.Call("CHECK", config, pod, previous: result).Refused(102).Message, StringComparison.Ordinal);
        _node.Del(config, pod);
        using var inside = RouteSocket.Open(pod.Network);
        Assert.Null(inside.FindLink("eth0"));
    }

    [Theory]
    [InlineData("mode", "\"loose\"", "mode")]
    [InlineData("mtu", "9001", "mtu")]
    [InlineData("master", "\"nothere0\"", "master")]
    [InlineData("master", "\"../eth0\"", "master")]
    public void A_macvlan_that_cannot_be_is_refused_with_the_fields_name(string field, string value, string named)
    {
        _node.Uplink();
        var config = new JsonObject { ["type"] = "macvlan", ["master"] = "eth0", ["ipam"] = _node.HostLocal() };
        config[field] = JsonNode.Parse(value);

        Assert.Contains(named, _node.Call("ADD", config, _node.NewPod()).Refused(7).Message, StringComparison.Ordinal);
        Assert.Empty(_node.Reserved());
    }

    [Fact]
    public void A_macvlan_without_a_master_goes_by_the_default_route()
    {
        _node.Uplink();
        var config = new JsonObject { ["type"] = "macvlan" };
        Assert.Contains("default route", _node.Call("STATUS", config).Refused(50).Message, StringComparison.Ordinal);
        using (var host = RouteSocket.Open(_node.Network))
        {
            host.AddRoute(new Route(IPNetwork.Parse("0.0.0.0/0")) { Gateway = IPAddress.Parse("198.51.100.2") });
        }

        _node.Call("STATUS", config).Success();
        _node.Add(config, _node.NewPod());
    }

    [Fact]
    public void A_tap_is_there_for_its_owner_and_on_its_bridge()
    {
        var pod = _node.NewPod();
        using var inside = RouteSocket.Open(pod.Network);
        var bridge = inside.CreateBridge(new BridgeSpec("br0"));
        var config = new JsonObject
        {
            ["type"] = "tap", ["multiQueue"] = true, ["mtu"] = 1400, ["owner"] = 1000, ["group"] = 1001, ["mac"] = "02:00:00:00:00:12", ["bridge"] = "br0",
        };

        var result = _node.Add(config, pod, "tap0");

        var link = inside.GetLink("tap0");
        var details = Assert.IsType<TunDetails>(link.Details);
        Assert.Equal((true, true, true, 1000u, 1001u), (details.IsTap, details.Persistent, details.MultiQueue, details.Owner, details.Group));
        Assert.Equal((1400, "02:00:00:00:00:12", bridge.Index), (link.Mtu, link.Mac.ToString(), link.Master));
        _node.Call("CHECK", config, pod, "tap0", previous: result).Success();
        _node.Del(config, pod, "tap0");
        Assert.Null(inside.FindLink("tap0"));
    }

    [Fact]
    public void A_tap_with_a_label_is_refused_where_there_is_no_selinux()
    {
        Assert.SkipWhen(Directory.Exists("/sys/fs/selinux"), "this kernel has SELinux");
        var pod = _node.NewPod();

        Assert.Contains("selinuxContext", _node.Call("ADD", new JsonObject { ["type"] = "tap", ["selinuxContext"] = "system_u:object_r:x:s0" }, pod).Refused(2).Message, StringComparison.Ordinal);
        using var inside = RouteSocket.Open(pod.Network);
        Assert.Null(inside.FindLink("eth0"));
    }

    [Fact]
    public void A_device_goes_into_the_container_and_comes_back_with_its_name()
    {
        using var host = RouteSocket.Open(_node.Network);
        host.CreateVeth(new VethSpec("dev0") { PeerName = "dev1" });
        var mac = host.GetLink("dev0").Mac;
        var config = new JsonObject { ["type"] = "host-device", ["hwaddr"] = mac.ToString(), ["ipam"] = _node.HostLocal() };
        var pod = _node.NewPod();

        var result = _node.Add(config, pod);

        Assert.Null(host.FindLink("dev0"));
        Assert.Equal("10.61.0.2/24", (string)result["ips"]![0]!["address"]!);
        using (var inside = RouteSocket.Open(pod.Network))
        {
            Assert.True(inside.GetLink("eth0").Up);
        }

        _node.Call("CHECK", config, pod, previous: result).Success();
        _node.Del(config, pod);
        Assert.Equal(mac, host.GetLink("dev0").Mac);
        Assert.Empty(_node.Reserved());
        _node.Del(config, pod);
    }

    [Fact]
    public void A_device_comes_back_when_its_addresses_cannot_be_had()
    {
        using var host = RouteSocket.Open(_node.Network);
        host.CreateVeth(new VethSpec("dev0") { PeerName = "dev1" });
        var config = new JsonObject { ["type"] = "host-device", ["device"] = "dev0", ["ipam"] = new JsonObject { ["type"] = "static" } };

        _node.Call("ADD", config, _node.NewPod()).Refused(7);

        Assert.NotNull(host.FindLink("dev0"));
    }

    [Theory]
    [InlineData("dummy", "CONFIG_DUMMY")]
    [InlineData("ipvlan", "CONFIG_IPVLAN")]
    [InlineData("vlan", "CONFIG_VLAN_8021Q")]
    public void A_kind_works_or_the_error_names_what_the_kernel_lacks(string type, string option)
    {
        _node.Uplink();
        var pod = _node.NewPod();
        var config = new JsonObject { ["type"] = type, ["ipam"] = _node.HostLocal() };
        if (type != "dummy")
        {
            config["master"] = "eth0";
            config["vlanId"] = 7;
        }

        var answer = _node.Call("ADD", config, pod);
        var status = _node.Call("STATUS", config);

        if (answer.ExitCode != 0)
        {
            Assert.Contains(option, status.Refused(50).Message, StringComparison.Ordinal);
            Assert.Contains(option, answer.Refused(2).Message, StringComparison.Ordinal);
            Assert.Empty(_node.Reserved());
            return;
        }

        status.Success();
        _node.Call("CHECK", config, pod, previous: answer.Success()).Success();
        _node.Del(config, pod);
        Assert.Empty(_node.Reserved());
    }

    /// <summary>Of vrf and the bridge's VLANs too STATUS says what an ADD would: the kernel's option, or nothing where it is there.</summary>
    [Theory]
    [InlineData("""{"type":"vrf","vrfname":"red"}""", "CONFIG_NET_VRF", "ip link add x type vrf table 7")]
    [InlineData("""{"type":"bridge","vlan":7}""", "CONFIG_BRIDGE_VLAN_FILTERING", "ip link add x type bridge vlan_filtering 1")]
    [InlineData("""{"type":"bridge","vlanTrunk":[{"id":7}]}""", "CONFIG_BRIDGE_VLAN_FILTERING", "ip link add x type bridge vlan_filtering 1")]
    public void STATUS_names_what_the_kernel_lacks(string config, string option, string stock)
    {
        var space = _node.NewNamespace("s");
        space.Sh($"{stock}; true");
        using var socket = RouteSocket.Open(space);
        var has = option == "CONFIG_NET_VRF" ? socket.FindLink("x") is not null : socket.FindLink("x")?.Bridge?.VlanFiltering == true;

        var answer = _node.Call("STATUS", JsonNode.Parse(config)!.AsObject());

        if (has)
        {
            answer.Success();
        }
        else
        {
            Assert.Contains(option, answer.Refused(50).Message, StringComparison.Ordinal);
        }

        using var host = RouteSocket.Open(_node.Network);
        Assert.DoesNotContain(host.Links(), l => l.Name.StartsWith("probe", StringComparison.Ordinal) || l.Name == "cni0");
    }

    [Theory]
    [InlineData("bridge")]
    [InlineData("ptp")]
    [InlineData("macvlan")]
    [InlineData("bandwidth")]
    public void STATUS_leaves_nothing_of_what_it_asks_the_kernel_for(string type)
    {
        _node.Uplink();
        using var host = RouteSocket.Open(_node.Network);
        var before = host.Links().Select(l => l.Name).Order().ToArray();

        _node.Call("STATUS", new JsonObject { ["type"] = type, ["master"] = "eth0", ["ipam"] = _node.HostLocal() }).Success();

        Assert.Equal(before, host.Links().Select(l => l.Name).Order());
    }

    private static IPAddress AddressOf(JsonNode result, int index)
        => InterfaceAddress.Parse((string)result["ips"]![index]!["address"]!).Address;
}
