using System.Collections.Immutable;
using Fairlead.Tests.Architecture;
using Fairlead.Topology;
using Fairlead.Topology.Kernel;
using Fairlead.Topology.Nat;
using Fairlead.Topology.Plans;
using Fairlead.Topology.Yaml;

namespace Fairlead.Tests.Topology;

/// <summary>From files to states, and from one state to another.</summary>
public sealed class TopologyPlannerTests
{
    private static readonly OwnershipMark s_mark = new("test");

    [Fact]
    public void Compiling_the_same_twice_gives_the_same() => Assert.Equal(Text(Compile("port-forward")), Text(Compile("port-forward")));

    [Fact]
    public void From_nothing_every_host_switch_link_address_route_and_rule_is_a_line()
        => Assert.Equal(
            """
            + host blue
            + host lan
            + switch machine:v-net-0
            + link machine:uplink to lan:eth0
            + link machine:veth-blue-br in v-net-0 to blue:veth-blue
            + machine:uplink 192.168.1.2/24
            + machine:v-net-0 192.168.15.5/24
            ~ machine: net.ipv4.conf.v-net-0.route_localnet 1
            ~ machine: forwarding 0 → 1
            + blue:veth-blue 192.168.15.2/24
            + blue: route default via 192.168.15.5
            + lan:eth0 192.168.1.3/24
            + machine: masquerade from 192.168.15.0/24
            + machine: portForward tcp 80 to 192.168.15.2:80 (net /24)

            """,
            Plan(Compile("port-forward"), Nothing("0")).ToString());

    [Fact]
    public void To_what_is_there_already_there_is_no_step()
    {
        foreach (var example in (string[])["switch", "router", "router-forwarding", "red-and-blue", "bridge", "bridge-host", "gateway", "port-forward"])
        {
            var desired = Compile(example);

            Assert.Equal("", Plan(desired, Made(desired)).ToString());
        }
    }

    [Fact]
    public void To_nothing_everything_goes_by_one_request_a_host()
        => Assert.Equal(
            """
            - links machine:uplink, machine:v-net-0, machine:veth-blue-br
            - machine: masquerade from 192.168.15.0/24
            - host blue
            - host lan

            """,
            Plan([new HostState("machine", null)], Made(Compile("gateway"))).ToString());

    [Fact]
    public void From_any_example_to_any_other_and_back_the_plans_mirror_each_other()
    {
        var (gateway, forward) = (Compile("gateway"), Compile("port-forward"));

        Assert.Equal(
            "~ machine: net.ipv4.conf.v-net-0.route_localnet 0 → 1\n+ machine: portForward tcp 80 to 192.168.15.2:80 (net /24)\n",
            Plan(forward, Made(gateway)).ToString());
        Assert.Equal(
            "~ machine: net.ipv4.conf.v-net-0.route_localnet 1 → 0\n- machine: portForward tcp 80 to 192.168.15.2:80 (net /24)\n",
            Plan(gateway, Made(forward)).ToString());
    }

    [Fact]
    public void Strangers_in_the_way_are_told_all_at_once()
    {
        var desired = Compile("gateway");
        ImmutableArray<HostActual> actual =
        [
            new(new HostState("machine", null), true) { ForeignLinks = HostState.NoSettings.Add("uplink", "a veth that is not Fairlead's"), ForeignTable = true },
            new(new HostState("blue", "blue"), true) { ForeignOwner = "is not Fairlead's" },
        ];

        var conflicts = TopologyPlanner.Conflicts(desired, actual, s_mark);

        Assert.Equal(["machine:uplink", "machine", "blue"], conflicts.Select(c => c.Path));
    }

    [Theory]
    [InlineData("masquerade from 192.168.15.0/24")]
    [InlineData("masquerade from fd00::/64 out eth0")]
    [InlineData("portForward tcp 80 to 192.168.15.2:80 (net /24)")]
    [InlineData("portForward udp 127.0.0.1:5353 to 10.0.0.1:53")]
    [InlineData("portForward tcp [fd00:ffff:ffff:ffff:ffff:ffff:ffff:fff1]:65535 to [fd00:ffff:ffff:ffff:ffff:ffff:ffff:fff2]:65535 (net /64)")]
    public void A_rule_is_read_back_from_its_comment(string comment)
    {
        Assert.Equal(comment, NatRule.Parse(comment)?.ToString());
        Assert.True(comment.Length <= 127, "a comment of nftables holds 127 bytes");
    }

    [Theory]
    [InlineData("")]
    [InlineData("masquerade from nowhere")]
    [InlineData("portForward sctp 80 to 10.0.0.1:80")]
    [InlineData("portForward tcp x to 10.0.0.1:80")]
    [InlineData("127.0.0.0/8 stays on the loopback")]
    public void What_is_no_rule_s_comment_is_none(string comment) => Assert.Null(NatRule.Parse(comment));

    [Fact]
    public void Marks_of_different_topologies_differ()
    {
        Assert.NotEqual(new OwnershipMark("a").Group, new OwnershipMark("b").Group);
        Assert.False(new OwnershipMark("a").IsLabel(new OwnershipMark("a-b").NamespaceLabel("x")));
        Assert.False(new OwnershipMark("a", 1).OwnsNamespace(new OwnershipMark("a", 2).NamespaceAlias("x")));
        Assert.Equal("a-b", OwnershipMark.TopologyOf(new OwnershipMark("a-b").CableLabel("x", "y", "z", "w")));
    }

    private static ImmutableArray<HostState> Compile(string example)
    {
        var topology = TopologyFile.Parse(File.ReadAllText(Path.Combine(SourceTree.Root, "examples/network", $"{example}.yaml")), example);
        var (hosts, diagnostics) = TopologyCompiler.Compile(topology);
        Assert.Empty(diagnostics);
        return hosts;
    }

    private static TopologyPlan Plan(ImmutableArray<HostState> desired, ImmutableArray<HostActual> actual) => TopologyPlanner.Plan(desired, actual, s_mark);

    private static ImmutableArray<HostActual> Nothing(string forwarding)
        => [new(new HostState("machine", null) { Settings = HostState.NoSettings.Add("net/ipv4/ip_forward", forwarding) }, true)];

    /// <summary>As the kernel would have it.</summary>
    private static ImmutableArray<HostActual> Made(ImmutableArray<HostState> hosts) => [.. hosts.Select(h => new HostActual(h, true))];

    private static string Text(ImmutableArray<HostState> hosts) => Plan(hosts, Nothing("0")).ToString();
}
