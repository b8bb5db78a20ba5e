using System.Diagnostics.Metrics;

namespace Fairlead.Dns;

/// <summary>What the server measures beside its queries, under CoreDNS's names.</summary>
internal static class DnsMetrics
{
    /// <summary>The meter whose instruments <c>prometheus</c> prints.</summary>
    public const string MeterName = "Fairlead.Dns";

    private static readonly Meter s_meter = new(MeterName);

    public static Meter Meter => s_meter;

    public static Counter<long> ReloadFailed { get; } = s_meter.CreateCounter<long>("coredns_reload_failed_total", null, "Counter of the number of failed reload attempts.");
}
