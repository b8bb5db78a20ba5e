using System.Net;
using System.Text.Json.Nodes;
using Fairlead.KernelTests.Cni;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Linux;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.GuestTests.Cni;

/// <summary>vlan, ipvlan and dummy where the kernel has them, with packets.</summary>
public sealed class ParentLinkTests : IDisposable
{
    private static readonly IPAddress s_outside = IPAddress.Parse("198.51.100.2");

    private readonly PluginNode _node = new();
    private readonly CancellationToken _ct = TestContext.Current.CancellationToken;

    public void Dispose() => _node.Dispose();

    [Fact]
    public async Task A_vlan_speaks_with_its_own_tag_on_its_masters_cable()
    {
        var outside = _node.Uplink(mtu: 1400);
        outside.Sh("ip link add link eth0 name tagged type vlan id 7; ip address add 203.0.113.2/24 dev tagged; ip link set tagged up; ip link add link eth0 name other type vlan id 8; ip address add 203.0.113.2/24 dev other; ip link set other up");
        var config = Vlan(7, Static("203.0.113.9/24"));
        var pod = _node.NewPod();

        var result = _node.Add(config, pod);

        using var inside = RouteSocket.Open(pod.Network);
        var link = inside.GetLink("eth0");
        Assert.Equal((7, 1400, true), (Assert.IsType<VlanDetails>(link.Details).Id, link.Mtu, link.Up));
        Assert.Equal("203.0.113.9/24", (string)result["ips"]![0]!["address"]!);
        outside.Sh("ip link set other down");
        Assert.True(await PingAsync(pod.Network, "203.0.113.2"));
        outside.Sh("ip link set tagged down; ip link set other up");
        Assert.False(await PingAsync(pod.Network, "203.0.113.2", times: 2));
    }

    [Fact]
    public void A_vlan_is_checked_and_deleted()
    {
        _node.Uplink();
        var config = Vlan(7, _node.HostLocal());
        var pod = _node.NewPod();
        var result = _node.Add(config, pod);

        _node.Call("CHECK", config, pod, previous: result).Success();
        Assert.Contains("VLAN 7, not 8", _node.Call("CHECK", Vlan(8, _node.HostLocal()), pod, previous: result).Refused(102).Message, StringComparison.Ordinal);
        _node.Del(config, pod, previous: result);
        _node.Del(config, pod, previous: result);

        using var inside = RouteSocket.Open(pod.Network);
        Assert.Null(inside.FindLink("eth0"));
        Assert.Empty(_node.Reserved());
    }

    [Fact]
    public void A_vlan_has_the_mtu_that_is_asked_for_and_never_more_than_its_masters()
    {
        _node.Uplink(mtu: 1400);
        var config = Vlan(7, null);
        config["mtu"] = 1300;

        Assert.Equal(1300, (int)_node.Add(config, _node.NewPod())["interfaces"]![0]!["mtu"]!);
        config["mtu"] = 1401;
        Assert.Contains("mtu", _node.Call("ADD", config, _node.NewPod()).Refused(7).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_vlan_without_a_tag_is_that_of_priorities()
    {
        _node.Uplink();
        var pod = _node.NewPod();
        _node.Add(new JsonObject { ["type"] = "vlan", ["master"] = "eth0" }, pod);

        using var inside = RouteSocket.Open(pod.Network);
        Assert.Equal(0, Assert.IsType<VlanDetails>(inside.GetLink("eth0").Details).Id);
    }

    [Theory]
    [InlineData("vlan")]
    [InlineData("ipvlan")]
    public void A_master_that_is_not_there_is_named_and_nothing_is_left(string type)
    {
        var config = new JsonObject { ["type"] = type, ["master"] = "nothere0", ["vlanId"] = 7, ["ipam"] = _node.HostLocal() };
        var pod = _node.NewPod();

        Assert.Contains("nothere0", _node.Call("ADD", config, pod).Refused(7).Message, StringComparison.Ordinal);
        Assert.Contains("nothere0", _node.Call("STATUS", config).Refused(50).Message, StringComparison.Ordinal);
        Assert.Empty(_node.Reserved());
    }

    [Fact]
    public void Two_containers_cannot_have_one_tag_of_one_master()
    {
        _node.Uplink();
        var config = Vlan(7, _node.HostLocal());
        _node.Add(config, _node.NewPod());

        var second = _node.Call("ADD", config, _node.NewPod());

        Assert.Equal(1, second.ExitCode);
        Assert.Contains("vlanId", second.Refused(7).Message, StringComparison.Ordinal);
        Assert.Single(_node.Reserved());
    }

    [Theory]
    [InlineData("vlan", "")]
    [InlineData("ipvlan", "l2")]
    [InlineData("ipvlan", "l3")]
    public void A_link_upon_one_of_the_container_s(string type, string mode)
    {
        var pod = _node.NewPod();
        var other = _node.NewNamespace("x");
        pod.Network.Sh($"ip link add eth0 type veth peer name eth0 netns {other.Name}; ip link set eth0 up");
        var config = new JsonObject { ["type"] = type, ["master"] = "eth0", ["linkInContainer"] = true, ["vlanId"] = 9, ["ipam"] = _node.HostLocal() };
        if (mode.Length > 0)
        {
            config["mode"] = mode;
        }

        _node.Call("STATUS", config).Success();
        var result = _node.Add(config, pod, "net1");

        using var inside = RouteSocket.Open(pod.Network);
        Assert.Equal((inside.GetLink("eth0").Index, type), (inside.GetLink("net1").Peer, inside.GetLink("net1").Kind));
        _node.Call("CHECK", config, pod, "net1", previous: result).Success();
        _node.Del(config, pod, "net1", previous: result);
        Assert.Null(inside.FindLink("net1"));
        Assert.NotNull(inside.FindLink("eth0"));
    }

    [Theory]
    [InlineData("l2", IpvlanMode.L2)]
    [InlineData("l3", IpvlanMode.L3)]
    [InlineData("l3s", IpvlanMode.L3S)]
    public async Task Ipvlans_have_their_masters_hardware_address_and_reach_each_other(string mode, IpvlanMode expected)
    {
        _node.Uplink(mtu: 1400);
        var config = new JsonObject { ["type"] = "ipvlan", ["master"] = "eth0", ["mode"] = mode, ["ipam"] = _node.HostLocal("198.51.100.64/26") };
        var (a, b) = (_node.NewPod(), _node.NewPod());
        var resultA = _node.Add(config, a);
        var resultB = _node.Add(config, b);

        using var host = RouteSocket.Open(_node.Network);
        using var inside = RouteSocket.Open(a.Network);
        var link = inside.GetLink("eth0");
        Assert.Equal((expected, host.GetLink("eth0").Mac, 1400), (Assert.IsType<IpvlanDetails>(link.Details).Mode, link.Mac, link.Mtu));
        var (from, to) = (AddressOf(resultA), AddressOf(resultB));
        using var listener = b.Network.Listen(to, 80);
        Assert.Equal(from, await a.Network.ReachAsync(to, 80, listener, _ct));
        _node.Call("CHECK", config, a, previous: resultA).Success();
        config["mode"] = mode == "l2" ? "l3" : "l2";
        Assert.Contains("mode", _node.Call("CHECK", config, a, previous: resultA).Refused(102).Message, StringComparison.Ordinal);
        _node.Del(config, a);
        Assert.Null(inside.FindLink("eth0"));
    }

    [Fact]
    public async Task An_ipvlan_speaks_with_who_is_on_its_masters_cable()
    {
        var outside = _node.Uplink();
        var config = new JsonObject { ["type"] = "ipvlan", ["master"] = "eth0", ["ipam"] = Static("198.51.100.9/24") };
        var pod = _node.NewPod();
        _node.Add(config, pod);

        using var listener = outside.Listen(s_outside, 80);
        Assert.Equal(IPAddress.Parse("198.51.100.9"), await pod.Network.ReachAsync(s_outside, 80, listener, _ct));
    }

    [Fact]
    public void An_ipvlan_in_a_chain_stands_on_what_came_before()
    {
        _node.Uplink();
        using (var host = RouteSocket.Open(_node.Network))
        {
            host.CreateVlan(new VlanSpec("vlan7") { Parent = host.GetLink("eth0").Index, Id = 7, Up = true });
        }

        var previous = new JsonObject
        {
            ["cniVersion"] = "1.1.0", ["interfaces"] = new JsonArray(new JsonObject { ["name"] = "vlan7" }),
            ["ips"] = new JsonArray(new JsonObject { ["address"] = "10.7.0.2/24", ["interface"] = 0 }),
        };
        var pod = _node.NewPod();
        _node.Add(new JsonObject { ["type"] = "ipvlan" }, pod, previous: previous);

        Assert.Contains("10.7.0.2/24", pod.Network.Sh("ip address show eth0"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_dummy_carries_its_addresses_and_nothing_else()
    {
        var config = new JsonObject { ["type"] = "dummy", ["ipam"] = _node.HostLocal(subnet6: "fd00:61::/64") };
        var pod = _node.NewPod();

        _node.Call("STATUS", config).Success();
        var result = _node.Add(config, pod);

        Assert.Equal(["10.61.0.2/24", "fd00:61::2/64"], result["ips"]!.AsArray().Select(a => (string)a!["address"]!));
        using var inside = RouteSocket.Open(pod.Network);
        Assert.Equal(("dummy", true), (inside.GetLink("eth0").Kind, inside.GetLink("eth0").Up));
        _node.Call("CHECK", config, pod, previous: result).Success();
        inside.DeleteLink(inside.GetLink("eth0").Index);
        _node.Call("CHECK", config, pod, previous: result).Refused(102);
        _node.Del(config, pod, previous: result);
        Assert.Empty(_node.Reserved());
    }

    private static JsonObject Vlan(int id, JsonObject? ipam)
    {
        var config = new JsonObject { ["type"] = "vlan", ["master"] = "eth0", ["vlanId"] = id };
        if (ipam is not null)
        {
            config["ipam"] = ipam;
        }

        return config;
    }

    private static JsonObject Static(string address)
        => new() { ["type"] = "static", ["addresses"] = new JsonArray(new JsonObject { ["address"] = address }) };

    private static IPAddress AddressOf(JsonNode result) => InterfaceAddress.Parse((string)result["ips"]![0]!["address"]!).Address;

    private Task<bool> PingAsync(NetworkNamespace from, string to, int times = 5) => Pings.ReachesAsync(from, IPAddress.Parse(to), times, _ct);
}
