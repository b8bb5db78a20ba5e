using System.Globalization;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Fairlead.Kube.Client;
using Fairlead.Kube.Objects;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fairlead.Kube.Events;

/// <summary>Reports what happens to objects, as <c>kubectl describe</c> shows it. The same again raises a count.</summary>
/// <remarks>
/// Recording never waits and never fails: events are for people, and no work may hang on them. When the server is slow,
/// events beyond the queue are dropped.
/// </remarks>
public sealed partial class EventRecorder(
    KubeClient client, string component, string? host = null, TimeProvider? time = null, ILogger? logger = null)
{
    private const int QueueLength = 1024;
    private const int Remembered = 2048;

    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private readonly ILogger _logger = logger ?? NullLogger.Instance;
    private readonly Dictionary<EventIdentity, Known> _known = [];
    private readonly Queue<EventIdentity> _order = new();
    private readonly Channel<Report> _queue = Channel.CreateBounded<Report>(
        new BoundedChannelOptions(QueueLength) { SingleReader = true, FullMode = BoundedChannelFullMode.DropWrite });

    private long _sequence;

    public void Normal(IKubeObject about, string reason, string message) => Record(about, "Normal", reason, message);

    public void Warning(IKubeObject about, string reason, string message) => Record(about, "Warning", reason, message);

    public void Record(IKubeObject about, string type, string reason, string message)
        => Record(
            new ObjectReference
            {
                ApiVersion = about.ApiVersion,
                Kind = about.Kind,
                Namespace = about.Metadata.Namespace.Length > 0 ? about.Metadata.Namespace : null,
                Name = about.Metadata.Name,
                Uid = about.Metadata.Uid.Length > 0 ? about.Metadata.Uid : null,
                ResourceVersion = about.Metadata.ResourceVersion.Length > 0 ? about.Metadata.ResourceVersion : null,
            },
            type, reason, message);

    public void Record(ObjectReference about, string type, string reason, string message)
    {
        var identity = new EventIdentity(
            about.Kind ?? "", about.Namespace ?? "", about.Name ?? "", about.Uid ?? "", about.FieldPath ?? "", type, reason, message);
        _queue.Writer.TryWrite(new(about, identity, _time.GetUtcNow()));
    }

    /// <summary>Sends what is recorded, until cancelled.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        await foreach (var report in _queue.Reader.ReadAllAsync(ct))
        {
            try
            {
                await SendAsync(report, ct);
            }
            catch (Exception e) when (e is KubeException or HttpRequestException or IOException)
            {
                // A namespace that ends takes no more events; a server that is away gets none.
                LogLost(report.Identity.Reason, report.Identity.Name, e.Message);
            }
        }
    }

    private async Task SendAsync(Report report, CancellationToken ct)
    {
        var ns = report.Identity.Namespace.Length > 0 ? report.Identity.Namespace : "default";
        if (_known.TryGetValue(report.Identity, out var known))
        {
            known.Count++;
            var patch = new JsonObject { ["count"] = known.Count, ["lastTimestamp"] = Text(report.At) };
            try
            {
                await client.PatchAsync(KubeResources.Events, ns, known.Name, patch, ct: ct);
                return;
            }
            catch (KubeException e) when (e.IsNotFound)
            {
                _known.Remove(report.Identity);      // it has expired: a new one begins
            }
        }

        // As Kubernetes names them: the object, and something that no other event of it has.
        var unique = unchecked((ulong)report.At.UtcTicks << 8) + (ulong)(Interlocked.Increment(ref _sequence) & 0xff);
        var name = $"{report.Identity.Name}.{unique.ToString("x16", CultureInfo.InvariantCulture)}";
        await client.CreateAsync(
            KubeResources.Events,
            new Event
            {
                Metadata = new() { Name = name, Namespace = ns },
                InvolvedObject = report.About,
                Type = report.Identity.Type,
                Reason = report.Identity.Reason,
                Message = report.Identity.Message,
                Source = new() { Component = component, Host = host },
                ReportingComponent = component,
                ReportingInstance = host,
                FirstTimestamp = report.At,
                LastTimestamp = report.At,
                Count = 1,
            },
            ct);
        Remember(report.Identity, name);
    }

    private void Remember(EventIdentity identity, string name)
    {
        _known[identity] = new Known(name);
        _order.Enqueue(identity);
        if (_order.Count > Remembered)
        {
            _known.Remove(_order.Dequeue());
        }
    }

    private static string Text(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    [LoggerMessage(LogLevel.Debug, "Event {Reason} of {Name} was not taken: {Problem}")]
    private partial void LogLost(string reason, string name, string problem);

    private sealed record Report(ObjectReference About, EventIdentity Identity, DateTimeOffset At);

    private readonly record struct EventIdentity(
        string Kind, string Namespace, string Name, string Uid, string FieldPath, string Type, string Reason, string Message);

    private sealed class Known(string name)
    {
        public string Name { get; } = name;

        public int Count { get; set; } = 1;
    }
}
