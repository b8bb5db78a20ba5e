using System.Net;
using Fairlead.Core.Nodes;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;

namespace Fairlead.Tests.Nodes;

/// <summary>Who takes part in the pod network, seen from one node.</summary>
public sealed class NodeTopologyCompilerTests
{
    private static readonly IPNetwork s_cluster = IPNetwork.Parse("10.32.0.0/12");

    [Fact]
    public void Peers_are_the_other_nodes_that_have_a_range_an_address_and_an_overlay_address()
    {
        var topology = Compile("n1", Node("n2", "10.32.2.0/24", "198.19.1.2"), Node("n1", "10.32.1.0/24", "198.19.0.2", published: false));

        Assert.Equal(("n1", "198.19.0.2", "10.32.1.0/24", null),
            (topology.Self!.Name, topology.Self.Addresses.ToString(), string.Join(", ", topology.Self.PodRanges), topology.Self.Published));
        Assert.Equal(new NodePeer("n2", NodeAddresses.Of(IPAddress.Parse("198.19.1.2")), [IPNetwork.Parse("10.32.2.0/24")], VtepAddress.Of("n2")), Assert.Single(topology.Peers));
        Assert.Empty(topology.Diagnostics);
    }

    /// <summary>Reason, another node that cannot take part, and the reason of its diagnostic.</summary>
    public static TheoryData<string, Node, string> Unusable => new()
    {
        { "the cluster gave it no range yet", Node("n2", "", "198.19.1.2"), "NoPodRange" },
        { "its range is no network", Node("n2", "10.32.2.0", "198.19.1.2"), "InvalidPodRange" },
        { "it has no address yet", Node("n2", "10.32.2.0/24", ""), "NoNodeAddress" },
        { "its agent has not started yet", Node("n2", "10.32.2.0/24", "198.19.1.2", published: false), "PeerNotReady" },
        { "it claims this node's range", Node("a", "10.32.1.0/24", "198.19.1.2"), "PodRangeClaimedTwice" },
        { "it claims a range that holds this node's", Node("a", "10.32.0.0/16", "198.19.1.2"), "PodRangeClaimedTwice" },
        { "it claims this node's address", Node("n2", "10.32.2.0/24", "198.19.0.2"), "NodeAddressClaimedTwice" },
        { "its overlay address is none", WithVtep(Node("n2", "10.32.2.0/24", "198.19.1.2"), "nonsense"), "InvalidVtep" },
        { "its overlay address is a multicast one", WithVtep(Node("n2", "10.32.2.0/24", "198.19.1.2"), "01:00:5e:00:00:01"), "InvalidVtep" },
    };

    [Theory, MemberData(nameof(Unusable))]
    public void A_node_that_cannot_take_part_is_left_out_and_named(string because, Node other, string reason)
    {
        var topology = Compile("n1", other, Node("n1", "10.32.1.0/24", "198.19.0.2"), Node("n3", "10.32.3.0/24", "198.19.1.3"));

        // A range that is claimed twice is as much the trouble of the node that keeps it.
        Assert.True(topology.Diagnostics.Any(d => d.Reason == reason && d.Node == (reason == "PodRangeClaimedTwice" ? "n1" : other.Metadata.Name)), because);
        Assert.Equal(["n3"], topology.Peers.Select(p => p.Name));
        Assert.NotNull(topology.Self);
    }

    [Fact]
    public void Of_two_others_with_one_range_every_node_believes_the_same_one()
        => Assert.Equal(["a"], Compile("n1", Node("b", "10.32.2.0/24", "198.19.1.3"), Node("a", "10.32.2.0/24", "198.19.1.2"), Node("n1", "10.32.1.0/24", "198.19.0.2"))
            .Peers.Select(p => p.Name));

    [Fact]
    public void Without_an_object_of_its_own_a_node_has_no_self_and_says_what_to_do()
    {
        var topology = Compile("n1", Node("n2", "10.32.2.0/24", "198.19.1.2"));

        Assert.Null(topology.Self);
        Assert.Equal("NodeNotFound", Assert.Single(topology.Diagnostics).Reason);
    }

    [Fact]
    public void A_node_has_any_number_of_ranges_and_an_address_of_each_family()
    {
        var node = Node("n2", "10.32.2.0/24", "198.19.1.2");
        var topology = Compile("n1", Node("n1", "10.32.1.0/24", "198.19.0.2"), node with
        {
            Spec = node.Spec with { PodCIDRs = ["fd00:2::/64", "10.40.2.0/24", "10.32.2.0/24"] },
            Status = node.Status with { Addresses = [.. node.Status.Addresses, new NodeAddress { Type = "InternalIP", Address = "fd00::2" }, new NodeAddress { Type = "InternalIP", Address = "fd00::3" }] },
        });

        var peer = Assert.Single(topology.Peers);
        Assert.Equal("198.19.1.2, fd00::2", peer.Addresses.ToString());
        Assert.Equal(["10.32.2.0/24", "10.40.2.0/24", "fd00:2::/64"], peer.PodRanges.Select(r => r.ToString()));
    }

    [Fact]
    public void A_node_keeps_those_of_its_ranges_that_nobody_else_claims()
    {
        var node = Node("n2", "10.32.1.0/24", "198.19.1.2");
        var topology = Compile("n1", Node("n1", "10.32.1.0/24", "198.19.0.2"), node with { Spec = node.Spec with { PodCIDRs = ["10.32.1.0/24", "fd00:2::/64"] } });

        Assert.Equal(["fd00:2::/64"], Assert.Single(topology.Peers).PodRanges.Select(r => r.ToString()));
        Assert.Equal("PodRangeClaimedTwice", Assert.Single(topology.Diagnostics).Reason);
    }

    [Fact]
    public void A_heartbeat_changes_nothing()
    {
        var node = Node("n2", "10.32.2.0/24", "198.19.1.2");
        var later = node with { Status = node.Status with { Conditions = [new Condition { Type = "Ready", Status = "True" }] } };

        Assert.Equal(Compile("n1", node), Compile("n1", later));
    }

    [Fact]
    public void The_overlay_address_is_always_the_same_and_never_a_real_devices()
    {
        Assert.Equal(VtepAddress.Of("n1"), VtepAddress.Of("n1"));
        Assert.NotEqual(VtepAddress.Of("n1"), VtepAddress.Of("n2"));
        Assert.Equal(2, VtepAddress.Of("n1").GetAddressBytes()[0] & 3);
        Assert.Equal(VtepAddress.Of("n1"), VtepAddress.TryParse(VtepAddress.Format(VtepAddress.Of("n1"))));
    }

    private static NodeTopology Compile(string self, params Node[] nodes) => NodeTopologyCompiler.Compile(nodes, self, s_cluster);

    private static Node Node(string name, string range, string address, bool published = true)
    {
        var node = new Node
        {
            Metadata = new() { Name = name },
            Spec = new() { PodCIDR = range, PodCIDRs = range.Length == 0 ? [] : [range] },
            Status = new() { Addresses = address.Length == 0 ? [] : [new NodeAddress { Type = "Hostname", Address = name }, new NodeAddress { Type = "InternalIP", Address = address }] },
        };
        return published ? WithVtep(node, VtepAddress.Format(VtepAddress.Of(name))) : node;
    }

    private static Node WithVtep(Node node, string vtep)
        => node with { Metadata = node.Metadata with { Annotations = EquatableMap.Of((VtepAddress.Annotation, vtep)) } };
}
