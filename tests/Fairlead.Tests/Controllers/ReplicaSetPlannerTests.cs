using FsCheck;
using FsCheck.Fluent;
using Fairlead.ApiServer.Controllers.Workloads;
using Fairlead.Kube.Objects;
using Fairlead.Tests.Fixtures;

namespace Fairlead.Tests.Controllers;

public sealed class ReplicaSetPlannerTests
{
    private static readonly ReplicaSet s_set = Make.ReplicaSet("web", 2);

    [Fact]
    public void Missing_pods_are_made_and_finished_or_terminating_ones_do_not_count()
    {
        var failed = Make.Pod("failed", "n1", owner: s_set);
        failed = failed with { Status = failed.Status with { Phase = "Failed" } };

        var plan = ReplicaSetPlanner.Plan(s_set, [failed, Make.Pod("leaving", "n1", owner: s_set).Terminating()], Make.Start);

        Assert.Equal(2, plan.Create);
        Assert.Empty(plan.Delete);
        Assert.Equal(0, plan.Status.Replicas);
    }

    [Fact]
    public void Pods_whose_loss_costs_least_go_first()
    {
        Pod[] pods =
        [
            Make.Pod("old-ready", "n1", ready: true, owner: s_set, age: 90),
            Make.Pod("young-ready", "n2", ready: true, owner: s_set, age: 10),
            Make.Pod("not-ready", "n3", ready: false, owner: s_set),
            Make.Pod("without-node", owner: s_set),
            Make.Pod("crowded", "n1", ready: true, owner: s_set, age: 80),
        ];

        Assert.Equal(
            ["without-node", "not-ready", "crowded", "old-ready", "young-ready"],
            ReplicaSetPlanner.InOrderOfDeletion(pods).Select(p => p.Metadata.Name));
    }

    [Fact]
    public void Orphans_that_match_are_adopted_and_own_pods_that_do_not_are_released()
    {
        var orphan = Make.Pod("orphan", "n1");
        var stray = Make.Pod("stray", "n1", owner: s_set, app: "other");
        var alien = Make.Pod("alien", "n1", owner: Make.ReplicaSet("other", 1));

        var plan = ReplicaSetPlanner.Plan(s_set, [orphan, stray, alien], Make.Start);

        Assert.Equal([orphan], plan.Adopt);
        Assert.Equal([stray], plan.Release);
        Assert.Equal(1, plan.Create);
    }

    [Fact]
    public void A_ReplicaSet_that_goes_makes_and_takes_nothing()
    {
        var going = s_set with { Metadata = s_set.Metadata with { DeletionTimestamp = Make.Start } };

        var plan = ReplicaSetPlanner.Plan(going, [Make.Pod("orphan", "n1")], Make.Start);

        Assert.Equal(0, plan.Create);
        Assert.Empty(plan.Adopt);
    }

    [Fact]
    public void A_pod_is_available_once_it_has_been_ready_long_enough()
    {
        var set = s_set with { Spec = s_set.Spec with { MinReadySeconds = 30 } };
        Pod[] pods = [Make.Pod("a", "n1", ready: true, owner: set, age: 40), Make.Pod("b", "n1", ready: true, owner: set, age: 10)];

        var plan = ReplicaSetPlanner.Plan(set, pods, Make.Start);

        Assert.Equal((2, 1), (plan.Status.ReadyReplicas, plan.Status.AvailableReplicas));
        Assert.Equal(TimeSpan.FromSeconds(20), plan.Recheck);
    }

    [Fact]
    public void Whatever_there_is_one_turn_gives_the_number_wanted()
        => Prop.ForAll(s_worlds.ToArbitrary(), world =>
        {
            var set = Make.ReplicaSet("web", world.Wanted);
            var pods = world.Pods.Select((p, i) => p.Leaving ? Make.Pod($"p{i}", p.Node, p.Ready, p.Owned ? set : null).Terminating() : Make.Pod($"p{i}", p.Node, p.Ready, p.Owned ? set : null)).ToList();
            var plan = ReplicaSetPlanner.Plan(set, pods, Make.Start);
            var active = pods.Count(PodState.IsActive);
            return active + plan.Create - plan.Delete.Length == world.Wanted
                && (plan.Create == 0 || plan.Delete.IsEmpty)
                && plan.Delete.Distinct().Count() == plan.Delete.Length;
        }).QuickCheckThrowOnFailure();

    private static readonly Gen<World> s_worlds =
        from wanted in Gen.Choose(0, 6)
        from pods in Gen.ArrayOf(
            from node in Gen.Elements("", "n1", "n2")
            from ready in Gen.Elements(true, false)
            from leaving in Gen.Elements(true, false)
            from owned in Gen.Elements(true, false)
            select new PodShape(node, ready && node.Length > 0, leaving, owned))
        select new World(wanted, pods);

    private sealed record PodShape(string Node, bool Ready, bool Leaving, bool Owned);

    private sealed record World(int Wanted, PodShape[] Pods);
}
