using System.Diagnostics.Metrics;

namespace Fairlead.Core.Telemetry;

/// <summary>Memory and processor time of this process, under the names that every Prometheus client uses.</summary>
public static class ProcessMetrics
{
    private static readonly Meter s_meter = new("Fairlead.Process");

    /// <summary>Registers the instruments. Calling it again does nothing.</summary>
    public static void Register() => _ = s_instruments;

    private static readonly Instrument[] s_instruments =
    [
        s_meter.CreateObservableGauge("process_resident_memory_bytes", () => Environment.WorkingSet, "By", "Resident memory size in bytes."),
        s_meter.CreateObservableCounter("process_cpu_seconds_total", () => Environment.CpuUsage.TotalTime.TotalSeconds, "s",
            "Total user and system CPU time spent in seconds."),
        s_meter.CreateObservableGauge("dotnet_gc_heap_bytes", () => GC.GetTotalMemory(forceFullCollection: false), "By", "Managed heap in use."),
    ];
}
