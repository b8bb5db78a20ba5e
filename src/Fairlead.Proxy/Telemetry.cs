using System.Diagnostics.Metrics;

namespace Fairlead.Proxy;

/// <summary>What the proxy measures, under kube-proxy's names, which dashboards and alerts expect.</summary>
internal static class Telemetry
{
    private static readonly Meter s_meter = new("Fairlead.Proxy");

    // kube-proxy's buckets: 1 ms … 16 s by powers of two, and for programming up to five minutes.
    private static readonly InstrumentAdvice<double> s_sync = new() { HistogramBucketBoundaries = [.. Enumerable.Range(0, 15).Select(i => 0.001 * Math.Pow(2, i))] };
    private static readonly InstrumentAdvice<double> s_programming = new()
    {
        HistogramBucketBoundaries = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 120, 180, 240, 300],
    };

    public static readonly Histogram<double> Sync = s_meter.CreateHistogram(
        "kubeproxy_sync_proxy_rules_duration_seconds", "s", "SyncProxyRules latency in seconds", tags: null, s_sync);

    public static readonly Histogram<double> FullSync = s_meter.CreateHistogram(
        "kubeproxy_sync_full_proxy_rules_duration_seconds", "s", "SyncProxyRules latency in seconds for full resyncs", tags: null, s_sync);

    public static readonly Histogram<double> PartialSync = s_meter.CreateHistogram(
        "kubeproxy_sync_partial_proxy_rules_duration_seconds", "s", "SyncProxyRules latency in seconds for partial resyncs", tags: null, s_sync);

    public static readonly Histogram<double> Programming = s_meter.CreateHistogram(
        "kubeproxy_network_programming_duration_seconds", "s", "In Cluster Network Programming Latency in seconds", tags: null, s_programming);

    public static readonly Gauge<double> LastSync = s_meter.CreateGauge<double>(
        "kubeproxy_sync_proxy_rules_last_timestamp_seconds", "s", "The last time proxy rules were successfully synced");

    public static readonly Gauge<double> LastQueued = s_meter.CreateGauge<double>(
        "kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds", "s", "The last time a sync of proxy rules was queued");

    public static readonly Counter<long> ServiceChanges = s_meter.CreateCounter<long>(
        "kubeproxy_sync_proxy_rules_service_changes_total", description: "Cumulative proxy rules Service changes");

    public static readonly Counter<long> SyncFailures = s_meter.CreateCounter<long>(
        "kubeproxy_sync_proxy_rules_nftables_sync_failures_total", description: "Cumulative proxy nftables sync failures");

    public static readonly Counter<long> ConntrackDeleted = s_meter.CreateCounter<long>(
        "kubeproxy_conntrack_reconciler_deleted_entries_total", description: "Cumulative conntrack flows deleted by conntrack reconciler");

    private static readonly Counter<long> s_healthz = s_meter.CreateCounter<long>("kubeproxy_proxy_healthz_total", description: "Cumulative proxy healthz HTTP status");

    private static readonly Counter<long> s_livez = s_meter.CreateCounter<long>("kubeproxy_proxy_livez_total", description: "Cumulative proxy livez HTTP status");

    public static void Probe(bool healthz, int status) => (healthz ? s_healthz : s_livez).Add(1, new KeyValuePair<string, object?>("code", status));
}
