using Fairlead.KernelTests.Fixtures;
using Fairlead.Linux;
using Fairlead.Linux.Netlink.Generic;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.KernelTests.Linux;

public sealed class GenericNetlinkKernelTests(TestNamespaces namespaces) : IClassFixture<TestNamespaces>
{
    // linux/netdev.h: each device, and events of those that come.
    private const byte NetdevGet = 1;
    private const byte NetdevAdded = 2;
    private const ushort NetdevIndex = 1;

    // linux/ethtool_netlink.h: whether a link has a carrier.
    private const byte LinkStateGet = 6;
    private const ushort LinkStateHeader = 1;
    private const ushort LinkStateCarrier = 2;
    private const ushort HeaderName = 2;

    [Fact]
    public void Families_are_listed_and_found_by_name()
    {
        using var socket = GenericSocket.Open(namespaces.New());

        var families = socket.Families();

        Assert.Equal(families.OrderBy(f => f.Name, StringComparer.Ordinal), families);
        var control = Assert.Single(families, f => f.Name == "nlctrl");
        Assert.Equal((16, "notify"), ((int)control.Id, Assert.Single(control.Groups).Name));
        Assert.All(families, f => Assert.Equal(f, socket.Find(f.Name)));
    }

    [Fact]
    public void A_family_that_is_not_there_is_told_by_name()
    {
        using var socket = GenericSocket.Open(namespaces.New());

        Assert.Null(socket.Find("no-such-family"));
        var refusal = Assert.Throws<LinuxException>(() => socket.Get("no-such-family"));
        Assert.True(refusal.IsNotFound);
        Assert.StartsWith("generic netlink family no-such-family: No such file or directory", refusal.Message, StringComparison.Ordinal);

        // IPVS is a module that a kernel may lack; where it does, this is what its users are told.
        if (socket.Find("IPVS") is null)
        {
            Assert.Contains("this kernel does not have it", Assert.Throws<LinuxException>(() => socket.Get("IPVS")).Message, StringComparison.Ordinal);
        }

        refusal = Assert.Throws<LinuxException>(() => socket.Get("nlctrl").Group("nothing"));
        Assert.Contains("it has notify", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Requests_and_lists_of_a_family_are_read()
    {
        var network = namespaces.New();
        using var socket = GenericSocket.Open(network);
        using var route = RouteSocket.Open(network);
        route.CreateVeth(new("near") { PeerName = "far", Up = true, PeerUp = true });
        var ethtool = socket.Get("ethtool");

        var states = socket.Dump(ethtool, LinkStateGet, message =>
        {
            var attributes = GenericMessages.Read(message, ethtool, out _);
            var (name, carrier) = ("", (byte)0);
            while (attributes.TryRead(out var a))
            {
                var header = a.Nested;
                while (a.Type == LinkStateHeader && header.TryRead(out var part))
                {
                    name = part.Type == HeaderName ? part.Text : name;
                }

                carrier = a.Type == LinkStateCarrier ? a.Byte : carrier;
            }

            return new LinkState(name, carrier == 1);
        });

        Assert.Equal([new("far", true), new("near", true)], states.Where(s => s.Name != "lo").OrderBy(s => s.Name, StringComparer.Ordinal));
        var refusal = Assert.Throws<LinuxException>(() => socket.Request(ethtool, 250));
        Assert.True(refusal.IsNotSupported, refusal.Message);
        Assert.Contains("ethtool command 250", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Events_of_a_group_are_heard()
    {
        var ct = TestContext.Current.CancellationToken;
        var network = namespaces.New();
        using var socket = GenericSocket.Open(network);
        Assert.SkipUnless(socket.Find("netdev") is not null, "needs the kernel's netdev family (Linux 6.3)");
        var netdev = socket.Get("netdev");
        await using var events = GenericMonitor.Open(network, netdev.Group("mgmt")).ReadAllAsync<Device>(message => Read(message, NetdevAdded), ct).GetAsyncEnumerator(ct);
        using var route = RouteSocket.Open(network);

        var link = route.CreateVeth(new("near") { PeerName = "far" });

        var heard = new List<int>();
        while (!heard.Contains(link.Index) && await events.MoveNextAsync())
        {
            heard.Add(events.Current!.Index);
        }

        Assert.Equal(route.Links().Select(l => l.Index).Order(), socket.Dump(netdev, NetdevGet, m => Read(m, NetdevGet)).Select(d => d.Index).Order());

        Device? Read(scoped Fairlead.Linux.Netlink.NetlinkMessage message, byte wanted)
        {
            var attributes = GenericMessages.Read(message, netdev, out var command);
            while (command == wanted && attributes.TryRead(out var a))
            {
                if (a.Type == NetdevIndex)
                {
                    return new(a.Int32);
                }
            }

            return null;
        }
    }

    private sealed record LinkState(string Name, bool HasCarrier);

    private sealed record Device(int Index);
}
