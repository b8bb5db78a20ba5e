using System.Collections.Immutable;
using Fairlead.Kube.Objects;

namespace Fairlead.ApiServer.Controllers.Garbage;

/// <summary>What the collector knows of an owner.</summary>
internal enum OwnerState
{
    /// <summary>The object with that uid is there.</summary>
    Present,

    /// <summary>It is there, and waits for its dependents to go first.</summary>
    WaitsForDependents,

    /// <summary>It is certain that there is none.</summary>
    Absent,

    /// <summary>Nobody can say: a kind that we do not know.</summary>
    Unknown,
}

/// <summary>What becomes of a dependent.</summary>
internal enum Verdict
{
    Keep,
    Delete,
    DeleteInForeground,
}

/// <summary>Decides by owner references which objects go.</summary>
internal static class GarbagePlanner
{
    public const string Foreground = "foregroundDeletion";
    public const string Orphan = "orphan";

    /// <summary>An object goes when the last of its owners has gone; one owner of whom nothing is known keeps it.</summary>
    public static Verdict Decide(IKubeObject dependent, IReadOnlyList<OwnerState> owners)
    {
        if (owners.Count == 0 || dependent.IsTerminating)
        {
            return Verdict.Keep;
        }

        if (owners.All(o => o == OwnerState.Absent))
        {
            return Verdict.Delete;
        }

        return owners.Any(o => o == OwnerState.WaitsForDependents)
            && owners.All(o => o is OwnerState.WaitsForDependents or OwnerState.Absent)
            ? Verdict.DeleteInForeground
            : Verdict.Keep;
    }

    /// <summary>The finalizer that can come off an owner now, given those who still depend on it.</summary>
    public static string? Finished(IKubeObject owner, IEnumerable<IKubeObject> dependents)
    {
        if (!owner.IsTerminating)
        {
            return null;
        }

        if (owner.Metadata.Finalizers.Contains(Orphan))
        {
            return dependents.Any() ? null : Orphan;
        }

        return owner.Metadata.Finalizers.Contains(Foreground)
            && !dependents.Any(d => d.Metadata.OwnerReferences.Any(r => r.Uid == owner.Metadata.Uid && r.BlockOwnerDeletion == true))
            ? Foreground
            : null;
    }

    /// <summary>The finalizers without the one.</summary>
    public static ImmutableArray<string> Without(IKubeObject owner, string finalizer)
        => [.. owner.Metadata.Finalizers.Where(f => f != finalizer)];
}
