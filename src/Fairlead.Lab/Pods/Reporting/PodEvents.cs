using System.Globalization;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Fairlead.Kube.Client;
using Fairlead.Kube.Objects;
using Microsoft.Extensions.Logging;

namespace Fairlead.Lab.Pods.Reporting;

/// <summary>Tells people what happens to pods, as kubelet's Events do. Never holds up the pod itself.</summary>
internal sealed partial class PodEvents(KubeClient client, string node, TimeProvider time, ILogger logger)
{
    private const int MostWaiting = 1000;
    private const int MostRemembered = 512;

    private readonly Channel<Occurrence> _queue = Channel.CreateBounded<Occurrence>(
        new BoundedChannelOptions(MostWaiting) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    private readonly Dictionary<(string Uid, string? Container, string Reason, string Message), (string Name, int Count)> _known = [];
    private long _number = time.GetUtcNow().UtcTicks;

    public void Normal(Pod pod, string? container, string reason, string message) => Add(pod, container, "Normal", reason, message);

    public void Warning(Pod pod, string? container, string reason, string message) => Add(pod, container, "Warning", reason, message);

    /// <summary>Writes events until cancelled, then what is still waiting, as far as the server takes it.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        await foreach (var occurrence in _queue.Reader.ReadAllAsync(ct))
        {
            try
            {
                await WriteAsync(occurrence, ct);
            }
            catch (Exception e) when (e is KubeException or HttpRequestException or IOException)
            {
                // The namespace may be going, or the server away: an event is not worth a second try.
                LogDropped(occurrence.Reason, e.Message);
            }
        }
    }

    private void Add(Pod pod, string? container, string type, string reason, string message)
        => _queue.Writer.TryWrite(new Occurrence(pod, container, type, reason, message, time.GetUtcNow()));

    private async Task WriteAsync(Occurrence o, CancellationToken ct)
    {
        var key = (o.Pod.Metadata.Uid, o.Container, o.Reason, o.Message);
        if (_known.TryGetValue(key, out var known))
        {
            _known[key] = known with { Count = known.Count + 1 };
            var patch = new JsonObject { ["count"] = known.Count + 1, ["lastTimestamp"] = Stamp(o.At) };
            try
            {
                _ = await client.PatchAsync(KubeResources.Events, o.Pod.Metadata.Namespace, known.Name, patch, null, ct);
                return;
            }
            catch (KubeException e) when (e.IsNotFound)
            {
                // Events are kept for an hour or so; this one starts anew.
            }
        }

        var name = string.Create(CultureInfo.InvariantCulture, $"{o.Pod.Metadata.Name}.{++_number:x16}");
        _ = await client.CreateAsync(KubeResources.Events, Make(o, name), ct);
        if (_known.Count >= MostRemembered)
        {
            _known.Clear();
        }

        _known[key] = (name, 1);
    }

    private Event Make(Occurrence o, string name) => new()
    {
        Metadata = new ObjectMeta { Name = name, Namespace = o.Pod.Metadata.Namespace },
        InvolvedObject = new ObjectReference
        {
            ApiVersion = "v1",
            Kind = "Pod",
            Namespace = o.Pod.Metadata.Namespace,
            Name = o.Pod.Metadata.Name,
            Uid = o.Pod.Metadata.Uid,
            ResourceVersion = o.Pod.Metadata.ResourceVersion,
            FieldPath = o.Container is null ? null
                : o.Pod.Spec.InitContainers.Any(c => c.Name == o.Container) ? $"spec.initContainers{{{o.Container}}}"
                : $"spec.containers{{{o.Container}}}",
        },
        Reason = o.Reason,
        Message = o.Message,
        Type = o.Type,
        Count = 1,
        FirstTimestamp = o.At,
        LastTimestamp = o.At,
        Source = new EventSource { Component = "kubelet", Host = node },
        ReportingComponent = "kubelet",
        ReportingInstance = node,
    };

    private static string Stamp(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    [LoggerMessage(LogLevel.Debug, "Event {Reason} was not written: {Problem}")]
    private partial void LogDropped(string reason, string problem);

    private sealed record Occurrence(Pod Pod, string? Container, string Type, string Reason, string Message, DateTimeOffset At);
}
