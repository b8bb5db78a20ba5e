using System.Net;
using System.Text.Json.Nodes;
using Fairlead.KernelTests.Fixtures;

namespace Fairlead.KernelTests.Cni;

/// <summary>The network of <c>examples/cni/10-fairlead.conflist</c>: one entry that does what a chain does.</summary>
public sealed class ExampleNetworkTests : IDisposable
{
    private readonly CniNode _node = new();
    private readonly CancellationToken _ct = TestContext.Current.CancellationToken;

    public void Dispose() => _node.Dispose();

    [Fact]
    public async Task The_example_gives_addresses_ports_and_rates_as_it_says()
    {
        var example = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(PublishedPlugins.Root(), "examples/cni/10-fairlead.conflist"), _ct))!;
        example["plugins"]![0]!["ipam"]!["dataDir"] = _node.DataFolder; // the machine's own stays untouched
        await File.WriteAllTextAsync(Path.Combine(_node.ConfigFolder, "10-fairlead.conflist"), example.ToJsonString(), _ct);
        var runtime = _node.Runtime;
        var (first, second) = (_node.NewPod("""[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}]"""), _node.NewPod());
        first.Attachment = first.Attachment with
        {
            Capabilities = first.Attachment.Capabilities.Add(
                "bandwidth", JsonNode.Parse("""{"ingressRate":100000000,"ingressBurst":8000000,"egressRate":100000000,"egressBurst":8000000}""")!),
        };

        var one = await runtime.AddAsync(first.Attachment, _ct);
        var two = await runtime.AddAsync(second.Attachment, _ct);

        Assert.Equal(["10.32.0.10/16", "fd00:32::2/64"], one.Addresses.Select(a => a.ToString()));
        Assert.Equal(["10.32.0.11/16", "fd00:32::3/64"], two.Addresses.Select(a => a.ToString()));
        foreach (var address in two.Addresses.Select(a => a.Address))
        {
            using var neighbour = second.Network.Listen(address, 80);
            Assert.Equal(one.Addresses.Single(a => a.Address.AddressFamily == address.AddressFamily).Address, await first.Network.ReachAsync(address, 80, neighbour, _ct));
        }

        using var published = first.Network.Listen(IPAddress.Any, 80);
        Assert.Equal(CniNode.OutsideAddress, await _node.Outside.ReachAsync(CniNode.NodeAddress, 8080, published, _ct));
        Assert.NotNull(await first.Network.ReachAsync(CniNode.NodeAddress, 8080, published, _ct));
        using var outside = _node.Outside.Listen(CniNode.OutsideAddress, 81);
        Assert.Equal(CniNode.NodeAddress, await second.Network.ReachAsync(CniNode.OutsideAddress, 81, outside, _ct));
        Assert.Contains("rate 100Mbit", _node.Network.Sh("tc qdisc show"), StringComparison.Ordinal);
        Assert.Contains("cni0", _node.Network.Sh("nft list set inet fairlead-cni-firewall kept-bridges"), StringComparison.Ordinal);

        // Another's hardware address leaves the container no more.
        second.Network.Sh("ip link set eth0 address 02:00:00:00:00:77");
        Assert.True(second.Network.CannotConnect(one.Addresses[0].Address, 80));

        await runtime.CheckAsync(first.Attachment, _ct);
        await runtime.StatusAsync(_ct);
        await runtime.DelAsync(first.Attachment, _ct);
        await runtime.GcAsync([], _ct);
        Assert.Empty(_node.Reserved());
        Assert.Empty(_node.Cables());
        Assert.DoesNotContain("app-space", _node.Network.Sh("nft list ruleset; ip link"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_excluded_address_is_given_to_nobody()
    {
        var example = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(PublishedPlugins.Root(), "examples/cni/10-fairlead.conflist"), _ct))!;
        var ipam = example["plugins"]![0]!["ipam"]!;
        ipam["dataDir"] = _node.DataFolder;
        ipam["ranges"]![0]![0]!["rangeStart"] = "10.32.0.99";
        await File.WriteAllTextAsync(Path.Combine(_node.ConfigFolder, "10-fairlead.conflist"), example.ToJsonString(), _ct);

        await _node.Runtime.AddAsync(_node.NewPod().Attachment, _ct);
        var second = await _node.Runtime.AddAsync(_node.NewPod().Attachment, _ct);

        Assert.Equal("10.32.0.101/16", second.Addresses[0].ToString());
    }
}
