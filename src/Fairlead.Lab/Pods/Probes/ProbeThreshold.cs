namespace Fairlead.Lab.Pods.Probes;

/// <summary>What a probe is asked for: is it up, may it get traffic, must it be restarted.</summary>
internal enum ProbePurpose
{
    Startup,
    Liveness,
    Readiness,
}

/// <summary>The verdict of a probe over the checks so far: a value, changed by <see cref="After"/> only.</summary>
/// <remarks>Kubelet's worker: a result counts once it has come as often in a row as its threshold says.</remarks>
internal readonly record struct ProbeThreshold(bool? Passing, bool LastResult, int Run)
{
    /// <summary>Where a probe starts: liveness is taken for granted, readiness is not, startup is not known.</summary>
    public static ProbeThreshold Initial(ProbePurpose purpose)
        => new(purpose switch { ProbePurpose.Liveness => true, ProbePurpose.Readiness => false, _ => null }, false, 0);

    public ProbeThreshold After(bool success, int successThreshold, int failureThreshold)
    {
        var run = Run > 0 && LastResult == success ? Run + 1 : 1;
        var needed = Math.Max(1, success ? successThreshold : failureThreshold);
        return new ProbeThreshold(run >= needed ? success : Passing, success, run);
    }
}
