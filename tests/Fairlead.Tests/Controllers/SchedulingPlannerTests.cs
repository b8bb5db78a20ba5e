using Fairlead.ApiServer.Controllers.Scheduling;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Fairlead.Tests.Fixtures;

namespace Fairlead.Tests.Controllers;

public sealed class SchedulingPlannerTests
{
    private static readonly Dictionary<string, string> s_nothing = [];
    private static readonly Node[] s_three = [Make.Node("n1"), Make.Node("n2"), Make.Node("n3")];

    [Fact]
    public void Pods_go_to_the_nodes_in_turns()
    {
        var plan = SchedulingPlanner.Plan(Enumerable.Range(1, 6).Select(i => Make.Pod($"p{i}")), s_three, s_nothing);

        Assert.Equal(["n1", "n2", "n3", "n1", "n2", "n3"], plan.Bind.Select(b => b.Node));
    }

    [Fact]
    public void Pods_of_one_owner_are_spread_even_when_other_nodes_are_emptier()
    {
        var set = Make.ReplicaSet("web", 2);
        Pod[] pods = [Make.Pod("a", "n1", owner: set), Make.Pod("x", "n2"), Make.Pod("y", "n2"), Make.Pod("b", owner: set)];

        Assert.Equal("n2", Assert.Single(SchedulingPlanner.Plan(pods, s_three[..2], s_nothing).Bind).Node);
    }

    [Fact]
    public void A_binding_that_the_store_does_not_show_yet_counts()
    {
        Pod[] pods = [Make.Pod("a"), Make.Pod("b")];

        var plan = SchedulingPlanner.Plan(pods, s_three, new Dictionary<string, string> { ["uid-a"] = "n1" });

        Assert.Equal(("b", "n2"), Assert.Single(plan.Bind) is var only ? (only.Pod.Metadata.Name, only.Node) : default);
    }

    public static TheoryData<string, Node, PodSpec, string?> Fits => new()
    {
        { "any node suits a plain pod", Make.Node("n1"), new(), null },
        { "a cordoned node takes nothing", Make.Node("n1") with { Spec = new() { Unschedulable = true } }, new(), "1 node(s) were unschedulable" },
        { "a taint that is not borne", Tainted("a", "b"), new(), "1 node(s) had untolerated taint {a: b}" },
        { "a taint that is borne by value", Tainted("a", "b"), Tolerating(new() { Key = "a", Value = "b" }), null },
        { "a taint that is borne whatever its value", Tainted("a", "b"), Tolerating(new() { Key = "a", Operator = "Exists" }), null },
        { "a toleration of everything", Tainted("a", "b"), Tolerating(new() { Operator = "Exists" }), null },
        { "a toleration of another effect", Tainted("a", "b"), Tolerating(new() { Key = "a", Value = "b", Effect = "NoExecute" }), "1 node(s) had untolerated taint {a: b}" },
        { "a node that is not ready", Make.Node("n1") with { Status = new() }, new(), "1 node(s) were not ready" },
        { "a selector that does not match", Make.Node("n1", ("disk", "hdd")), new() { NodeSelector = EquatableMap.Of(("disk", "ssd")) }, "1 node(s) didn't match Pod's node affinity/selector" },
        { "a selector that matches", Make.Node("n1", ("disk", "ssd")), new() { NodeSelector = EquatableMap.Of(("disk", "ssd")) }, null },
        { "an affinity that matches", Make.Node("n1", ("cores", "8")), Wanting("cores", "Gt", "4"), null },
        { "an affinity that does not match", Make.Node("n1", ("cores", "2")), Wanting("cores", "Gt", "4"), "1 node(s) didn't match Pod's node affinity/selector" },
        { "a full node", Make.Node("n1") with { Status = Make.Node("n1").Status with { Allocatable = EquatableMap.Of(("pods", "0")) } }, new(), "1 Too many pods" },
    };

    [Theory, MemberData(nameof(Fits))]
    public void A_node_suits_or_says_why_not(string because, Node node, PodSpec spec, string? reason)
    {
        var plan = SchedulingPlanner.Plan([Make.Pod("p") with { Spec = spec }], [node], s_nothing);

        Assert.Equal((because, reason is null ? null : $"0/1 nodes are available: {reason}."), (because, plan.Refuse.Select(r => r.Message).FirstOrDefault()));
        Assert.Equal(reason is null ? 1 : 0, plan.Bind.Length);
    }

    [Fact]
    public void Two_pods_do_not_share_a_host_port()
    {
        var spec = new PodSpec { Containers = [new() { Ports = [new() { Port = 80, HostPort = 8080 }] }] };
        Pod[] pods = [Make.Pod("a", "n1") with { Spec = spec with { NodeName = "n1" } }, Make.Pod("b") with { Spec = spec }, Make.Pod("c") with { Spec = spec }];

        var plan = SchedulingPlanner.Plan(pods, s_three[..2], s_nothing);

        Assert.Equal("n2", Assert.Single(plan.Bind).Node);
        Assert.Equal("0/2 nodes are available: 2 node(s) didn't have free ports for the requested pod ports.", Assert.Single(plan.Refuse).Message);
    }

    [Fact]
    public void Reasons_are_counted_and_sorted()
    {
        var plan = SchedulingPlanner.Plan(
            [Make.Pod("p") with { Spec = new() { NodeSelector = EquatableMap.Of(("disk", "ssd")) } }], [s_three[0], s_three[1], Tainted("a", "b") with { Metadata = Make.Node("n3").Metadata }], s_nothing);

        Assert.Equal(
            "0/3 nodes are available: 1 node(s) had untolerated taint {a: b}, 2 node(s) didn't match Pod's node affinity/selector.",
            Assert.Single(plan.Refuse).Message);
        Assert.Equal("no nodes available to schedule pods", Assert.Single(SchedulingPlanner.Plan([Make.Pod("p")], [], s_nothing).Refuse).Message);
    }

    [Fact]
    public void Pods_of_other_schedulers_and_pods_that_end_are_left_alone()
    {
        Pod[] pods =
        [
            Make.Pod("other") with { Spec = new() { SchedulerName = "mine" } },
            Make.Pod("leaving").Terminating(),
            Make.Pod("gated") with { Spec = KubeJson.Deserialize<PodSpec>("""{"schedulingGates":[{"name":"x"}]}""") },
        ];

        var plan = SchedulingPlanner.Plan(pods, s_three, s_nothing);

        Assert.Empty(plan.Bind);
        Assert.Empty(plan.Refuse);
    }

    private static Node Tainted(string key, string value) => Make.Node("n1") with { Spec = new() { Taints = [new() { Key = key, Value = value, Effect = "NoSchedule" }] } };

    private static PodSpec Tolerating(Toleration toleration) => new() { Tolerations = [toleration] };

    private static PodSpec Wanting(string key, string comparison, string value) => new()
    {
        Affinity = new()
        {
            NodeAffinity = new()
            {
                RequiredDuringSchedulingIgnoredDuringExecution = new() { NodeSelectorTerms = [new() { MatchExpressions = [new() { Key = key, Operator = comparison, Values = [value] }] }] },
            },
        },
    };
}
