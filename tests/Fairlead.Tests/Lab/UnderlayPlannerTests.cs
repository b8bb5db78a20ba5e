using System.Net;
using Fairlead.Lab.Nodes;

namespace Fairlead.Tests.Lab;

public sealed class UnderlayPlannerTests
{
    [Fact]
    public void The_first_lab_stands_on_198_19_with_nodes_on_two_subnets()
    {
        var plan = UnderlayPlanner.Plan("default", 3, [])!;

        Assert.Equal(["198.19.0.11", "198.19.0.12", "198.19.1.13"], plan.Nodes.Select(n => n.Address.ToString()));
        Assert.Equal("198.19.2.2", plan.HostAddress.ToString());
        Assert.Equal("198.19.0.0/24", plan.Subnets[0].ToString());
        Assert.Equal("fairlead.default.node3", plan.Nodes[2].Namespace);
    }

    [Fact]
    public void A_taken_block_is_passed_over()
    {
        var plan = UnderlayPlanner.Plan("b", 1, [IPNetwork.Parse("198.19.0.0/22"), IPNetwork.Parse("198.19.5.7/32")])!;

        Assert.Equal("198.19.8.0/22", plan.Block.ToString());
    }

    [Fact]
    public void With_198_19_taken_whole_198_18_is_used()
        => Assert.Equal("198.18.0.0/22", UnderlayPlanner.Plan("b", 1, [IPNetwork.Parse("198.19.0.0/16")])!.Block.ToString());

    [Fact]
    public void With_everything_taken_there_is_no_plan()
        => Assert.Null(UnderlayPlanner.Plan("b", 1, [IPNetwork.Parse("198.18.0.0/15")]));

    [Fact]
    public void A_link_name_fits_the_kernel_whatever_the_lab_is_called()
        => Assert.All(["a", new string('x', 24)], name => Assert.InRange(UnderlayPlanner.At(name, 1, IPNetwork.Parse("198.19.0.0/22")).HostLink.Length, 3, 15));
}
