using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Fairlead.KernelTests.Cni;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.GuestTests.Cni;

/// <summary>The plugin vrf: what it makes in the container, what it keeps of the interface's, and when it goes.</summary>
public sealed class VrfTests : IDisposable
{
    private readonly PluginNode _node = new();
    private readonly CancellationToken _ct = TestContext.Current.CancellationToken;

    public void Dispose() => _node.Dispose();

    [Fact]
    public async Task An_interface_goes_into_its_vrf_with_its_addresses_and_routes()
    {
        var (pod, previous) = Attach("eth0", 1);

        Assert.Equal("10.1.0.2/24", (string)_node.Add(Vrf("red", 42), pod, previous: previous)["ips"]![0]!["address"]!);

        Assert.Contains("vrf table 42", pod.Network.Sh("ip -d link show red"), StringComparison.Ordinal);
        Assert.Contains("master red", pod.Network.Sh("ip link show eth0"), StringComparison.Ordinal);
        var addresses = pod.Network.Sh("ip address show eth0");
        Assert.Contains("10.1.0.2/24", addresses, StringComparison.Ordinal);
        Assert.Contains("fd00:1::2/64", addresses, StringComparison.Ordinal);
        Assert.Contains("default via 10.1.0.1 dev eth0", pod.Network.Sh("ip route show table 42"), StringComparison.Ordinal);
        Assert.Contains("default via fd00:1::1 dev eth0", pod.Network.Sh("ip -6 route show table 42"), StringComparison.Ordinal);
        Assert.Empty(pod.Network.Sh("ip route show table main"));
        Assert.True(await ConnectsAsync(pod, "red"));
        Assert.False(await ConnectsAsync(pod, null));
        _node.Call("CHECK", Vrf("red", 42), pod, previous: previous).Success();
        Assert.Contains("table 42, not 43", _node.Call("CHECK", Vrf("red", 43), pod, previous: previous).Refused(102).Message, StringComparison.Ordinal);
        Assert.Contains("blue", _node.Call("CHECK", Vrf("blue"), pod, previous: previous).Refused(102).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_vrf_of_two_interfaces_goes_with_the_last()
    {
        var (pod, first) = Attach("eth0", 1);
        var (_, second) = Attach("net1", 2, pod);
        _node.Add(Vrf("red"), pod, previous: first);
        _node.Add(Vrf("red"), pod, "net1", previous: second);
        Assert.Equal(2, pod.Network.Sh("ip -o link show master red").Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);

        _node.Del(Vrf("red"), pod, previous: first);
        _node.Call("CHECK", Vrf("red"), pod, "net1", previous: second).Success();
        _node.Call("CHECK", Vrf("red"), pod, previous: first).Refused(102);
        _node.Del(Vrf("red"), pod, "net1", previous: second);
        _node.Del(Vrf("red"), pod, "net1", previous: second);

        using var inside = RouteSocket.Open(pod.Network);
        Assert.Null(inside.FindLink("red"));
        Assert.NotNull(inside.FindLink("net1"));
    }

    [Fact]
    public void Two_vrfs_have_a_table_each_and_may_have_the_same_addresses()
    {
        var (pod, first) = Attach("eth0", 1);
        _node.Add(Vrf("red"), pod, previous: first);
        var (_, second) = Attach("net1", 1, pod);
        _node.Add(Vrf("blue"), pod, "net1", previous: second);

        using var inside = RouteSocket.Open(pod.Network);
        var tables = new[] { "red", "blue" }.Select(name => Assert.IsType<VrfDetails>(inside.GetLink(name).Details).Table).ToArray();
        Assert.NotEqual(tables[0], tables[1]);
        Assert.Contains("10.1.0.0/24 dev eth0", pod.Network.Sh($"ip route show table {tables[0]}"), StringComparison.Ordinal);
        Assert.Contains("10.1.0.0/24 dev net1", pod.Network.Sh($"ip route show table {tables[1]}"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_table_that_another_vrf_has_is_refused()
    {
        var (pod, first) = Attach("eth0", 1);
        var (_, second) = Attach("net1", 2, pod);
        _node.Add(Vrf("red", 42), pod, previous: first);

        Assert.Contains("table", _node.Call("ADD", Vrf("blue", 42), pod, "net1", previous: second).Refused(7).Message, StringComparison.Ordinal);
        Assert.Contains("table", _node.Call("ADD", Vrf("red", 43), pod, "net1", previous: second).Refused(7).Message, StringComparison.Ordinal);
        using var inside = RouteSocket.Open(pod.Network);
        Assert.Null(inside.FindLink("blue"));
        Assert.NotNull(inside.FindLink("red"));
    }

    [Fact]
    public void A_name_that_another_kind_of_link_has_is_refused()
    {
        var (pod, previous) = Attach("eth0", 1);
        pod.Network.Sh("ip link add red type dummy");

        Assert.Contains("vrfname", _node.Call("ADD", Vrf("red"), pod, previous: previous).Refused(7).Message, StringComparison.Ordinal);
        _node.Del(Vrf("red"), pod, previous: previous);
        using var inside = RouteSocket.Open(pod.Network);
        Assert.NotNull(inside.FindLink("red"));
    }

    /// <summary>Whether a connection to the host's end comes about, made by a program that has bound itself to a VRF or has not.</summary>
    private async Task<bool> ConnectsAsync(PluginPod pod, string? vrf)
    {
        const int SocketLevel = 1; // SOL_SOCKET
        const int BindToDevice = 25; // SO_BINDTODEVICE
        using var listener = _node.Network.Listen(IPAddress.Parse("10.1.0.1"), 80);
        using var client = pod.Network.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        if (vrf is not null)
        {
            client.SetRawSocketOption(SocketLevel, BindToDevice, Encoding.ASCII.GetBytes(vrf));
        }

        try
        {
            await client.ConnectAsync(new IPEndPoint(IPAddress.Parse("10.1.0.1"), 80), _ct);
            return true;
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.NetworkUnreachable)
        {
            return false;
        }
    }

    private static JsonObject Vrf(string name, int? table = null)
    {
        var config = new JsonObject { ["type"] = "vrf", ["vrfname"] = name };
        if (table is { } number)
        {
            config["table"] = number;
        }

        return config;
    }

    /// <summary>An interface of both families with default routes, as a plugin before in the chain would have made it.</summary>
    private (PluginPod Pod, JsonObject Result) Attach(string name, int network, PluginPod? pod = null)
    {
        pod ??= _node.NewPod();
        _node.Network.Sh($"ip link add host-{name} type veth peer name {name} netns {pod.Network.Name}; ip link set host-{name} up; ip address add 10.{network}.0.1/24 dev host-{name}; ip address add fd00:{network}::1/64 dev host-{name} nodad");
        pod.Network.Sh($"ip link set {name} up; ip address add 10.{network}.0.2/24 dev {name}; ip address add fd00:{network}::2/64 dev {name} nodad; ip route add default via 10.{network}.0.1 dev {name} metric {network}; ip -6 route add default via fd00:{network}::1 dev {name} metric {network}");
        return (pod, new JsonObject
        {
            ["cniVersion"] = "1.1.0",
            ["interfaces"] = new JsonArray(new JsonObject { ["name"] = name, ["sandbox"] = pod.Network.Path }),
            ["ips"] = new JsonArray(new JsonObject { ["address"] = $"10.{network}.0.2/24", ["interface"] = 0 }),
        });
    }
}
