using System.Net;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Linux;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.KernelTests.Linux;

public sealed class RouteKernelTests(TestNamespaces namespaces) : IClassFixture<TestNamespaces>
{
    [Fact]
    public void A_veth_pair_is_created_with_its_far_end_in_the_other_namespace()
    {
        using var here = RouteSocket.Open(namespaces.New());
        var other = namespaces.New();
        using var there = RouteSocket.Open(other);
        var mac = MacAddress.Parse("02:00:00:00:00:01");
        var peerMac = MacAddress.Parse("02:00:00:00:00:02");

        var near = here.CreateVeth(new("veth1") { PeerName = "eth0", PeerNamespace = other, Mac = mac, PeerMac = peerMac, Mtu = 1400, Up = true, PeerUp = true });
        var far = there.GetLink("eth0");

        Assert.Equal((mac, 1400, "veth", true), (near.Mac!.Value, near.Mtu, near.Kind, near.Up));
        Assert.Equal((peerMac, 1400, "veth", true), (far.Mac!.Value, far.Mtu, far.Kind, far.Up));
        Assert.Equal(far.Index, near.Peer);
        Assert.NotNull(near.PeerNamespaceId);
    }

    [Fact]
    public void A_missing_link_is_null_and_a_duplicate_says_that_it_exists()
    {
        using var socket = RouteSocket.Open(namespaces.New());
        _ = socket.CreateBridge(new("br0"));

        Assert.Null(socket.FindLink("eth7"));
        Assert.False(socket.TryDeleteLink("eth7"));
        Assert.True(Assert.Throws<LinuxException>(() => socket.CreateBridge(new("br0"))).IsExists);
        Assert.True(socket.TryDeleteLink("br0"));
    }
}
