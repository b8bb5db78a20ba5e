using System.Net;
using FsCheck;
using FsCheck.Fluent;
using Fairlead.ApiServer.Controllers.Nodes;
using Fairlead.Kube.Objects;
using Fairlead.Tests.Fixtures;

namespace Fairlead.Tests.Controllers;

public sealed class PodCidrPlannerTests
{
    private static readonly List<(IPNetwork, int)> s_ranges = [(IPNetwork.Parse("10.32.0.0/22"), 24)];

    [Fact]
    public void Each_node_gets_the_lowest_range_that_is_free()
    {
        var plan = PodCidrPlanner.Plan(s_ranges, [Node("a", "10.32.0.0/24"), Node("b"), Node("c", "10.32.2.0/24"), Node("d")]);

        Assert.Equal([("b", "10.32.1.0/24"), ("d", "10.32.3.0/24")], plan.Assign.Select(a => (a.Node.Metadata.Name, a.Cidrs[0])));
    }

    [Fact]
    public void When_nothing_is_left_it_is_said()
    {
        var plan = PodCidrPlanner.Plan(s_ranges, Enumerable.Range(1, 5).Select(i => Node($"n{i}")));

        Assert.Equal(4, plan.Assign.Length);
        Assert.Equal("n5", Assert.Single(plan.Exhausted).Metadata.Name);
    }

    [Fact]
    public void Two_nodes_with_one_range_are_reported()
    {
        var conflict = Assert.Single(PodCidrPlanner.Plan(s_ranges, [Node("a", "10.32.0.0/24"), Node("b", "10.32.0.0/24")]).Conflicts);

        Assert.Equal(("b", "a"), (conflict.Node.Metadata.Name, conflict.Other.Metadata.Name));
    }

    [Fact]
    public void Both_families_are_given_together_or_not_at_all()
    {
        List<(IPNetwork, int)> both = [.. s_ranges, (IPNetwork.Parse("fd00:32::/62"), 64)];

        var plan = PodCidrPlanner.Plan(both, [Node("a"), Node("b", "10.32.1.0/24", "fd00:32:0:1::/64"), Node("c")]);

        Assert.Equal(["10.32.0.0/24,fd00:32::/64", "10.32.2.0/24,fd00:32:0:2::/64"], plan.Assign.Select(a => string.Join(',', a.Cidrs.AsEnumerable())));
    }

    [Fact]
    public void Ranges_of_another_size_are_stepped_over()
    {
        Assert.Equal("10.32.2.0/24", PodCidrPlanner.Plan(s_ranges, [Node("a", "10.32.0.0/23"), Node("b")]).Assign[0].Cidrs[0]);
        Assert.Equal("10.32.1.0/24", PodCidrPlanner.Plan(s_ranges, [Node("a", "10.32.0.64/26"), Node("b")]).Assign[0].Cidrs[0]);
    }

    [Fact]
    public void No_two_nodes_ever_share_an_address()
        => Prop.ForAll(Gen.SubListOf(Enumerable.Range(0, 16)).Two().ToArbitrary(), pair =>
        {
            List<(IPNetwork, int)> ranges = [(IPNetwork.Parse("10.32.0.0/20"), 24)];
            var held = pair.Item1.Select(i => Node($"h{i}", $"10.32.{i}.0/24")).ToList();
            var plan = PodCidrPlanner.Plan(ranges, [.. held, .. pair.Item2.Select(i => Node($"w{i}"))]);
            var all = held.Select(n => n.Spec.PodCIDR).Concat(plan.Assign.Select(a => a.Cidrs[0])).ToList();
            return all.Distinct(StringComparer.Ordinal).Count() == all.Count && all.Count == Math.Min(16, pair.Item1.Count + pair.Item2.Count);
        }).QuickCheckThrowOnFailure();

    private static Node Node(string name, params string[] cidrs)
        => Make.Node(name) with { Spec = new() { PodCIDR = cidrs.FirstOrDefault() ?? "", PodCIDRs = [.. cidrs] } };
}
