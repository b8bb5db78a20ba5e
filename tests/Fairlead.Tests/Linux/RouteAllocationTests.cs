using System.Net;
using Fairlead.Linux;
using Fairlead.Linux.Netlink;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Tests.Linux;

/// <summary>Writing a message, taking its acknowledgement and reading a list allocate nothing.</summary>
public sealed class RouteAllocationTests
{
    private const int Rounds = 1000;

    private static readonly RouteOperation[] s_operations =
    [
        new CreateLink(new VethSpec("v0") { PeerName = "eth0", Mac = MacAddress.Zero, PeerMac = MacAddress.Zero, Mtu = 1450, Master = 3, Up = true }),
        new CreateLink(new BridgeSpec("br0") { Options = new() { Stp = true, AgeingTime = TimeSpan.FromSeconds(3) } }),
        new CreateLink(new VxlanSpec("fairlead.1") { Vni = 1, Local = IPAddress.Loopback, Device = 2 }),
        new SetLink(4, new() { Name = "eth0", Alias = "pods", Hairpin = true, Isolated = true }),
        new AddAltName(4, "fairlead.dev/pods"),
        new ReplaceAddress(new(4, InterfaceAddress.Parse("10.0.0.1/24"))),
        new ReplaceRoute(new(IPNetwork.Parse("2001:db8::/32")) { Gateway = IPAddress.IPv6Loopback, Link = 4, Metric = 7, Mtu = 1400 }),
        new ReplaceRoute(new(IPNetwork.Parse("10.0.0.0/8")) { NextHops = [new() { Gateway = IPAddress.Loopback, Link = 4 }] }),
        new ReplaceNeighbour(new(4, IPAddress.Loopback, MacAddress.Zero)),
        new ReplaceFdb(new(4, MacAddress.Zero) { Destination = IPAddress.Loopback, UdpPort = 8472, Vni = 1, Vlan = 2 }),
        new AddRoutingRule(new(false, 100) { Source = IPNetwork.Parse("10.0.0.0/8"), Mark = 1 }),
    ];

    [Fact]
    public void Writing_requests_allocates_nothing()
    {
        using var batch = new NetlinkBatch(1);

        Assert.Equal(0, AllocatedBy(() =>
        {
            batch.Start(1);
            foreach (var operation in s_operations)
            {
                operation.Encode(batch);
                batch.Mark();
            }

            batch.AskAcknowledgement();
        }));
    }

    [Fact]
    public void Taking_an_acknowledgement_allocates_nothing()
    {
        var answer = new NetlinkWriter(new byte[64], NetlinkConstants.MessageError, NetlinkFlags.Capped);
        answer.Header(0);
        answer.Raw(new byte[NetlinkConstants.HeaderLength]);
        var bytes = answer.Finish(3).ToArray();

        Assert.Equal(0, AllocatedBy(() =>
        {
            var reader = new NetlinkReader(bytes);
            Assert.True(reader.TryRead(out var message));
            Assert.Null(NetlinkRefusal.Read(message, default));
        }));
    }

    [Theory, InlineData("route-links"), InlineData("route-addresses"), InlineData("route-routes"), InlineData("route-neighbours"), InlineData("route-fdb")]
    public void Reading_a_list_allocates_nothing(string name)
    {
        var list = Corpus.Read(name);
        var sum = 0L;

        Assert.Equal(0, AllocatedBy(() =>
        {
            for (var i = 0; i < list.Count; i++)
            {
                var reader = new NetlinkReader(list[i]);
                while (reader.TryRead(out var message))
                {
                    sum += LinkView.TryRead(message, out var link) ? link.Index + link.Name.Length + (link.HasName("x"u8) ? 1 : 0) + (long)(link.Statistics?.RxBytes ?? 0) : 0;
                    sum += AddressView.TryRead(message, out var address) ? address.Bytes.Length + address.PrefixLength : 0;
                    sum += RouteView.TryRead(message, out var route) ? route.Destination.Length + route.Gateway.Length + (route.Mtu ?? 0) : 0;
                    sum += NeighbourView.TryRead(message, out var neighbour) ? neighbour.Address.Length + (neighbour.Mac is null ? 0 : 1) : 0;
                }
            }
        }));
        Assert.NotEqual(0, sum);
    }

    private static long AllocatedBy(Action action)
    {
        for (var i = 0; i < 10; i++)
        {
            action();
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < Rounds; i++)
        {
            action();
        }

        return (GC.GetAllocatedBytesForCurrentThread() - before) / Rounds;
    }
}
