using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;
using Fairlead.Ingress.Forwarding;

namespace Fairlead.Ingress.Status;

/// <summary>Counts requests under ingress-nginx's names and labels, so that its dashboards go on working.</summary>
internal sealed class RequestMetrics : IDisposable
{
    private static readonly InstrumentAdvice<double> s_sizes = new() { HistogramBucketBoundaries = [10, 100, 1000, 10_000, 100_000,
        1_000_000, 10_000_000] };
    private static readonly string[] s_statusTexts = [.. Enumerable.Range(0, 600).Select(s => s.ToString(CultureInfo.InvariantCulture))];

    private readonly Meter _meter = new("Fairlead.Ingress.Requests");
    private readonly Counter<long> _requests;
    private readonly Histogram<double> _requestDuration;
    private readonly Histogram<double> _headerDuration;
    private readonly Histogram<double> _connectDuration;
    private readonly Histogram<double> _responseDuration;
    private readonly Histogram<double> _requestSize;
    private readonly Histogram<double> _responseSize;

    public RequestMetrics()
    {
        const string Prefix = "nginx_ingress_controller_";
        _requests = _meter.CreateCounter<long>(Prefix + "requests", null, "The total number of client requests");
        _requestDuration = _meter.CreateHistogram<double>(Prefix + "request_duration_seconds", "s",
            "The request processing time in seconds");
        _connectDuration = _meter.CreateHistogram<double>(Prefix + "connect_duration_seconds", "s",
            "The time spent on establishing a connection with the upstream server");
        _headerDuration = _meter.CreateHistogram<double>(Prefix + "header_duration_seconds", "s",
            "The time spent on receiving first header from the upstream server");
        _responseDuration = _meter.CreateHistogram<double>(Prefix + "response_duration_seconds", "s",
            "The time spent on receiving the response from the upstream server");
        _requestSize = _meter.CreateHistogram(Prefix + "request_size", "By", "The length of the request's body", null, s_sizes);
        _responseSize = _meter.CreateHistogram(Prefix + "response_size", "By", "The length of the response's body", null, s_sizes);
    }

    public void Record(Exchange exchange, TimeSpan duration)
    {
        // ingress-nginx keeps hosts that no Ingress names out of its labels, lest strangers fill its memory.
        var route = exchange.Route;
        var tags = new TagList
        {
            { "host", route?.Host is { Length: > 0 } host ? host : "_" },
            { "ingress", route?.Ingress?.Name ?? "" },
            { "method", Method(exchange.Request.Method) },
            { "namespace", route?.Ingress?.Namespace ?? "" },
            { "path", route?.Path ?? "" },
            { "service", exchange.Upstream?.Service.Name ?? "" },
            { "status", s_statusTexts[Math.Clamp(exchange.LoggedStatus, 0, s_statusTexts.Length - 1)] },
            { "canary", "" },
        };
        _requests.Add(1, tags);
        _requestDuration.Record(duration.TotalSeconds, tags);
        _requestSize.Record(exchange.BodyBytesReceived, tags);
        _responseSize.Record(exchange.BodyBytesSent, tags);
        if (exchange.ConnectTime is { } connect)
        {
            _connectDuration.Record(connect.TotalSeconds, tags);
        }

        if (exchange.HeaderTime is { } header)
        {
            _headerDuration.Record(header.TotalSeconds, tags);
        }

        if (exchange.UpstreamTime is { } response)
        {
            _responseDuration.Record(response.TotalSeconds, tags);
        }
    }

    public void Dispose() => _meter.Dispose();

    /// <summary>Methods of the specifications; a client may invent any number of others.</summary>
    private static string Method(string method)
        => method is "GET" or "HEAD" or "POST" or "PUT" or "DELETE" or "PATCH" or "OPTIONS" or "TRACE" or "CONNECT" ? method : "other";
}
