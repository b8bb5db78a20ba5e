namespace Fairlead.Core.State;

/// <summary>Makes one named thing of the world be as desired, and can remove exactly that thing.</summary>
/// <remarks>Throws on failure; the loop logs and tries again. Doing it twice is doing it once.</remarks>
public interface IReconciler<in TDesired>
{
    /// <summary>What it is called in logs, metrics and tables.</summary>
    string Name { get; }

    Task ReconcileAsync(TDesired desired, CancellationToken ct);

    /// <summary>Removes what it owns, and nothing else.</summary>
    Task CleanAsync(CancellationToken ct);
}
