using System.Net;
using Fairlead.KernelTests.Fixtures;

namespace Fairlead.KernelTests.Topology;

/// <summary>The examples of examples/network with packets in them.</summary>
public sealed class ScenarioTests : IDisposable
{
    private readonly Machine _machine = new();

    [Fact]
    public async Task A_switch_joins_two_hosts()
    {
        _machine.Apply(Machine.Example("switch"));

        Assert.True(await _machine.PingAsync("a", "192.168.1.11"));
        Assert.Equal("192.168.1.10", (await _machine.ConnectAsync("a", Ip("192.168.1.11:80"), "b", Ip("192.168.1.11:80")))?.ToString());
        Assert.Equal("hello", await _machine.AskAsync("b", Ip("192.168.1.10:53"), "a", Ip("192.168.1.10:53")));
    }

    [Fact]
    public async Task A_router_passes_nothing_on_until_forwarding_is_on()
    {
        _machine.Apply(Machine.Example("router"));
        Assert.True(await _machine.PingAsync("a", "192.168.1.1"));
        Assert.False(await _machine.PingAsync("a", "192.168.2.10"));

        var plan = _machine.Apply(Machine.Example("router-forwarding"));

        Assert.Equal("~ router: forwarding 0 → 1\n~ router: IPv6 forwarding 0 → 1\n", plan.ToString());
        Assert.True(await _machine.PingAsync("a", "192.168.2.10"));
        Assert.Equal("hello", await _machine.AskAsync("c", Ip("192.168.1.10:53"), "a", Ip("192.168.1.10:53")));
    }

    [Fact]
    public async Task Red_and_blue_reach_each_other_over_IPv4_and_IPv6()
    {
        _machine.Apply(Machine.Example("red-and-blue"));

        Assert.True(await _machine.PingAsync("red", "192.168.15.2"));
        Assert.True(await _machine.PingAsync("blue", "fd00:15::1"));
        Assert.Equal("fd00:15::1", (await _machine.ConnectAsync("red", Ip("[fd00:15::2]:80"), "blue", Ip("[fd00:15::2]:80")))?.ToString());
        Assert.Contains("192.168.15.2", _machine.Sh("red", "ip neigh"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Four_hosts_on_a_bridge_reach_each_other_and_then_the_machine()
    {
        _machine.Apply(Machine.Example("bridge"));
        Assert.True(await _machine.PingAsync("red", "192.168.15.4"));
        Assert.True(await _machine.PingAsync("green", "192.168.15.2"));
        Assert.False(await _machine.PingAsync("machine", "192.168.15.4"));

        _machine.Apply(Machine.Example("bridge-host"));

        Assert.True(await _machine.PingAsync("machine", "192.168.15.4"));
        Assert.True(await _machine.PingAsync("yellow", "192.168.15.5"));
    }

    [Fact]
    public async Task A_gateway_gives_what_leaves_its_own_address()
    {
        _machine.Apply(Machine.Example("gateway"));

        Assert.True(await _machine.PingAsync("blue", "192.168.1.3"));
        Assert.Equal("192.168.1.2", (await _machine.ConnectAsync("blue", Ip("192.168.1.3:80"), "lan", Ip("192.168.1.3:80")))?.ToString());
        Assert.Equal("hello", await _machine.AskAsync("blue", Ip("192.168.1.3:53"), "lan", Ip("192.168.1.3:53")));
    }

    [Fact]
    public async Task A_forwarded_port_is_reached_from_outside_from_the_machine_from_its_loopback_and_from_beside()
    {
        _machine.Apply(WithRed(Machine.Example("port-forward")));
        var target = Ip("192.168.15.2:80");

        Assert.Equal("192.168.1.3", (await _machine.ConnectAsync("lan", Ip("192.168.1.2:80"), "blue", target))?.ToString());
        Assert.NotNull(await _machine.ConnectAsync("machine", Ip("192.168.1.2:80"), "blue", target));
        Assert.Equal("192.168.15.5", (await _machine.ConnectAsync("machine", Ip("127.0.0.1:80"), "blue", target))?.ToString());
        Assert.Equal("192.168.15.5", (await _machine.ConnectAsync("red", Ip("192.168.15.5:80"), "blue", target))?.ToString());
    }

    [Fact]
    public async Task Ports_of_IPv6_and_UDP_are_forwarded_and_masqueraded_too()
    {
        _machine.Apply("""
            apiVersion: fairlead.dev/v1
            kind: Topology
            metadata: {name: six}
            hosts:
              - name: gw
                forwarding: true
                masquerade: [{from: "fd00:15::/64", out: eth0}]
                portForward:
                  - {protocol: udp, port: 5353, to: "[fd00:15::2]:53"}
                  - {protocol: udp, port: 5353, to: "192.168.15.2:53"}
                  - {address: 192.168.1.1, port: 8080, to: "192.168.15.2:80"}
              - {name: blue, gateways: [192.168.15.1, "fd00:15::1"]}
              - {name: lan}
            links:
              - ends: [{host: gw, interface: eth0, addresses: [192.168.1.1/24, "fd00:1::1/64"]}, {host: lan, interface: eth0, addresses: [192.168.1.3/24, "fd00:1::3/64"]}]
              - ends: [{host: gw, interface: eth1, addresses: [192.168.15.1/24, "fd00:15::1/64"]}, {host: blue, interface: eth0, addresses: [192.168.15.2/24, "fd00:15::2/64"]}]
            """);

        Assert.Equal("fd00:1::1", (await _machine.ConnectAsync("blue", Ip("[fd00:1::3]:80"), "lan", Ip("[fd00:1::3]:80")))?.ToString());
        Assert.Equal("hello", await _machine.AskAsync("lan", Ip("[fd00:1::1]:5353"), "blue", Ip("[fd00:15::2]:53")));
        Assert.Equal("hello", await _machine.AskAsync("lan", Ip("192.168.1.1:5353"), "blue", Ip("192.168.15.2:53")));
        Assert.NotNull(await _machine.ConnectAsync("lan", Ip("192.168.1.1:8080"), "blue", Ip("192.168.15.2:80")));
        Assert.Null(await _machine.ConnectAsync("lan", Ip("192.168.1.1:80"), "blue", Ip("192.168.15.2:80")));
    }

    public static TheoryData<string> Examples => ["switch", "router", "router-forwarding", "red-and-blue", "bridge", "bridge-host", "gateway", "port-forward"];

    [Theory, MemberData(nameof(Examples))]
    public void An_example_applied_twice_changes_nothing_and_deleted_leaves_nothing(string example)
    {
        var before = _machine.Look();
        var topology = _machine.Parse(Machine.Example(example));
        Assert.False(_machine.Apply(topology).IsEmpty);
        var once = _machine.Look();

        Assert.Equal("", _machine.Apply(topology).ToString());
        Assert.Equal(once, _machine.Look());
        _ = _machine.Delete(topology.Name);

        Assert.Equal(before, _machine.Look());
        Assert.Empty(_machine.Namespaces);
        Assert.Empty(_machine.Store.Names());
    }

    public void Dispose() => _machine.Dispose();

    /// <summary>A host more on the switch of the gateway examples.</summary>
    private static string WithRed(string yaml)
        => yaml.Replace("  - name: lan\n", "  - name: lan\n  - name: red\n", StringComparison.Ordinal)
            + "  - ends: [{host: red, interface: eth0, addresses: [192.168.15.1/24]}, {switch: v-net-0}]\n";

    private static IPEndPoint Ip(string text) => IPEndPoint.Parse(text);
}
