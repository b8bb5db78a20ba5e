using Fairlead.Kube.Objects;

namespace Fairlead.Lab.Pods.Probes;

/// <summary>What one check found, and what a person is told of it.</summary>
internal readonly record struct ProbeResult(bool Success, string Output);

/// <summary>Makes one check of a container: an HTTP request, a connection, a command.</summary>
internal delegate Task<ProbeResult> ProbeCheck(CancellationToken ct);

/// <summary>When a probe is made and how often it must agree with itself, with Kubernetes' defaults filled in.</summary>
internal sealed record ProbeTiming(TimeSpan InitialDelay, TimeSpan Period, TimeSpan Timeout, int SuccessThreshold, int FailureThreshold)
{
    public static ProbeTiming Of(Probe probe) => new(
        TimeSpan.FromSeconds(probe.InitialDelaySeconds ?? 0),
        TimeSpan.FromSeconds(Positive(probe.PeriodSeconds, 10)),
        TimeSpan.FromSeconds(Positive(probe.TimeoutSeconds, 1)),
        Positive(probe.SuccessThreshold, 1),
        Positive(probe.FailureThreshold, 3));

    private static int Positive(int? value, int otherwise) => value is > 0 and var given ? given : otherwise;
}
