using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Fairlead.Core.State;

/// <summary>What the loops measure.</summary>
internal static class Telemetry
{
    public static readonly ActivitySource Source = new("Fairlead.Core");

    private static readonly Meter s_meter = new("Fairlead.Core");

    public static readonly Histogram<double> Duration =
        s_meter.CreateHistogram<double>("fairlead_reconcile_duration_seconds", "s", "Time to make the world match a desired state");

    public static readonly Counter<long> Failures =
        s_meter.CreateCounter<long>("fairlead_reconcile_failures_total", description: "Attempts that failed");
}
