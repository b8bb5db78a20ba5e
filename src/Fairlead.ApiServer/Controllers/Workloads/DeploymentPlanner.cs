using System.Collections.Immutable;
using System.Globalization;
using Fairlead.Kube.Objects;
using Fairlead.Kube.Selectors;
using Fairlead.Kube.State;

namespace Fairlead.ApiServer.Controllers.Workloads;

/// <summary>One ReplicaSet as it is and as it is to be.</summary>
internal readonly record struct ReplicaSetChange(ReplicaSet Old, ReplicaSet New);

/// <summary>The next step of a Deployment.</summary>
/// <param name="Create">The ReplicaSet of the newest template, if there is none yet.</param>
/// <param name="Revision">The number of the newest template, for the Deployment's annotation.</param>
/// <param name="Recheck">When the roll-out will have taken too long.</param>
internal sealed record DeploymentPlan(
    ImmutableArray<ReplicaSet> Adopt,
    ReplicaSet? Create,
    ImmutableArray<ReplicaSetChange> Change,
    ImmutableArray<ReplicaSet> Delete,
    string? Revision,
    DeploymentStatus Status,
    TimeSpan? Recheck);

/// <summary>Compares a Deployment with its ReplicaSets.</summary>
internal static class DeploymentPlanner
{
    public const string Revision = "deployment.kubernetes.io/revision";
    public const string HashLabel = "pod-template-hash";

    /// <param name="sets">The Deployment's own ReplicaSets, and those of its namespace that nobody owns.</param>
    /// <param name="pods">The pods of those ReplicaSets; Recreate waits for old ones to be gone.</param>
    public static DeploymentPlan Plan(
        Deployment deployment, IEnumerable<ReplicaSet> sets, IReadOnlyCollection<Pod> pods, DateTimeOffset now)
    {
        var adopt = ImmutableArray.CreateBuilder<ReplicaSet>();
        var mine = new List<ReplicaSet>();
        foreach (var set in sets.OrderBy(s => s.Metadata.CreationTimestamp).ThenBy(s => s.Metadata.Name, StringComparer.Ordinal))
        {
            if (set.Controller is { } owner)
            {
                if (owner.Uid != deployment.Metadata.Uid)
                {
                    continue;
                }
            }
            else if (deployment.IsTerminating || set.IsTerminating
                || !LabelSelectors.Matches(deployment.Spec.Selector, set.Metadata.Labels))
            {
                continue;
            }
            else
            {
                adopt.Add(set);
            }

            mine.Add(set);
        }

        var current = mine.Find(s => SameTemplate(s.Spec.Template, deployment.Spec.Template));
        var old = mine.Where(s => !ReferenceEquals(s, current)).ToList();
        if (deployment.IsTerminating)
        {
            var last = DeploymentProgress.StatusOf(deployment, current, old, created: false, now);
            return new([], null, [], [], null, last, null);
        }

        // The highest revision is always that of the newest template; one that comes back is numbered anew.
        var highest = old.Select(RevisionOf).DefaultIfEmpty(0).Max();
        var revision = current is not null && RevisionOf(current) > highest ? RevisionOf(current) : highest + 1;
        var (create, scalings) = Step(deployment, current, old, pods);
        if (create is not null)
        {
            create = create with { Metadata = create.Metadata with { Annotations = Annotations(deployment, default, revision) } };
        }

        var status = DeploymentProgress.StatusOf(deployment, create ?? current, old, created: create is not null, now);
        return new(
            adopt.ToImmutable(),
            create,
            Changes(deployment, current, mine, scalings, revision),
            create is null && DeploymentProgress.IsComplete(deployment, status) ? Surplus(deployment, old) : [],
            create is null && current is null ? null : revision.ToString(CultureInfo.InvariantCulture),
            status,
            DeploymentProgress.UntilDeadline(deployment, status, now));
    }

    /// <summary>Whether two templates make the same pods.</summary>
    public static bool SameTemplate(PodTemplateSpec one, PodTemplateSpec other) => WithoutHash(one) == WithoutHash(other);

    private static (ReplicaSet? Create, IReadOnlyList<Scaling> Scale) Step(
        Deployment deployment, ReplicaSet? current, List<ReplicaSet> old, IReadOnlyCollection<Pod> pods)
    {
        List<ReplicaSet> all = current is null ? old : [current, .. old];
        if (deployment.Spec.Paused || DeploymentRollout.IsResized(deployment, all))
        {
            return (null, DeploymentRollout.Resize(deployment, current, old));
        }

        if (!DeploymentRollout.IsRolling(deployment))
        {
            var down = old.Where(s => DeploymentRollout.Replicas(s) > 0).Select(s => new Scaling(s, 0)).ToList();
            var oldUids = old.Select(s => s.Metadata.Uid).ToHashSet(StringComparer.Ordinal);
            if (down.Count > 0 || pods.Any(p => p.Controller is { } owner && oldUids.Contains(owner.Uid) && !PodState.IsFinished(p)))
            {
                return (null, down);
            }
        }

        if (current is null)
        {
            return (NewSet(deployment, DeploymentRollout.NewSize(deployment, all, 0)), []);
        }

        var size = DeploymentRollout.NewSize(deployment, all, DeploymentRollout.Replicas(current));
        return size != DeploymentRollout.Replicas(current)
            ? (null, [new(current, size)])
            : (null, DeploymentRollout.ShrinkOld(deployment, current, old));
    }

    private static ReplicaSet NewSet(Deployment deployment, int replicas)
    {
        var hash = PodTemplates.Hash(deployment.Spec.Template, deployment.Status.CollisionCount ?? 0);
        var template = deployment.Spec.Template;
        var labels = template.Metadata.Labels.With(HashLabel, hash);
        var selector = deployment.Spec.Selector ?? new LabelSelector { MatchLabels = template.Metadata.Labels };
        return new()
        {
            Metadata = new()
            {
                Name = $"{deployment.Metadata.Name}-{hash}",
                Namespace = deployment.Metadata.Namespace,
                Labels = labels,
                OwnerReferences = [Owners.Reference(deployment)],
            },
            Spec = new()
            {
                Replicas = replicas,
                MinReadySeconds = deployment.Spec.MinReadySeconds,
                Selector = selector with { MatchLabels = selector.MatchLabels.With(HashLabel, hash) },
                Template = template with { Metadata = template.Metadata with { Labels = labels } },
            },
        };
    }

    private static ImmutableArray<ReplicaSetChange> Changes(
        Deployment deployment, ReplicaSet? current, List<ReplicaSet> mine, IReadOnlyList<Scaling> scalings, long revision)
    {
        var changes = ImmutableArray.CreateBuilder<ReplicaSetChange>();
        foreach (var set in mine)
        {
            var scaling = scalings.Where(s => ReferenceEquals(s.Set, set)).Select(s => (int?)s.Replicas).FirstOrDefault();
            var wanted = set;
            if (ReferenceEquals(set, current))
            {
                wanted = wanted with
                {
                    Metadata = wanted.Metadata with { Annotations = Annotations(deployment, wanted.Metadata.Annotations, revision) },
                    Spec = wanted.Spec with
                    {
                        MinReadySeconds = deployment.Spec.MinReadySeconds,
                        Replicas = scaling ?? wanted.Spec.Replicas,
                    },
                };
            }
            else if (scaling is not null || DeploymentRollout.Replicas(set) > 0)
            {
                wanted = wanted with
                {
                    Metadata = wanted.Metadata with { Annotations = Sizes(deployment, wanted.Metadata.Annotations) },
                    Spec = wanted.Spec with { Replicas = scaling ?? wanted.Spec.Replicas },
                };
            }

            if (wanted != set)
            {
                changes.Add(new(set, wanted));
            }
        }

        return changes.ToImmutable();
    }

    /// <summary>A ReplicaSet's annotations: its own, the Deployment's, its revision, and the size it was made for.</summary>
    private static EquatableMap Annotations(Deployment deployment, EquatableMap own, long revision)
    {
        var inherited = deployment.Metadata.Annotations.Where(
            a => a.Key is not (Revision or DeploymentRollout.DesiredReplicas or DeploymentRollout.MaxReplicas)
            && !a.Key.StartsWith("kubectl.kubernetes.io/last-applied", StringComparison.Ordinal));
        return Sizes(deployment, own.With(EquatableMap.Create(inherited)).With(Revision, revision.ToString(CultureInfo.InvariantCulture)));
    }

    private static EquatableMap Sizes(Deployment deployment, EquatableMap annotations)
    {
        var replicas = DeploymentRollout.Replicas(deployment);
        return annotations
            .With(DeploymentRollout.DesiredReplicas, replicas.ToString(CultureInfo.InvariantCulture))
            .With(
                DeploymentRollout.MaxReplicas, (replicas + DeploymentRollout.MaxSurge(deployment)).ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>Old ReplicaSets without pods, beyond those that are kept to go back to.</summary>
    private static ImmutableArray<ReplicaSet> Surplus(Deployment deployment, List<ReplicaSet> old)
    {
        var empty = old.Where(
            s => DeploymentRollout.Replicas(s) == 0 && s.Status.Replicas == 0 && s.Status.ObservedGeneration >= s.Metadata.Generation
                && !s.IsTerminating)
            .OrderBy(RevisionOf).ToList();
        return [.. empty.Take(Math.Max(0, old.Count - (deployment.Spec.RevisionHistoryLimit ?? 10)))];
    }

    private static long RevisionOf(ReplicaSet set)
        => long.TryParse(set.Metadata.Annotations.Find(Revision), NumberStyles.None, CultureInfo.InvariantCulture, out var revision)
            ? revision
            : 0;

    private static PodTemplateSpec WithoutHash(PodTemplateSpec template)
        => template.Metadata.Labels.ContainsKey(HashLabel)
            ? template with { Metadata = template.Metadata with { Labels = template.Metadata.Labels.Without(HashLabel) } }
            : template;
}
