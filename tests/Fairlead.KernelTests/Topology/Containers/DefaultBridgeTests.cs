using System.Net;
using System.Net.Sockets;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Linux;
using Fairlead.Topology.Containers;
using static Fairlead.KernelTests.Topology.Containers.ContainerMachine;

namespace Fairlead.KernelTests.Topology.Containers;

/// <summary>Docker's three modes: <c>bridge</c>, <c>none</c> and <c>host</c>.</summary>
public sealed class DefaultBridgeTests
{
    [Fact]
    public async Task A_container_on_the_default_bridge_reaches_the_world_with_the_hosts_address_and_others_with_its_own()
    {
        await using var machine = new ContainerMachine();
        var before = machine.Left();
        var one = await machine.SleepAsync("one");
        var two = await machine.SleepAsync("two");
        using var first = Inside(one);
        using var second = Inside(two);

        Assert.Equal("172.30.0.2", AddressOf(one).ToString());
        Assert.Equal("172.30.0.3", AddressOf(two).ToString());
        Assert.True(Pings(first, OutsideAddress));
        Assert.True(Pings(first, AddressOf(two)));
        using (Listen(machine.Outside, 80))
        using (Listen(second, 80))
        {
            Assert.Equal("198.51.100.1", await AskAsync(first, OutsideAddress, 80));
            Assert.Equal("172.30.0.2", await AskAsync(first, AddressOf(two), 80));
            Assert.Equal("172.30.0.1", await AskAsync(machine.Host, AddressOf(two), 80));
        }

        Assert.Equal("198.51.100.1", await AskUdpAsync(machine.Outside, 53, first, OutsideAddress, 53));
        await machine.Engine.RemoveAllAsync(Ct);
        Assert.Equal(before, machine.Left());
    }

    [Fact]
    public async Task Nothing_of_a_container_is_reached_from_outside_but_what_is_published()
    {
        await using var machine = new ContainerMachine();
        var one = await machine.SleepAsync("one", NetworkNames.Bridge, "8080:80");
        using var inside = Inside(one);
        using var open = Listen(inside, 80);
        machine.Outside.Sh("ip route add 172.30.0.0/16 via 198.51.100.1");

        Assert.Equal("198.51.100.2", await AskAsync(machine.Outside, HostAddress, 8080));
        Assert.Null(await AskAsync(machine.Outside, AddressOf(one), 80, milliseconds: 500));
    }

    [Fact]
    public async Task The_range_meets_no_route_and_no_address_of_the_host()
    {
        await using var machine = new ContainerMachine();
        machine.Host.Sh("ip route add 172.30.4.0/24 via 198.51.100.2; ip addr add 172.31.255.1/30 dev eth0");

        var one = await machine.SleepAsync("one");

        Assert.Equal("192.168.0.2", AddressOf(one).ToString());
    }

    [Fact]
    public async Task An_address_that_a_container_gave_back_is_given_again()
    {
        await using var machine = new ContainerMachine();
        var one = await machine.SleepAsync("one");
        var two = await machine.SleepAsync("two");
        await machine.Engine.StopAsync(one.Record.Name, TimeSpan.Zero, Ct);
        await one.Exited;

        var three = await machine.SleepAsync("three");

        Assert.Equal("172.30.0.3", AddressOf(two).ToString());
        Assert.Equal("172.30.0.2", AddressOf(three).ToString());
        using var second = Inside(two);
        Assert.True(Pings(second, AddressOf(three)));
    }

    [Fact]
    public async Task Without_a_network_there_is_only_the_loopback()
    {
        await using var machine = new ContainerMachine();

        var (code, output) = await machine.RunAsync(machine.Options("one", "sh", "-c", "ls /sys/class/net; cat /proc/net/route | wc -l") with { Network = NetworkNames.None });

        Assert.Equal((0, "lo\n1\n"), (code, output));
        Assert.DoesNotContain("fairlead0", machine.Left(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task In_host_mode_the_network_is_the_hosts_and_the_rest_is_not()
    {
        await using var machine = new ContainerMachine();

        var (_, output) = await machine.RunAsync(machine.Options("one", "sh", "-c", "readlink /proc/self/ns/net; echo $$") with { Network = NetworkNames.Host });

        Assert.Equal($"net:[{machine.Host.Inode}]\n1\n", output);
    }

    [Fact]
    public async Task A_foreign_interface_of_the_bridges_name_is_neither_taken_nor_removed()
    {
        await using var machine = new ContainerMachine();
        machine.Host.Sh("ip link add fairlead0 type bridge");

        var refused = await Assert.ThrowsAsync<ContainerException>(() => machine.SleepAsync("one"));
        await machine.Engine.RemoveAllAsync(Ct);

        Assert.Contains("fairlead0 is there and is not Fairlead's", refused.Message, StringComparison.Ordinal);
        Assert.Contains("fairlead0", machine.Left(), StringComparison.Ordinal);
        Assert.DoesNotContain("fairlead-run", machine.Left(), StringComparison.Ordinal);
        Assert.Empty(await machine.Engine.ListAsync(Ct));
    }

    [Fact]
    public async Task Tables_of_others_stay_as_they_are_and_rules_say_whose_they_are()
    {
        await using var machine = new ContainerMachine();
        machine.Host.Sh("nft add table inet other; nft add chain inet other c '{ type filter hook forward priority 0; }'; nft add rule inet other c counter");
        var before = machine.Host.Sh("nft -s list table inet other");
        var one = await machine.SleepAsync("one", NetworkNames.Bridge, "8080:80");

        var rules = machine.Host.Sh("nft list chain inet fairlead-run ports");
        await machine.Engine.RemoveAsync(one.Record.Name, force: true, Ct);

        Assert.Contains($"tcp dport 8080 dnat ip to 172.30.0.2:80 comment \"{one.Record.Name}\"", rules, StringComparison.Ordinal);
        Assert.Equal(before, machine.Host.Sh("nft -s list table inet other"));
        Assert.Contains("table inet other", machine.Left(), StringComparison.Ordinal);
        Assert.DoesNotContain("fairlead-run", machine.Left(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Forwarding_that_was_on_stays_on()
    {
        await using var machine = new ContainerMachine();
        Sysctl.Write("net/ipv4/ip_forward", "1", machine.Host);

        await machine.RunAsync(machine.Options("one", "true"));

        Assert.Equal("1", Sysctl.Read("net/ipv4/ip_forward", machine.Host));
    }

    [Theory]
    [InlineData("172.30.0.1", "is taken by the network's gateway")]
    [InlineData("172.30.0.2", "is taken by")]
    [InlineData("10.0.0.1", "is not an address for a host in network 'bridge' (172.30.0.0/16)")]
    [InlineData("172.30.255.255", "is not an address for a host")]
    public async Task An_address_that_cannot_be_had_is_refused_before_anything_changes(string address, string because)
    {
        await using var machine = new ContainerMachine();
        await machine.SleepAsync("one");
        var before = machine.Left();

        var refused = await Assert.ThrowsAsync<ContainerException>(() => machine.StartAsync(machine.Options("two", "true") with { Addresses = [address] }));

        Assert.Contains(because, refused.Message, StringComparison.Ordinal);
        Assert.Equal(before, machine.Left());
        Assert.Single(await machine.Engine.ListAsync(Ct));
    }

    [Fact]
    public async Task An_address_that_was_asked_for_is_had()
    {
        await using var machine = new ContainerMachine();

        var one = await machine.StartAsync(machine.Options("one", "sleep", "1000") with { Addresses = ["172.30.7.7"] });

        Assert.Equal(IPAddress.Parse("172.30.7.7"), AddressOf(one, AddressFamily.InterNetwork));
        Assert.True(Pings(machine.Host, AddressOf(one)));
    }
}
