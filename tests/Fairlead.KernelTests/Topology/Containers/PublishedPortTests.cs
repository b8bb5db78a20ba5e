using System.Net;
using System.Net.Sockets;
using Fairlead.Topology.Containers;
using static Fairlead.KernelTests.Topology.Containers.ContainerMachine;

namespace Fairlead.KernelTests.Topology.Containers;

/// <summary>Ports of the host that lead to containers.</summary>
public sealed class PublishedPortTests
{
    [Fact]
    public async Task A_published_port_is_reached_from_outside_from_both_loopbacks_from_other_containers_and_from_itself()
    {
        await using var machine = new ContainerMachine();
        var one = await machine.SleepAsync("one", NetworkNames.Bridge, "8080:80");
        var two = await machine.SleepAsync("two");
        using var first = Inside(one);
        using var second = Inside(two);
        using var serving = Listen(first, 80);

        Assert.Equal("198.51.100.2", await AskAsync(machine.Outside, HostAddress, 8080));
        Assert.Equal("172.30.0.1", await AskAsync(machine.Host, IPAddress.Loopback, 8080));
        Assert.Equal("172.30.0.1", await AskAsync(machine.Host, IPAddress.IPv6Loopback, 8080));
        Assert.Equal("198.51.100.1", await AskAsync(machine.Host, HostAddress, 8080));
        Assert.Equal("172.30.0.1", await AskAsync(machine.Outside, HostAddress6, 8080));
        Assert.Equal("172.30.0.1", await AskAsync(second, IPAddress.Parse("172.30.0.1"), 8080));
        Assert.Equal("172.30.0.1", await AskAsync(first, HostAddress, 8080));
    }

    [Fact]
    public async Task UDP_is_published_as_TCP_is()
    {
        await using var machine = new ContainerMachine();
        var one = await machine.SleepAsync("one", NetworkNames.Bridge, "5353:53/udp");
        using var inside = Inside(one);

        Assert.Equal("198.51.100.2", await AskUdpAsync(inside, 53, machine.Outside, HostAddress, 5353));
        Assert.Equal("172.30.0.1", await AskUdpAsync(inside, 53, machine.Host, IPAddress.Loopback, 5353));
        Assert.Equal("172.30.0.1", await AskUdpAsync(inside, 53, machine.Host, IPAddress.IPv6Loopback, 5353));
    }

    [Fact]
    public async Task A_port_of_one_address_of_the_host_is_not_one_of_the_others()
    {
        await using var machine = new ContainerMachine();
        var one = await machine.SleepAsync("one", NetworkNames.Bridge, "127.0.0.1:8080:80", "198.51.100.1:8081:80");
        using var inside = Inside(one);
        using var serving = Listen(inside, 80);

        Assert.NotNull(await AskAsync(machine.Host, IPAddress.Loopback, 8080));
        Assert.Null(await AskAsync(machine.Outside, HostAddress, 8080, milliseconds: 1000));
        Assert.NotNull(await AskAsync(machine.Outside, HostAddress, 8081));
        Assert.Null(await AskAsync(machine.Host, IPAddress.Loopback, 8081, milliseconds: 1000));
    }

    [Fact]
    public async Task A_range_leads_port_by_port_and_a_free_port_is_chosen_where_none_is_said()
    {
        await using var machine = new ContainerMachine();
        var one = await machine.SleepAsync("one", NetworkNames.Bridge, "8000-8002:80-82", "90");
        using var inside = Inside(one);
        using var last = Listen(inside, 82);
        using var chosen = Listen(inside, 90);
        var port = one.Record.Options.Ports[^1];

        Assert.NotNull(await AskAsync(machine.Outside, HostAddress, 8002));
        Assert.Null(await AskAsync(machine.Outside, HostAddress, 8001, milliseconds: 1000));
        Assert.InRange(port.HostPort, 1024, 65535);
        Assert.NotNull(await AskAsync(machine.Outside, HostAddress, port.HostPort));
    }

    [Fact]
    public async Task A_port_that_another_process_has_is_refused_before_anything_changes()
    {
        await using var machine = new ContainerMachine();
        using var taken = Listen(machine.Host, 8080);
        var before = machine.Left();

        var refused = await Assert.ThrowsAsync<ContainerException>(() => machine.SleepAsync("one", NetworkNames.Bridge, "8079:80", "8080:80"));

        Assert.Contains("port *:8080/tcp of the host is taken by another process", refused.Message, StringComparison.Ordinal);
        Assert.Equal(before, machine.Left());
        Assert.Empty(await machine.Engine.ListAsync(Ct));
    }

    [Fact]
    public async Task A_port_that_another_container_has_is_refused_with_its_name()
    {
        await using var machine = new ContainerMachine();
        var one = await machine.SleepAsync("one", NetworkNames.Bridge, "8080:80");

        var refused = await Assert.ThrowsAsync<ContainerException>(() => machine.SleepAsync("two", NetworkNames.Bridge, "127.0.0.1:8080:80"));

        Assert.Contains($"taken by the container {one.Record.Name}", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_published_port_cannot_be_taken_by_a_later_process_and_is_free_again_afterwards()
    {
        await using var machine = new ContainerMachine();
        var one = await machine.SleepAsync("one", NetworkNames.Bridge, "8080:80");

        Assert.Equal(SocketError.AddressAlreadyInUse, Assert.Throws<SocketException>(() => Listen(machine.Host, 8080)).SocketErrorCode);
        await machine.Engine.RemoveAsync(one.Record.Name, force: true, Ct);
        await one.Exited;
        using var later = Listen(machine.Host, 8080);
    }

    [Fact]
    public async Task A_container_does_not_reach_what_listens_on_the_hosts_loopback()
    {
        await using var machine = new ContainerMachine();
        var one = await machine.SleepAsync("one", NetworkNames.Bridge, "8080:80");
        using var inside = Inside(one);
        using var secret = machine.Host.Run(() =>
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(IPAddress.Loopback, 9999));
            socket.Listen();
            return socket;
        });
        Fixtures.Shell.Sh(inside, "sysctl -qw net.ipv4.conf.eth0.route_localnet=1; ip addr del 127.0.0.1/8 dev lo; ip rule add pref 1 lookup main; ip route add 127.0.0.0/8 via 172.30.0.1 dev eth0; ip rule del pref 0; ip rule add pref 2 lookup local");

        Assert.Null(await AskAsync(inside, IPAddress.Loopback, 9999, milliseconds: 500));
        Assert.False(secret.Poll(0, SelectMode.SelectRead));
    }
}
