using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Fairlead.Kube.Objects;
using Microsoft.AspNetCore.Http;

namespace Fairlead.Proxy.HealthChecks;

/// <summary>Whether the proxy keeps up, answered as kube-proxy answers.</summary>
/// <remarks>
/// <c>/livez</c>: the kernel is as the newest table says, or has been behind for less than twice the longest pause between two
/// tries. <c>/healthz</c>: that, and the node is not about to go; load balancers drain it then (KEP-3836).
/// </remarks>
public sealed class ProxyHealth(TimeProvider time)
{
    /// <summary>kube-proxy's: twice its sync period of 30 s.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    /// <summary>The autoscaler is about to remove a node with this taint.</summary>
    private const string ToBeDeletedTaint = "ToBeDeletedByClusterAutoscaler";

    private readonly Lock _lock = new();
    private DateTimeOffset? _behindSince;
    private DateTimeOffset? _updated;
    private bool _eligible = true;

    /// <summary>Whether all that is known is in the kernel.</summary>
    public bool IsReady
    {
        get
        {
            lock (_lock)
            {
                return _updated is not null;
            }
        }
    }

    /// <summary>Whether it keeps up, whatever becomes of the node.</summary>
    public bool IsHealthy
    {
        get
        {
            lock (_lock)
            {
                return IsAlive(time.GetUtcNow());
            }
        }
    }

    /// <summary>A newer table has come.</summary>
    public void Queued()
    {
        lock (_lock)
        {
            _behindSince ??= time.GetUtcNow();
        }
    }

    /// <summary>The newest table is in the kernel.</summary>
    public void Updated()
    {
        lock (_lock)
        {
            (_behindSince, _updated) = (null, time.GetUtcNow());
        }
    }

    /// <summary>Looks whether the node is about to go.</summary>
    public void Observe(Node? node)
    {
        lock (_lock)
        {
            _eligible = node is null || (node.Metadata.DeletionTimestamp is null && !node.Spec.Taints.Any(t => t.Key == ToBeDeletedTaint));
        }
    }

    public HealthAnswer Healthz() => Answer(needsNode: true);

    public HealthAnswer Livez() => Answer(needsNode: false);

    private HealthAnswer Answer(bool needsNode)
    {
        lock (_lock)
        {
            var now = time.GetUtcNow();
            var alive = IsAlive(now);
            var status = alive && (!needsNode || _eligible) ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;

            // A healthy proxy with nothing to do is up to date now, not when something last happened.
            var updated = alive ? now : _updated ?? default;
            var body = new HealthBody(Text(updated), Text(now), needsNode ? _eligible : null);
            Telemetry.Probe(needsNode, status);
            return HealthAnswer.Json(JsonSerializer.Serialize(body, HealthJson.Default.HealthBody), status);
        }
    }

    private bool IsAlive(DateTimeOffset now) => _updated is not null && (_behindSince is not { } since || now - since < s_patience);

    private static string Text(DateTimeOffset instant) => instant.ToString("yyyy-MM-dd HH:mm:ss.fffffff zzz", CultureInfo.InvariantCulture);
}

/// <summary>What kube-proxy answers, field by field.</summary>
internal sealed record HealthBody(
    [property: JsonPropertyName("lastUpdated")] string LastUpdated,
    [property: JsonPropertyName("currentTime")] string CurrentTime,
    [property: JsonPropertyName("nodeEligible")] bool? NodeEligible);

/// <summary>Serialises without reflection.</summary>
[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(HealthBody))]
[SuppressMessage("Performance", "CA1812", Justification = "generated")]
internal sealed partial class HealthJson : JsonSerializerContext;
