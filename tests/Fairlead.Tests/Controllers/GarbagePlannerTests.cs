using Fairlead.ApiServer.Controllers.Garbage;
using Fairlead.Kube.Objects;
using Fairlead.Tests.Fixtures;

namespace Fairlead.Tests.Controllers;

public sealed class GarbagePlannerTests
{
    internal static readonly TheoryData<string, OwnerState[], Verdict> s_cases = new()
    {
        { "nobody owns it", [], Verdict.Keep },
        { "its owner is there", [OwnerState.Present], Verdict.Keep },
        { "its owner is gone", [OwnerState.Absent], Verdict.Delete },
        { "one of two owners is there", [OwnerState.Absent, OwnerState.Present], Verdict.Keep },
        { "nobody can say", [OwnerState.Absent, OwnerState.Unknown], Verdict.Keep },
        { "its owner waits for it", [OwnerState.WaitsForDependents], Verdict.DeleteInForeground },
        { "one owner waits, another stays", [OwnerState.WaitsForDependents, OwnerState.Present], Verdict.Keep },
        { "one owner waits, another is gone", [OwnerState.WaitsForDependents, OwnerState.Absent], Verdict.DeleteInForeground },
    };

    [Fact]
    public void An_object_goes_with_the_last_of_its_owners()
        => Assert.All(s_cases, c =>
        {
            var (because, owners, verdict) = c.Data;
            Assert.Equal((because, verdict), (because, GarbagePlanner.Decide(Make.Pod("p"), owners)));
        });

    [Fact]
    public void An_owner_waits_only_for_those_that_block_it()
    {
        var owner = Make.ReplicaSet("web", 1);
        owner = owner with { Metadata = owner.Metadata with { DeletionTimestamp = Make.Start, Finalizers = ["foregroundDeletion", "other"] } };
        var blocking = Make.Pod("p", owner: owner);
        var free = blocking with { Metadata = blocking.Metadata with { OwnerReferences = [Make.Owner(owner) with { BlockOwnerDeletion = false }] } };

        Assert.Null(GarbagePlanner.Finished(owner, [blocking]));
        Assert.Equal("foregroundDeletion", GarbagePlanner.Finished(owner, [free]));
        Assert.Equal(["other"], GarbagePlanner.Without(owner, "foregroundDeletion"));
    }

    [Fact]
    public void The_graph_tells_whose_case_a_change_touches()
    {
        var graph = new OwnerGraph();
        var set = Make.ReplicaSet("web", 1);
        var pod = Make.Pod("p", owner: set);
        var podKey = new GraphKey(KubeResources.Pods, pod.Key);

        Assert.Equal([podKey], graph.Change(KubeResources.Pods, null, pod));
        Assert.Empty(graph.Change(KubeResources.ReplicaSets, null, set));
        Assert.Empty(graph.Change(KubeResources.Pods, pod, pod with { Status = new() { Phase = "Running" } }).Remove(new(KubeResources.ReplicaSets, set.Key)));
        Assert.Equal([podKey], graph.Change(KubeResources.ReplicaSets, set, null));
        Assert.Null(graph.Find(set.Metadata.Uid));
    }
}
