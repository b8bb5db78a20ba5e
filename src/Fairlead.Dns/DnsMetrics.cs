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

    public static Gauge<int> HostsEntries { get; } = s_meter.CreateGauge<int>("coredns_hosts_entries", null, "The combined number of entries in hosts and Corefile.");

    public static Counter<long> CacheHits { get; } = s_meter.CreateCounter<long>("coredns_cache_hits_total", null, "The count of cache hits.");

    public static Counter<long> CacheMisses { get; } = s_meter.CreateCounter<long>("coredns_cache_misses_total", null, "The count of cache misses.");

    public static Counter<long> CacheRequests { get; } = s_meter.CreateCounter<long>("coredns_cache_requests_total", null, "The count of cache requests.");

    public static Counter<long> CacheEvictions { get; } = s_meter.CreateCounter<long>("coredns_cache_evictions_total", null, "The count of cache evictions.");

    public static Gauge<int> CacheEntries { get; } = s_meter.CreateGauge<int>("coredns_cache_entries", null, "The number of elements in the cache.");

    public static Histogram<double> UpstreamDuration { get; } = s_meter.CreateHistogram<double>(
        "coredns_proxy_request_duration_seconds", "s", "Histogram of the time each request took.", null, DurationBuckets);

    public static Counter<long> HealthCheckFailures { get; } = s_meter.CreateCounter<long>(
        "coredns_proxy_healthcheck_failures_total", null, "Counter of the number of failed healthchecks.");

    public static Counter<long> HealthCheckBroken { get; } = s_meter.CreateCounter<long>(
        "coredns_forward_healthcheck_broken_total", null, "Counter of the number of complete failures of the healthchecks.");

    public static Counter<long> MaxConcurrentRejects { get; } = s_meter.CreateCounter<long>(
        "coredns_forward_max_concurrent_rejects_total", null, "Counter of the number of queries rejected because the concurrent queries were at maximum.");

    /// <summary>The buckets CoreDNS uses for times: 0.25 ms, doubled fifteen times.</summary>
    public static InstrumentAdvice<double> DurationBuckets => new() { HistogramBucketBoundaries = [.. Enumerable.Range(0, 16).Select(i => 0.00025 * (1 << i))] };

    /// <summary>The buckets CoreDNS uses for sizes of messages.</summary>
    public static InstrumentAdvice<double> SizeBuckets => new()
    {
        HistogramBucketBoundaries = [0, 100, 200, 300, 400, 511, 1023, 2047, 4095, 8291, 16e3, 32e3, 48e3, 64e3],
    };
}
