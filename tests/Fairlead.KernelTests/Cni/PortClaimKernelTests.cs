using System.Text.Json.Nodes;
using Fairlead.KernelTests.Fixtures;

namespace Fairlead.KernelTests.Cni;

/// <summary>Who has a host port, where a container is in several networks and where one went without DEL.</summary>
public sealed class PortClaimKernelTests : IDisposable
{
    private readonly PluginNode _node = new();

    public void Dispose() => _node.Dispose();

    [Theory]
    [InlineData("", null, "ports")]
    [InlineData("198.51.100.1", null, "address-ports")]
    [InlineData("", "198.51.100.0/24", "conditional-ports")]
    [InlineData("198.51.100.1", "198.51.100.0/24", "conditional-address-ports")]
    public void A_container_claims_its_port_in_each_of_its_networks_and_has_it_until_the_last_claim_goes(string hostAddress, string? from, string map)
    {
        var (container, other) = (_node.NewPod(), _node.NewPod());
        var (first, second, third) = (Portmap("first", hostAddress, from), Portmap("second", hostAddress, from), Portmap("third", hostAddress, from));
        _node.Add(first, container, "eth0", previous: Result("10.1.0.2/24"));
        _node.Add(second, container, "eth1", previous: Result("10.2.0.2/24"));
        _node.Add(third, container, "eth2", previous: Result("10.3.0.2/24"));
        Assert.Equal("10.1.0.2", TargetIn(map));
        _node.Call("CHECK", second, container, "eth1", previous: Result("10.2.0.2/24")).Success();

        _node.Del(second, container, "eth1");
        Assert.Equal("10.1.0.2", TargetIn(map));
        _node.Del(first, container, "eth0");
        Assert.Equal("10.3.0.2", TargetIn(map));
        _node.Call("CHECK", third, container, "eth2", previous: Result("10.3.0.2/24")).Success();
        _node.Call("ADD", first, other, previous: Result("10.1.0.3/24")).Refused(101);

        _node.Del(third, container, "eth2");
        Assert.Equal("", TargetIn(map));
        _node.Add(first, other, previous: Result("10.1.0.3/24"));
        Assert.Equal("10.1.0.3", TargetIn(map));
    }

    [Fact]
    public void GC_of_a_network_leaves_the_port_to_the_next()
    {
        var container = _node.NewPod();
        _node.Add(Portmap("first"), container, "eth0", previous: Result("10.1.0.2/24"));
        _node.Add(Portmap("second"), container, "eth1", previous: Result("10.2.0.2/24"));

        _node.Gc(Portmap("first"));

        Assert.Equal("10.2.0.2", TargetIn("ports"));
    }

    [Fact]
    public void What_leads_to_an_address_that_is_now_another_container_s_is_no_claim()
    {
        var (gone, heir) = (_node.NewPod(), _node.NewPod());
        _node.Add(Portmap("first"), gone, previous: Result("10.1.0.2/24"));

        _node.Add(Portmap("first"), heir, previous: Result("10.1.0.2/24"));

        Assert.Contains($"first/{heir.Id}/eth0", _node.Network.Sh("nft list map ip fairlead-cni-hostports ports"), StringComparison.Ordinal);
    }

    private static JsonObject Portmap(string network, string hostAddress = "", string? from = null)
    {
        var config = new JsonObject
        {
            ["type"] = "portmap",
            ["name"] = network,
            ["capabilities"] = new JsonObject { ["portMappings"] = true },
            ["runtimeConfig"] = new JsonObject
            {
                ["portMappings"] = new JsonArray(new JsonObject { ["hostPort"] = 8080, ["containerPort"] = 80, ["hostIP"] = hostAddress }),
            },
        };
        if (from is not null)
        {
            config["conditionsV4"] = new JsonArray("-s", from);
        }

        return config;
    }

    private static JsonObject Result(string address) => new()
    {
        ["cniVersion"] = "1.1.0",
        ["ips"] = new JsonArray(new JsonObject { ["address"] = address }),
    };

    /// <summary>The address that the one port of a map leads to.</summary>
    private string TargetIn(string map)
        => _node.Network.Sh($"nft list map ip fairlead-cni-hostports {map} | grep -oE ': 10\\.[0-9.]+' | cut -c3-; true").Trim();
}
