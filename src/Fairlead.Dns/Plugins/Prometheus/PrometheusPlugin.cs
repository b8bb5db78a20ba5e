using System.Diagnostics.Metrics;
using Fairlead.Core.Telemetry;
using Fairlead.Dns.Corefile;
using Fairlead.Dns.Http;
using Fairlead.Dns.Server;
using Fairlead.Dns.Wire;

namespace Fairlead.Dns.Plugins.Prometheus;

/// <summary>Counts queries and replies under CoreDNS's names, and serves them at <c>/metrics</c>.</summary>
internal sealed class PrometheusPlugin : IDnsPlugin, IAsyncDisposable
{
    private const string DefaultAddress = "localhost:9153";
    private readonly Lease<MetricsPage> _page;
    private readonly object _zone;
    private readonly TimeProvider _time;

    private PrometheusPlugin(Lease<MetricsPage> page, string zone, TimeProvider time) => (_page, _zone, _time) = (page, zone, time);

    public string Name => "prometheus";

    public static IPlugin Parse(Directive directive, PluginSetup setup)
    {
        setup.Once(directive);
        directive.NoBody();
        var text = directive.AtMost(1).Arguments is [var given] ? given : DefaultAddress;
        if (!HttpRoutes.TryParseAddress(text, out var address))
        {
            throw directive.Error($"'{text}' is not an address to listen on");
        }

        // One page for the process: counters go on counting through reloads, as Prometheus expects of a counter.
        var page = setup.Environment.Shared.Acquire("prometheus", () => new MetricsPage());
        setup.Environment.Http.Add(address, "/metrics", page.Value.Answer);
        return new PrometheusPlugin(page, setup.ZoneLabel, setup.Time);
    }

    public ValueTask HandleAsync(DnsContext context, DnsDelegate next, CancellationToken ct)
    {
        if (context.Depth > 0)
        {
            return next(context, ct);
        }

        var start = _time.GetTimestamp();
        var pending = next(context, ct);
        if (pending.IsCompletedSuccessfully)
        {
            Count(context, start);
            return ValueTask.CompletedTask;
        }

        return LaterAsync(pending, context, start);
    }

    public ValueTask DisposeAsync() => _page.DisposeAsync();

    private async ValueTask LaterAsync(ValueTask pending, DnsContext context, long start)
    {
        await pending;
        Count(context, start);
    }

    private void Count(DnsContext context, long start)
    {
        var seconds = _time.GetElapsedTime(start).TotalSeconds;
        var type = QueryMetrics.Label(context.Type);
        var proto = context.Transport == DnsTransport.Udp ? "udp" : "tcp";
        var family = context.IsIPv6 ? "2" : "1";
        var server = new KeyValuePair<string, object?>("server", context.Server);
        var zone = new KeyValuePair<string, object?>("zone", _zone);
        var view = new KeyValuePair<string, object?>("view", "");
        ReadOnlySpan<KeyValuePair<string, object?>> request = [server, zone, view, new("proto", proto), new("family", family), new("type", type)];
        QueryMetrics.Requests.Add(1, request);
        ReadOnlySpan<KeyValuePair<string, object?>> reply = [server, zone, view, new("rcode", Mnemonic.Of(context.Code)), new("plugin", context.AnsweredBy)];
        QueryMetrics.Responses.Add(1, reply);
        QueryMetrics.Duration.Record(seconds, [server, zone, view]);
        ReadOnlySpan<KeyValuePair<string, object?>> size = [server, zone, view, new("proto", proto)];
        QueryMetrics.RequestSize.Record(context.RequestSize, size);
    }

    /// <summary>What <c>/metrics</c> shows of this process.</summary>
    private sealed class MetricsPage : IAsyncDisposable
    {
        private readonly PrometheusText _text = new(static meter => meter.Name is DnsMetrics.MeterName or "Fairlead.Process");

        public MetricsPage()
        {
            ProcessMetrics.Register();
            QueryMetrics.Build.Record(1, [new("version", "1.14.7"), new("goversion", $".NET {Environment.Version}"), new("revision", "fairlead")]);
        }

        public HttpAnswer Answer() => new(200, _text.Render(), PrometheusText.ContentType);

        public ValueTask DisposeAsync()
        {
            _text.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}

/// <summary>The instruments of <c>prometheus</c>.</summary>
internal static class QueryMetrics
{
    private static readonly Meter s_meter = DnsMetrics.Meter;

    public static Gauge<int> Build { get; } = s_meter.CreateGauge<int>(
        "coredns_build_info", null, "A metric with a constant '1' value labeled by the CoreDNS version whose names and options are understood.");

    public static Counter<long> Requests { get; } = s_meter.CreateCounter<long>(
        "coredns_dns_requests_total", null, "Counter of DNS requests made per zone, protocol and family.");

    public static Counter<long> Responses { get; } = s_meter.CreateCounter<long>("coredns_dns_responses_total", null, "Counter of response status codes.");

    public static Histogram<double> Duration { get; } = s_meter.CreateHistogram<double>(
        "coredns_dns_request_duration_seconds", "s", "Histogram of the time (in seconds) each request took per zone.", null, DnsMetrics.DurationBuckets);

    public static Histogram<double> RequestSize { get; } = s_meter.CreateHistogram<double>(
        "coredns_dns_request_size_bytes", null, "Size of the EDNS0 UDP buffer in bytes (64K for TCP) per zone and protocol.", null, DnsMetrics.SizeBuckets);

    /// <summary>The types CoreDNS counts by name; a client may not make new time series.</summary>
    public static string Label(RecordType type) => type switch
    {
        RecordType.A => "A",
        RecordType.AAAA => "AAAA",
        RecordType.CNAME => "CNAME",
        RecordType.SRV => "SRV",
        RecordType.PTR => "PTR",
        RecordType.TXT => "TXT",
        RecordType.NS => "NS",
        RecordType.MX => "MX",
        RecordType.SOA => "SOA",
        RecordType.HTTPS => "HTTPS",
        RecordType.SVCB => "SVCB",
        RecordType.DS => "DS",
        RecordType.DNSKEY => "DNSKEY",
        RecordType.NSEC => "NSEC",
        RecordType.RRSIG => "RRSIG",
        RecordType.ANY => "ANY",
        RecordType.AXFR => "AXFR",
        RecordType.IXFR => "IXFR",
        _ => "other",
    };
}
