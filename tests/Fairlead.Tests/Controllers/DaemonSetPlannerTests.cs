using Fairlead.ApiServer.Controllers.Workloads;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Fairlead.Tests.Fixtures;

namespace Fairlead.Tests.Controllers;

public sealed class DaemonSetPlannerTests
{
    private static readonly DaemonSet s_set = new()
    {
        Metadata = new() { Name = "agent", Namespace = "shop", Uid = "uid-agent", Generation = 3 },
        Spec = new() { Selector = Make.Selector("agent"), Template = Make.Template("agent") },
    };

    private static readonly string s_hash = PodTemplates.Hash(s_set.Spec.Template, 0);

    [Fact]
    public void Each_node_lacks_its_pod_at_first()
    {
        var plan = Plan([], Make.Node("n1"), Make.Node("n2"));

        Assert.Equal(["n1", "n2"], plan.Create.Select(p => p.Spec.NodeName));
        Assert.All(plan.Create, p => Assert.Equal(s_hash, p.Metadata.Labels.Find("controller-revision-hash")));
        Assert.Equal((2, 0, 3), (plan.Status.DesiredNumberScheduled, plan.Status.CurrentNumberScheduled, plan.Status.ObservedGeneration));
    }

    [Fact]
    public void Cordoned_and_unready_nodes_get_theirs_tainted_ones_do_not()
    {
        var cordoned = Make.Node("cordoned") with { Spec = new() { Unschedulable = true, Taints = [new() { Key = "node.kubernetes.io/unschedulable", Effect = "NoSchedule" }] } };
        var tainted = Make.Node("tainted") with { Spec = new() { Taints = [new() { Key = "gpu", Effect = "NoSchedule" }] } };

        Assert.Equal(["cordoned"], Plan([], cordoned, tainted).Create.Select(p => p.Spec.NodeName));
    }

    [Fact]
    public void A_taint_keeps_new_pods_away_and_only_NoExecute_drives_out_those_that_are_there()
    {
        var pod = Pod("a", "n1");

        Assert.Empty(Plan([pod], Tainted("NoSchedule")).Delete);
        Assert.Equal([pod], Plan([pod], Tainted("NoExecute")).Delete);

        static Node Tainted(string effect) => Make.Node("n1") with { Spec = new() { Taints = [new() { Key = "x", Effect = effect }] } };
    }

    [Fact]
    public void A_second_pod_of_a_node_goes_the_older_one_stays()
    {
        var plan = Plan([Pod("young", "n1", age: 1), Pod("old", "n1", age: 9)], Make.Node("n1"));

        Assert.Equal(["young"], plan.Delete.Select(p => p.Metadata.Name));
    }

    [Fact]
    public void A_failed_pod_is_removed_first_and_replaced_when_it_is_gone()
    {
        var failed = Pod("a", "n1");
        failed = failed with { Status = failed.Status with { Phase = "Failed" } };

        var plan = Plan([failed], Make.Node("n1"));

        Assert.Equal([failed], plan.Delete);
        Assert.Empty(plan.Create);
        Assert.Single(Plan([], Make.Node("n1")).Create);
    }

    [Fact]
    public void An_update_replaces_one_serving_pod_at_a_time()
    {
        Node[] nodes = [Make.Node("n1"), Make.Node("n2"), Make.Node("n3")];
        Pod[] pods = [Pod("a", "n1", hash: "old"), Pod("b", "n2", hash: "old"), Pod("c", "n3", hash: "old")];

        Assert.Equal(["a"], Plan(pods, nodes).Delete.Select(p => p.Metadata.Name));
        Assert.Empty(Plan([.. pods[1..]], nodes).Delete);
        Assert.Equal(["b"], Plan([Pod("a2", "n1"), .. pods[1..]], nodes).Delete.Select(p => p.Metadata.Name));
    }

    [Fact]
    public void An_outdated_pod_that_does_not_serve_anyway_goes_at_once()
    {
        Node[] nodes = [Make.Node("n1"), Make.Node("n2")];
        Pod[] pods = [Pod("a", "n1", hash: "old", ready: false), Pod("b", "n2", hash: "old")];

        Assert.Equal(["a"], Plan(pods, nodes).Delete.Select(p => p.Metadata.Name));
    }

    private static DaemonSetPlan Plan(Pod[] pods, params Node[] nodes) => DaemonSetPlanner.Plan(s_set, pods, nodes, Make.Start);

    private static Pod Pod(string name, string node, string? hash = null, bool ready = true, int age = 60)
    {
        var pod = Make.Pod(name, node, ready, s_set, "agent", age);
        return pod with { Metadata = pod.Metadata with { Labels = EquatableMap.Of(("app", "agent"), ("controller-revision-hash", hash ?? s_hash)) } };
    }
}
