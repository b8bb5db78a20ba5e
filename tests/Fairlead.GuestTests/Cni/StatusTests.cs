using System.Text.Json.Nodes;
using Fairlead.KernelTests.Cni;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.GuestTests.Cni;

/// <summary>STATUS on a kernel that has the kinds: fine, and nothing is left of the question.</summary>
public sealed class StatusTests
{
    [Theory]
    [InlineData("""{"type":"vlan","master":"eth0","vlanId":7}""")]
    [InlineData("""{"type":"ipvlan","master":"eth0"}""")]
    [InlineData("""{"type":"macvlan","master":"eth0"}""")]
    [InlineData("""{"type":"dummy"}""")]
    [InlineData("""{"type":"vrf","vrfname":"red"}""")]
    [InlineData("""{"type":"bridge","vlan":7}""")]
    public void STATUS_is_fine_and_leaves_nothing(string config)
    {
        using var node = new PluginNode();
        node.Uplink();
        using var host = RouteSocket.Open(node.Network);
        var before = host.Links().Select(l => l.Name).Order().ToArray();
        var whole = JsonNode.Parse(config)!.AsObject();
        whole["ipam"] = node.HostLocal();

        node.Call("STATUS", whole).Success();

        Assert.Equal(before, host.Links().Select(l => l.Name).Order());
    }
}
