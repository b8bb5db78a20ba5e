using System.Globalization;
using Fairlead.Kube.Objects;

namespace Fairlead.ApiServer.Controllers.Workloads;

/// <summary>One ReplicaSet and the size it is to have.</summary>
internal readonly record struct Scaling(ReplicaSet Set, int Replicas);

/// <summary>The sizes of a Deployment's ReplicaSets on the way from one template to the next.</summary>
/// <remarks>
/// Never more than <c>replicas + maxSurge</c> pods, never fewer than <c>replicas - maxUnavailable</c> available. Each call
/// gives one step; what comes of it brings the next call.
/// </remarks>
internal static class DeploymentRollout
{
    public const string DesiredReplicas = "deployment.kubernetes.io/desired-replicas";
    public const string MaxReplicas = "deployment.kubernetes.io/max-replicas";

    public static int Replicas(Deployment deployment) => deployment.Spec.Replicas ?? 1;

    public static int Replicas(ReplicaSet set) => set.Spec.Replicas ?? 1;

    public static bool IsRolling(Deployment deployment) => deployment.Spec.Strategy?.Type != "Recreate";

    public static int MaxSurge(Deployment deployment)
        => IsRolling(deployment)
            ? (deployment.Spec.Strategy?.RollingUpdate?.MaxSurge ?? "25%").Scale(Replicas(deployment), roundUp: true)
            : 0;

    public static int MaxUnavailable(Deployment deployment)
    {
        if (!IsRolling(deployment) || Replicas(deployment) == 0)
        {
            return 0;
        }

        var unavailable = (deployment.Spec.Strategy?.RollingUpdate?.MaxUnavailable ?? "25%").Scale(Replicas(deployment), roundUp: false);

        // Percentages may round both to nothing, and then no step would be allowed at all.
        return unavailable == 0 && MaxSurge(deployment) == 0 ? 1 : Math.Min(unavailable, Replicas(deployment));
    }

    /// <summary>The size of a new ReplicaSet that has <paramref name="current"/> now.</summary>
    public static int NewSize(Deployment deployment, IEnumerable<ReplicaSet> all, int current)
    {
        var wanted = Replicas(deployment);
        if (current >= wanted || !IsRolling(deployment))
        {
            return wanted;
        }

        var room = wanted + MaxSurge(deployment) - all.Sum(Replicas);
        return room <= 0 ? current : current + Math.Min(room, wanted - current);
    }

    /// <summary>How far the old ReplicaSets may shrink now: pods that do not serve first, then the oldest.</summary>
    public static IReadOnlyList<Scaling> ShrinkOld(Deployment deployment, ReplicaSet current, IReadOnlyList<ReplicaSet> old)
    {
        var minAvailable = Replicas(deployment) - MaxUnavailable(deployment);
        var unavailableNew = Replicas(current) - Available(current);
        var allowed = old.Sum(Replicas) + Replicas(current) - minAvailable - unavailableNew;
        if (allowed <= 0)
        {
            return [];
        }

        var sizes = old.OrderBy(s => s.Metadata.CreationTimestamp).ThenBy(s => s.Metadata.Name, StringComparer.Ordinal)
            .Select(s => (Set: s, Size: Replicas(s))).ToArray();
        foreach (ref var entry in sizes.AsSpan())
        {
            var unhealthy = Math.Min(allowed, Math.Max(0, entry.Size - Available(entry.Set)));
            entry.Size -= unhealthy;
            allowed -= unhealthy;
        }

        var spare = old.Sum(Available) + Available(current) - minAvailable;
        foreach (ref var entry in sizes.AsSpan())
        {
            var less = Math.Max(0, Math.Min(entry.Size, spare));
            entry.Size -= less;
            spare -= less;
        }

        return [.. sizes.Where(e => e.Size != Replicas(e.Set)).Select(e => new Scaling(e.Set, e.Size))];
    }

    /// <summary>Whether the Deployment's size was changed since its ReplicaSets were sized.</summary>
    public static bool IsResized(Deployment deployment, IEnumerable<ReplicaSet> all)
        => all.Any(s => Replicas(s) > 0 && Annotated(s, DesiredReplicas) is { } desired && desired != Replicas(deployment));

    /// <summary>The sizes after the Deployment's own size changed: in the midst of a roll-out each ReplicaSet gets its share.</summary>
    public static IReadOnlyList<Scaling> Resize(Deployment deployment, ReplicaSet? current, IReadOnlyList<ReplicaSet> old)
    {
        var wanted = Replicas(deployment);
        ReplicaSet[] all = current is null ? [.. old] : [current, .. old];
        var active = all.Where(s => Replicas(s) > 0).ToArray();
        var only = active switch
        {
            [] => current ?? old.MaxBy(s => s.Metadata.CreationTimestamp),
            [var one] => one,
            _ => null,
        };
        if (active.Length <= 1)
        {
            return only is not null && Replicas(only) != wanted ? [new(only, wanted)] : [];
        }

        if (current is not null && Replicas(current) == wanted && current.Status.AvailableReplicas == wanted)
        {
            return [.. old.Where(s => Replicas(s) > 0).Select(s => new Scaling(s, 0))];
        }

        return IsRolling(deployment) ? Share(deployment, active) : [];
    }

    // A ReplicaSet that was just made smaller still counts, in its status, the pods that are on their way out.
    private static int Available(ReplicaSet set) => Math.Min(set.Status.AvailableReplicas, Replicas(set));

    private static List<Scaling> Share(Deployment deployment, ReplicaSet[] active)
    {
        var allowed = Replicas(deployment) > 0 ? Replicas(deployment) + MaxSurge(deployment) : 0;
        var total = active.Sum(Replicas);
        var toAdd = allowed - total;

        // The largest gets what rounding leaves; of equals the newest when growing, the oldest when shrinking.
        var ordered = active.OrderByDescending(Replicas);
        ordered = toAdd > 0
            ? ordered.ThenByDescending(s => s.Metadata.CreationTimestamp).ThenBy(s => s.Metadata.Name, StringComparer.Ordinal)
            : ordered.ThenBy(s => s.Metadata.CreationTimestamp).ThenBy(s => s.Metadata.Name, StringComparer.Ordinal);
        var sizes = new List<Scaling>();
        var added = 0;
        foreach (var set in ordered)
        {
            var before = Annotated(set, MaxReplicas) is { } max and > 0 ? max : total;
            var share = (int)Math.Round((double)Replicas(set) * allowed / before, MidpointRounding.AwayFromZero) - Replicas(set);
            share = toAdd > 0 ? Math.Clamp(share, 0, toAdd - added) : Math.Clamp(share, toAdd - added, 0);
            sizes.Add(new(set, Replicas(set) + share));
            added += share;
        }

        if (sizes.Count > 0)
        {
            sizes[0] = sizes[0] with { Replicas = Math.Max(0, sizes[0].Replicas + toAdd - added) };
        }

        return sizes.FindAll(s => s.Replicas != Replicas(s.Set));
    }

    private static int? Annotated(ReplicaSet set, string annotation)
        => int.TryParse(set.Metadata.Annotations.Find(annotation), NumberStyles.None, CultureInfo.InvariantCulture, out var value)
            ? value
            : null;
}
