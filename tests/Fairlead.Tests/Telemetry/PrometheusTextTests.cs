using System.Diagnostics.Metrics;
using Fairlead.Core.Telemetry;

namespace Fairlead.Tests.Telemetry;

/// <summary>The text that Prometheus scrapes.</summary>
public sealed class PrometheusTextTests : IDisposable
{
    private readonly Meter _meter = new($"Fairlead.Tests.{Guid.NewGuid()}");
    private readonly PrometheusText _text;

    public PrometheusTextTests() => _text = new PrometheusText(meter => ReferenceEquals(meter, _meter));

    public void Dispose()
    {
        _text.Dispose();
        _meter.Dispose();
    }

    [Fact]
    public void A_counter_adds_up_by_labels_in_a_fixed_order()
    {
        var counter = _meter.CreateCounter<long>("proxy_healthz_total", description: "Answers of /healthz");

        counter.Add(1, new KeyValuePair<string, object?>("code", "503"));
        counter.Add(2, new KeyValuePair<string, object?>("code", "200"));
        counter.Add(3, new KeyValuePair<string, object?>("code", "200"));

        Assert.Equal("""
            # HELP proxy_healthz_total Answers of /healthz
            # TYPE proxy_healthz_total counter
            proxy_healthz_total{code="200"} 5
            proxy_healthz_total{code="503"} 1

            """, _text.Render());
    }

    [Fact]
    public void A_histogram_counts_cumulatively_with_the_bounds_of_its_instrument()
    {
        var histogram = _meter.CreateHistogram("sync_seconds", "s", "One sync", tags: null,
            new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.25, 1] });

        histogram.Record(0.25);
        histogram.Record(0.5);
        histogram.Record(4);

        Assert.Equal("""
            # HELP sync_seconds One sync
            # TYPE sync_seconds histogram
            sync_seconds_bucket{le="0.25"} 1
            sync_seconds_bucket{le="1"} 2
            sync_seconds_bucket{le="+Inf"} 3
            sync_seconds_sum 4.75
            sync_seconds_count 3

            """, _text.Render());
    }

    [Fact]
    public void An_observed_gauge_shows_its_last_value_and_forgets_labels_that_are_gone()
    {
        var label = "a";
        _meter.CreateObservableGauge("peers", () => new Measurement<int>(7, new KeyValuePair<string, object?>("subnet", label)));

        _text.Render();
        label = "b";

        Assert.Equal("""
            # HELP peers
            # TYPE peers gauge
            peers{subnet="b"} 7

            """.Replace("peers\n# TYPE", "peers \n# TYPE", StringComparison.Ordinal), _text.Render());
    }

    [Fact]
    public void Label_values_are_escaped()
    {
        _meter.CreateCounter<int>("x_total").Add(1, new KeyValuePair<string, object?>("v", "a\"b\\c\nd"));

        Assert.Contains("""x_total{v="a\"b\\c\nd"} 1""", _text.Render(), StringComparison.Ordinal);
    }
}
