using System.Net;
using System.Text.Json.Nodes;
using Fairlead.KernelTests.Cni;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Linux.Netlink.Generic;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.GuestTests.Cni;

/// <summary>What needs nftables and VLANs in one kernel, and that the kernel that later tests need wireguard of has it.</summary>
[Trait(Guest.Kernel, Guest.Debian)]
public sealed class DebianKernelTests
{
    [Fact]
    public async Task A_container_in_a_vlan_is_masqueraded_and_its_port_is_published()
    {
        var ct = TestContext.Current.CancellationToken;
        using var node = new CniNode();
        node.Write(bridge => bridge["vlan"] = 100);
        node.Outside.Sh($"ip route add 10.32.0.0/24 via {CniNode.NodeAddress}");

        var pod = await node.AddPodAsync("""[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}]""", ct);

        using (var listener = node.Outside.Listen(CniNode.OutsideAddress, 80))
        {
            Assert.Equal(CniNode.NodeAddress, await pod.Network.ReachAsync(CniNode.OutsideAddress, 80, listener, ct));
        }

        using (var listener = pod.Network.Listen(pod.Address, 80))
        {
            Assert.Equal(CniNode.OutsideAddress, await node.Outside.ReachAsync(CniNode.NodeAddress, 8080, listener, ct));
        }

        var rules = node.Network.Sh("nft list ruleset");
        Assert.Contains("fairlead-cni-masquerade", rules, StringComparison.Ordinal);
        Assert.Contains("8080", rules, StringComparison.Ordinal);
        Assert.Contains("10.32.0.1/24", node.Network.Sh("ip address show cni0.100"), StringComparison.Ordinal);

        await node.Runtime.CheckAsync(pod.Attachment, ct);
        await node.Runtime.DelAsync(pod.Attachment, ct);
        Assert.Empty(node.Reserved());
        Assert.DoesNotContain("8080", node.Network.Sh("nft list ruleset"), StringComparison.Ordinal);
    }

    [Fact]
    public void The_kernel_has_wireguard()
    {
        using var namespaces = new TestNamespaces();
        var network = namespaces.New();
        network.Sh("ip link add wg0 type wireguard");

        using var links = RouteSocket.Open(network);
        Assert.Equal("wireguard", links.GetLink("wg0").Kind);
        using var generic = GenericSocket.Open(network);
        Assert.NotNull(generic.Find("wireguard"));
    }
}
