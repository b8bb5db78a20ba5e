using System.Net;
using System.Text.Json.Nodes;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.KernelTests.Cni;

public sealed class LoopbackKernelTests : IDisposable
{
    private readonly CniNode _node = new();
    private readonly CancellationToken _ct = TestContext.Current.CancellationToken;

    public void Dispose() => _node.Dispose();

    [Fact]
    public async Task The_loopback_is_up_and_its_addresses_are_the_result()
    {
        _node.WriteList("cni-loopback", "1.0.0", new JsonObject { ["type"] = "loopback" });
        var (network, attachment) = _node.NewPod();
        attachment = attachment with { InterfaceName = "lo" };

        var result = await _node.Runtime.AddAsync(attachment, _ct);
        await _node.Runtime.CheckAsync(attachment, _ct);

        Assert.Equal([IPAddress.Loopback, IPAddress.IPv6Loopback], result.Addresses.Select(a => a.Address));
        using var inside = RouteSocket.Open(network);
        Assert.True(inside.GetLink("lo").Up);
        await _node.Runtime.DelAsync(attachment, _ct);
        Assert.False(inside.GetLink("lo").Up);
    }
}
