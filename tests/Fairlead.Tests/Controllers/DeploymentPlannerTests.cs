using FsCheck;
using FsCheck.Fluent;
using Fairlead.ApiServer.Controllers.Workloads;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Fairlead.Tests.Fixtures;

namespace Fairlead.Tests.Controllers;

public sealed class DeploymentPlannerTests
{
    [Fact]
    public void A_new_Deployment_gets_a_ReplicaSet_that_carries_its_hash_everywhere()
    {
        var deployment = Make.Deployment("web", 3);

        var create = DeploymentPlanner.Plan(deployment, [], [], Make.Start).Create!;

        var hash = create.Metadata.Labels.Find("pod-template-hash");
        Assert.Equal($"web-{hash}", create.Metadata.Name);
        Assert.Equal(hash, create.Spec.Selector!.MatchLabels.Find("pod-template-hash"));
        Assert.Equal(hash, create.Spec.Template.Metadata.Labels.Find("pod-template-hash"));
        Assert.Equal(3, create.Spec.Replicas);
        Assert.Equal("1", create.Metadata.Annotations.Find("deployment.kubernetes.io/revision"));
        Assert.Equal([Make.Owner(deployment)], create.Metadata.OwnerReferences);
    }

    [Fact]
    public void The_hash_does_not_depend_on_the_order_of_unknown_fields()
    {
        var one = KubeJson.Deserialize<PodTemplateSpec>("""{"spec":{"a":{"x":1,"y":2},"b":3}}""");
        var two = KubeJson.Deserialize<PodTemplateSpec>("""{"spec":{"b":3,"a":{"y":2,"x":1}}}""");

        Assert.Equal(PodTemplates.Hash(one, 0), PodTemplates.Hash(two, 0));
        Assert.NotEqual(PodTemplates.Hash(one, 0), PodTemplates.Hash(one, 1));
        Assert.True(DeploymentPlanner.SameTemplate(one, two));
    }

    [Fact]
    public void A_paused_Deployment_is_scaled_but_not_rolled_out()
    {
        var world = new World(2, "25%", "25%");
        world.Settle();
        world.Deployment = world.Deployment with { Spec = world.Deployment.Spec with { Paused = true, Replicas = 4, Template = Make.Template(image: "v2") } };

        world.Settle();

        Assert.Equal(4, Assert.Single(world.Sets).Spec.Replicas);
        Assert.Contains(world.Deployment.Status.Conditions, c => c is { Type: "Progressing", Reason: "DeploymentPaused" });
    }

    [Fact]
    public void Recreate_waits_until_the_last_old_pod_is_gone()
    {
        var deployment = Make.Deployment("web", 1) with { Spec = Make.Deployment("web", 1, "v2").Spec with { Strategy = new() { Type = "Recreate" } } };
        var old = Make.ReplicaSet("web-old", 0) with { Metadata = Make.ReplicaSet("web-old", 0).Metadata with { OwnerReferences = [Make.Owner(deployment)] } };
        var pod = Make.Pod("last", "n1", owner: old).Terminating();

        Assert.Null(DeploymentPlanner.Plan(deployment, [old], [pod], Make.Start).Create);
        Assert.Equal(1, DeploymentPlanner.Plan(deployment, [old], [], Make.Start).Create!.Spec.Replicas);
    }

    [Fact]
    public void A_rollout_that_does_not_move_times_out_and_says_so()
    {
        var world = new World(1, "25%", "25%") { PodsBecomeReady = false };
        world.Settle();

        world.Now += TimeSpan.FromSeconds(602);
        world.Settle();

        Assert.Contains(world.Deployment.Status.Conditions, c => c is { Type: "Progressing", Status: "False", Reason: "ProgressDeadlineExceeded" });
        Assert.Contains(world.Deployment.Status.Conditions, c => c is { Type: "Available", Status: "False" });
    }

    [Fact]
    public void Old_ReplicaSets_beyond_the_limit_go_oldest_first()
    {
        var world = new World(1, "25%", "25%");
        world.Deployment = world.Deployment with { Spec = world.Deployment.Spec with { RevisionHistoryLimit = 2 } };
        for (var i = 0; i < 5; i++)
        {
            world.Deployment = world.Deployment with { Spec = world.Deployment.Spec with { Template = Make.Template(image: $"v{i}") } };
            world.Settle();
        }

        Assert.Equal(["v2", "v3", "v4"], world.Sets.Select(s => s.Spec.Template.Spec.Containers[0].Image).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_rollout_ends_as_wanted_and_keeps_its_promises_on_the_way()
        => Prop.ForAll(s_scenarios.ToArbitrary(), scenario =>
        {
            var world = new World(scenario.Replicas, $"{scenario.Surge}%", $"{scenario.Unavailable}%") { StartsEvery = scenario.StartsEvery, ReportsEvery = scenario.ReportsEvery };
            world.Settle();
            foreach (var (replicas, image) in scenario.Changes)
            {
                world.LeastReady = replicas == world.Deployment.Spec.Replicas ? replicas - DeploymentRollout.MaxUnavailable(world.Deployment) : 0;
                world.Deployment = world.Deployment with
                {
                    Metadata = world.Deployment.Metadata with { Generation = world.Deployment.Metadata.Generation + 1 },
                    Spec = world.Deployment.Spec with { Replicas = replicas, Template = Make.Template(image: $"v{image}") },
                };
                world.Settle();
                if (world.Broken is not null || world.Deployment.Status is not { } status
                    || status.UpdatedReplicas != replicas || status.Replicas != replicas || status.AvailableReplicas != replicas)
                {
                    return false;
                }
            }

            return true;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(300));

    private static readonly Gen<Scenario> s_scenarios =
        from replicas in Gen.Choose(0, 8)
        from surge in Gen.Choose(0, 100)
        from unavailable in Gen.Choose(0, 100)
        from sizes in Gen.ArrayOf(Gen.Choose(0, 8), 4)
        from images in Gen.ArrayOf(Gen.Choose(0, 2), 4)
        from startsEvery in Gen.Choose(1, 4)
        from reportsEvery in Gen.Choose(1, 5)
        from resizes in Gen.Elements(true, false)
        select new Scenario(replicas, surge, unavailable, startsEvery, reportsEvery, [.. sizes.Select(s => resizes ? s : replicas).Zip(images)]);

    private sealed record Scenario(int Replicas, int Surge, int Unavailable, int StartsEvery, int ReportsEvery, (int Replicas, int Image)[] Changes);

    /// <summary>A Deployment and its ReplicaSets, whose pods are numbers that start slowly and are reported late.</summary>
    private sealed class World
    {
        private readonly Dictionary<string, (int Ready, int Starting)> _pods = [];
        private int _names;

        public World(int replicas, string surge, string unavailable)
            => Deployment = Make.Deployment("web", replicas) with
            {
                Spec = Make.Deployment("web", replicas).Spec with
                {
                    Strategy = new() { Type = "RollingUpdate", RollingUpdate = new() { MaxSurge = surge, MaxUnavailable = unavailable } },
                },
            };

        public Deployment Deployment { get; set; }

        public List<ReplicaSet> Sets { get; } = [];

        public DateTimeOffset Now { get; set; } = Make.Start;

        public bool PodsBecomeReady { get; init; } = true;

        public int StartsEvery { get; init; } = 1;

        public int ReportsEvery { get; init; } = 1;

        /// <summary>How many pods must be ready at every moment.</summary>
        public int LeastReady { get; set; }

        public string? Broken { get; private set; }

        /// <summary>Takes turns until nothing has changed for a while.</summary>
        public void Settle()
        {
            for (var (turn, quiet) = (0, 0); turn < 400; turn++)
            {
                var before = (Deployment, Sets.ToEquatableArray());
                Apply(DeploymentPlanner.Plan(Deployment, Sets, [], Now));
                for (var i = 0; i < Sets.Count; i++)
                {
                    Sets[i] = RunPods(Sets[i], starts: (turn + i) % StartsEvery == 0, reports: (turn + i) % ReportsEvery == 0);
                }

                if (_pods.Values.Sum(p => p.Ready) < LeastReady)
                {
                    Broken = $"{_pods.Values.Sum(p => p.Ready)} pods ready of {LeastReady} promised";
                }

                quiet = (Deployment, Sets.ToEquatableArray()) == before ? quiet + 1 : 0;
                if (quiet == 12)
                {
                    return;
                }
            }

            Broken = "it never settles";
        }

        private void Apply(DeploymentPlan plan)
        {
            var total = Sets.Sum(DeploymentRollout.Replicas);
            foreach (var (old, changed) in plan.Change)
            {
                Sets[Sets.IndexOf(old)] = changed with { Metadata = changed.Metadata with { Generation = changed.Metadata.Generation + 1 } };
            }

            if (plan.Create is { } create)
            {
                Sets.Add(create with { Metadata = create.Metadata with { Uid = $"uid-{++_names}", CreationTimestamp = Now += TimeSpan.FromSeconds(1) } });
            }

            foreach (var set in plan.Delete)
            {
                Sets.Remove(set);
                _pods.Remove(set.Metadata.Uid);
            }

            Deployment = Deployment with { Status = plan.Status };

            // The promise holds for each step that makes more pods; a Deployment made smaller may start out above it.
            var after = Sets.Sum(DeploymentRollout.Replicas);
            if (after > total && after > DeploymentRollout.Replicas(Deployment) + DeploymentRollout.MaxSurge(Deployment))
            {
                Broken = $"{after} pods";
            }
        }

        private ReplicaSet RunPods(ReplicaSet set, bool starts, bool reports)
        {
            var (ready, starting) = _pods.GetValueOrDefault(set.Metadata.Uid);
            starting = Math.Max(0, DeploymentRollout.Replicas(set) - ready);
            ready = Math.Min(ready, DeploymentRollout.Replicas(set));
            if (starts && starting > 0 && PodsBecomeReady)
            {
                (ready, starting) = (ready + 1, starting - 1);
            }

            _pods[set.Metadata.Uid] = (ready, starting);
            return reports
                ? set with
                {
                    Status = set.Status with
                    {
                        Replicas = ready + starting, ReadyReplicas = ready, AvailableReplicas = ready, ObservedGeneration = set.Metadata.Generation,
                    },
                }
                : set;
        }
    }
}
