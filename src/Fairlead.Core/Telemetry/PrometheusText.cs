using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace Fairlead.Core.Telemetry;

/// <summary>Collects what the meters of this process measure and prints it in Prometheus' text format, for <c>/metrics</c>.</summary>
/// <remarks>
/// Instrument names are printed as they are (dots become underscores): whoever must match another program's metric names gives
/// its instrument exactly that name, <c>_total</c> and <c>_seconds</c> included. Recording allocates nothing once a set of
/// labels has been seen, takes no lock, and may happen on any thread. Histogram buckets come from the instrument's
/// <see cref="InstrumentAdvice{T}"/>, or are Prometheus' usual ones.
/// Format: https://prometheus.io/docs/instrumenting/exposition_formats/
/// </remarks>
public sealed class PrometheusText : IDisposable
{
    /// <summary>The content type to answer with.</summary>
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    private readonly MeterListener _listener = new();
    private readonly ConcurrentDictionary<string, Series> _series = new(StringComparer.Ordinal);
    private readonly Lock _render = new();

    /// <summary>Starts to listen; measurements made before are not seen.</summary>
    /// <param name="wanted">Which meters to show; all of Fairlead's when left out.</param>
    public PrometheusText(Func<Meter, bool>? wanted = null)
    {
        wanted ??= static meter => meter.Name.StartsWith("Fairlead", StringComparison.Ordinal);
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (wanted(instrument.Meter))
            {
                var name = instrument.Name.Replace('.', '_').Replace('-', '_');
                listener.EnableMeasurementEvents(instrument, _series.GetOrAdd(name, static (n, i) => new Series(n, i), instrument));
            }
        };
        _listener.SetMeasurementEventCallback<byte>(static (_, value, tags, state) => ((Series)state!).Record(value, tags));
        _listener.SetMeasurementEventCallback<short>(static (_, value, tags, state) => ((Series)state!).Record(value, tags));
        _listener.SetMeasurementEventCallback<int>(static (_, value, tags, state) => ((Series)state!).Record(value, tags));
        _listener.SetMeasurementEventCallback<long>(static (_, value, tags, state) => ((Series)state!).Record(value, tags));
        _listener.SetMeasurementEventCallback<float>(static (_, value, tags, state) => ((Series)state!).Record(value, tags));
        _listener.SetMeasurementEventCallback<double>(static (_, value, tags, state) => ((Series)state!).Record(value, tags));
        _listener.SetMeasurementEventCallback<decimal>(static (_, value, tags, state) => ((Series)state!).Record((double)value, tags));
        _listener.Start();
    }

    /// <summary>Everything measured so far, sorted by name and labels.</summary>
    public string Render()
    {
        lock (_render)
        {
            foreach (var series in _series.Values)
            {
                series.ForgetObserved();
            }
            _listener.RecordObservableInstruments();
            var text = new StringBuilder();
            foreach (var series in _series.Values.OrderBy(s => s.Name, StringComparer.Ordinal))
            {
                series.Write(text);
            }
            return text.ToString();
        }
    }

    public void Dispose() => _listener.Dispose();

    /// <summary>One metric: its cells, one for each set of labels.</summary>
    private sealed class Series(string name, Instrument instrument)
    {
        private static readonly double[] s_usualBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

        private readonly ConcurrentDictionary<Labels, Cell> _cells = new(LabelsComparer.Instance);
        private readonly Shape _shape = ShapeOf(instrument);
        private readonly double[] _bounds = BoundsOf(instrument);

        public string Name => name;

        public void Record(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            var lookup = _cells.GetAlternateLookup<ReadOnlySpan<KeyValuePair<string, object?>>>();
            if (!lookup.TryGetValue(tags, out var cell))
            {
                cell = _cells.GetOrAdd(new Labels([.. tags]), new Cell(_bounds.Length));
            }
            if (_shape == Shape.Histogram)
            {
                cell.Observe(value, _bounds);
            }
            else if (_shape == Shape.Sum && !instrument.IsObservable)
            {
                cell.Add(value);
            }
            else
            {
                cell.Set(value);
            }
        }

        /// <summary>Forgets label sets that an observable instrument may no longer report.</summary>
        public void ForgetObserved()
        {
            if (instrument.IsObservable)
            {
                _cells.Clear();
            }
        }

        public void Write(StringBuilder text)
        {
            text.Append("# HELP ").Append(name).Append(' ').Append(Escape(instrument.Description ?? "", quote: false)).Append('\n');
            var type = _shape switch { Shape.Histogram => "histogram", Shape.Sum when IsMonotonic(instrument) => "counter", _ => "gauge" };
            text.Append("# TYPE ").Append(name).Append(' ').Append(type).Append('\n');
            foreach (var (labels, cell) in _cells.Select(c => (Text: c.Key.ToString(), c.Value)).OrderBy(c => c.Text, StringComparer.Ordinal))
            {
                if (_shape == Shape.Histogram)
                {
                    WriteHistogram(text, labels, cell);
                }
                else
                {
                    Line(text, "", labels, Number(cell.Value));
                }
            }
        }

        private void WriteHistogram(StringBuilder text, string labels, Cell cell)
        {
            var separator = labels.Length == 0 ? "" : ",";
            long below = 0;
            for (var i = 0; i < _bounds.Length; i++)
            {
                below += cell.Bucket(i);
                Line(text, "_bucket", $"{labels}{separator}le=\"{Number(_bounds[i])}\"", Number(below));
            }
            below += cell.Bucket(_bounds.Length);
            Line(text, "_bucket", $"{labels}{separator}le=\"+Inf\"", Number(below));
            Line(text, "_sum", labels, Number(cell.Value));
            Line(text, "_count", labels, Number(below));
        }

        private void Line(StringBuilder text, string suffix, string labels, string value)
        {
            text.Append(name).Append(suffix);
            if (labels.Length > 0)
            {
                text.Append('{').Append(labels).Append('}');
            }
            text.Append(' ').Append(value).Append('\n');
        }

        private static Shape ShapeOf(Instrument instrument)
        {
            var type = instrument.GetType();
            var open = type.IsGenericType ? type.GetGenericTypeDefinition() : type;
            return open == typeof(Histogram<>) ? Shape.Histogram
                : open == typeof(Gauge<>) || open == typeof(ObservableGauge<>) ? Shape.Last
                : Shape.Sum;
        }

        private static bool IsMonotonic(Instrument instrument)
        {
            var open = instrument.GetType().IsGenericType ? instrument.GetType().GetGenericTypeDefinition() : null;
            return open == typeof(Counter<>) || open == typeof(ObservableCounter<>);
        }

        private static double[] BoundsOf(Instrument instrument) => instrument switch
        {
            Histogram<double> h => [.. h.Advice?.HistogramBucketBoundaries ?? s_usualBuckets],
            Histogram<long> h => [.. h.Advice?.HistogramBucketBoundaries?.Select(b => (double)b) ?? s_usualBuckets],
            Histogram<int> h => [.. h.Advice?.HistogramBucketBoundaries?.Select(b => (double)b) ?? s_usualBuckets],
            _ => ShapeOf(instrument) == Shape.Histogram ? s_usualBuckets : [],
        };
    }

    /// <summary>How measurements of one instrument add up.</summary>
    private enum Shape
    {
        Sum,
        Last,
        Histogram,
    }

    /// <summary>The running value of one set of labels.</summary>
    private sealed class Cell(int bounds)
    {
        private readonly long[] _buckets = bounds == 0 ? [] : new long[bounds + 1];
        private double _value;

        public double Value => Volatile.Read(ref _value);

        public long Bucket(int index) => Volatile.Read(ref _buckets[index]);

        public void Set(double value) => Volatile.Write(ref _value, value);

        public void Add(double value)
        {
            var seen = Volatile.Read(ref _value);
            while (true)
            {
                var before = Interlocked.CompareExchange(ref _value, seen + value, seen);
                if (before.Equals(seen))
                {
                    return;
                }
                seen = before;
            }
        }

        public void Observe(double value, double[] upper)
        {
            var index = Array.BinarySearch(upper, value);
            Interlocked.Increment(ref _buckets[index < 0 ? ~index : index]);
            Add(value);
        }
    }

    /// <summary>One set of labels, as the instrument's caller gave it.</summary>
    private sealed class Labels(KeyValuePair<string, object?>[] tags)
    {
        public ReadOnlySpan<KeyValuePair<string, object?>> Tags => tags;

        public override string ToString() => string.Join(',', tags
            .Select(t => $"{t.Key.Replace('.', '_')}=\"{Escape(Convert.ToString(t.Value, CultureInfo.InvariantCulture) ?? "", quote: true)}\"")
            .Order(StringComparer.Ordinal));
    }

    /// <summary>Finds a cell by the caller's span of tags, so that recording allocates nothing.</summary>
    private sealed class LabelsComparer : IEqualityComparer<Labels>,
        IAlternateEqualityComparer<ReadOnlySpan<KeyValuePair<string, object?>>, Labels>
    {
        public static readonly LabelsComparer Instance = new();

        public bool Equals(Labels? x, Labels? y) => ReferenceEquals(x, y) || (x is not null && y is not null && Equals(x.Tags, y));

        public int GetHashCode(Labels obj) => GetHashCode(obj.Tags);

        public bool Equals(ReadOnlySpan<KeyValuePair<string, object?>> alternate, Labels other)
        {
            if (alternate.Length != other.Tags.Length)
            {
                return false;
            }
            for (var i = 0; i < alternate.Length; i++)
            {
                if (!string.Equals(alternate[i].Key, other.Tags[i].Key, StringComparison.Ordinal) || !Equals(alternate[i].Value, other.Tags[i].Value))
                {
                    return false;
                }
            }
            return true;
        }

        public int GetHashCode(ReadOnlySpan<KeyValuePair<string, object?>> alternate)
        {
            var hash = new HashCode();
            foreach (var (key, value) in alternate)
            {
                hash.Add(key, StringComparer.Ordinal);
                hash.Add(value);
            }
            return hash.ToHashCode();
        }

        public Labels Create(ReadOnlySpan<KeyValuePair<string, object?>> alternate) => new([.. alternate]);
    }

    private static string Number(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Escape(string text, bool quote)
    {
        var escaped = text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
        return quote ? escaped.Replace("\"", "\\\"", StringComparison.Ordinal) : escaped;
    }
}
