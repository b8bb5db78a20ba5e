using System.Net;
using System.Text.Json.Nodes;
using Fairlead.KernelTests.Cni;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Linux;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.GuestTests.Cni;

/// <summary>The VLAN options of bridge, with packets: vlan, vlanTrunk and preserveDefaultVlan.</summary>
public sealed class BridgeVlanTests : IDisposable
{
    private readonly PluginNode _node = new();
    private readonly CancellationToken _ct = TestContext.Current.CancellationToken;

    public void Dispose() => _node.Dispose();

    [Fact]
    public async Task Containers_of_one_vlan_reach_each_other_and_no_others()
    {
        var (a, _) = Add(Bridge(100));
        var (_, b) = Add(Bridge(100));
        var (_, c) = Add(Bridge(200));
        var (_, d) = Add(Bridge());

        Assert.True(await ReachesAsync(a, b));
        Assert.False(await ReachesAsync(a, c, times: 2));
        Assert.False(await ReachesAsync(a, d, times: 2));
        Assert.Equal("1u,100u*", Vlans(PortOf(a)));
        Assert.Contains("vlan_filtering 1", _node.Network.Sh("ip -d link show br0"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_gateway_is_in_the_containers_vlan()
    {
        var (a, address) = Add(Bridge(100, "\"isGateway\":true"));
        var (b, _) = Add(Bridge(200, "\"isGateway\":true,\"ipam\":{\"type\":\"host-local\",\"subnet\":\"10.62.0.0/24\",\"dataDir\":\"DATA\"}"));

        Assert.True(await Pings.ReachesAsync(a, IPAddress.Parse("10.61.0.1"), 5, _ct));
        Assert.True(await Pings.ReachesAsync(b, IPAddress.Parse("10.62.0.1"), 5, _ct));
        Assert.True(await Pings.ReachesAsync(_node.Network, address, 5, _ct));
        Assert.Contains("10.61.0.1/24", _node.Network.Sh("ip address show br0.100"), StringComparison.Ordinal);
        Assert.Contains("10.62.0.1/24", _node.Network.Sh("ip address show br0.200"), StringComparison.Ordinal);
        Assert.DoesNotContain("inet ", _node.Network.Sh("ip address show br0"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_trunk_carries_its_vlans_with_their_tags()
    {
        var (a, _) = Add(Bridge(100));
        var (b, _) = Add(Bridge(200));
        var (trunk, _) = Add(Bridge(0, "\"vlanTrunk\":[{\"id\":100},{\"minID\":300,\"maxID\":302}]"));
        foreach (var id in new[] { 100, 200 })
        {
            trunk.Sh($"ip link add link eth0 name v{id} type vlan id {id}; ip address add 10.{id}.0.1/24 dev v{id}; ip link set v{id} up");
        }

        a.Sh("ip address add 10.100.0.2/24 dev eth0");
        b.Sh("ip address add 10.200.0.2/24 dev eth0");

        Assert.True(await Pings.ReachesAsync(trunk, IPAddress.Parse("10.100.0.2"), 5, _ct));
        Assert.False(await Pings.ReachesAsync(trunk, IPAddress.Parse("10.200.0.2"), 2, _ct));
        Assert.Equal("1u*,100,300,301,302", Vlans(PortOf(trunk)));
    }

    [Fact]
    public async Task Without_the_default_vlan_a_port_has_only_its_own()
    {
        var (a, _) = Add(Bridge(100, "\"preserveDefaultVlan\":false"));
        var (_, b) = Add(Bridge(100, "\"preserveDefaultVlan\":false"));
        var (trunk, _) = Add(Bridge(0, "\"preserveDefaultVlan\":false,\"vlanTrunk\":[{\"id\":100}]"));
        var (_, c) = Add(Bridge());

        Assert.Equal("100u*", Vlans(PortOf(a)));
        Assert.Equal("100", Vlans(PortOf(trunk)));
        Assert.True(await ReachesAsync(a, b));
        Assert.False(await ReachesAsync(trunk, c, times: 2));
    }

    [Fact]
    public void A_port_that_lost_its_vlan_is_found_by_CHECK()
    {
        var config = Bridge(100);
        var pod = _node.NewPod();
        var result = _node.Add(config, pod);
        _node.Call("CHECK", config, pod, previous: result).Success();

        _node.Network.Sh($"bridge vlan del vid 100 dev {PortOf(pod.Network)}");

        Assert.Contains("VLAN 100", _node.Call("CHECK", config, pod, previous: result).Refused(102).Message, StringComparison.Ordinal);
        _node.Del(config, pod, previous: result);
        Assert.Empty(_node.Reserved());
    }

    [Fact]
    public void A_bridge_that_is_there_begins_to_filter()
    {
        _node.Network.Sh("ip link add br0 type bridge");

        Add(Bridge(100));

        Assert.Contains("vlan_filtering 1", _node.Network.Sh("ip -d link show br0"), StringComparison.Ordinal);
    }

    private JsonObject Bridge(int vlan = 0, string more = "")
    {
        var config = new JsonObject { ["type"] = "bridge", ["bridge"] = "br0", ["ipam"] = _node.HostLocal() };
        if (vlan != 0)
        {
            config["vlan"] = vlan;
        }

        foreach (var (name, value) in JsonNode.Parse($"{{{more.Replace("DATA", _node.DataFolder, StringComparison.Ordinal)}}}")!.AsObject())
        {
            config[name] = value?.DeepClone();
        }

        return config;
    }

    private (NetworkNamespace Network, IPAddress Address) Add(JsonObject config)
    {
        var pod = _node.NewPod();
        return (pod.Network, InterfaceAddress.Parse((string)_node.Add(config, pod)["ips"]![0]!["address"]!).Address);
    }

    private Task<bool> ReachesAsync(NetworkNamespace from, IPAddress to, int times = 5) => Pings.ReachesAsync(from, to, times, _ct);

    /// <summary>The host's end of a container's cable.</summary>
    private string PortOf(NetworkNamespace pod)
    {
        using var inside = RouteSocket.Open(pod);
        using var host = RouteSocket.Open(_node.Network);
        return host.GetLink(inside.GetLink("eth0").Peer!.Value).Name;
    }

    /// <summary>A port's VLANs as the stock program sees them: <c>u</c> for those without a tag, <c>*</c> for that of untagged frames.</summary>
    private string Vlans(string port)
    {
        var listed = JsonNode.Parse(_node.Network.Sh($"bridge -json vlan show dev {port}"))!.AsArray();
        return string.Join(',', listed[0]!["vlans"]!.AsArray().SelectMany(v => Enumerable.Range((int)v!["vlan"]!, ((int?)v["vlanEnd"] ?? (int)v["vlan"]!) - (int)v["vlan"]! + 1).Select(id =>
        {
            var flags = v["flags"]?.AsArray().Select(f => (string)f!).ToList() ?? [];
            return $"{id}{(flags.Contains("Egress Untagged") ? "u" : "")}{(flags.Contains("PVID") ? "*" : "")}";
        })));
    }
}
