using System.Text.Json.Serialization;
namespace Fairlead.Kube.Objects;

/// <summary>Something that happened to an object, for people.</summary>
public sealed record Event : IKubeObject
{
    public string ApiVersion => "v1";

    public string Kind => "Event";

    public ObjectMeta Metadata { get; init => field = value ?? ObjectMeta.Empty; } = ObjectMeta.Empty;

    public ObjectReference InvolvedObject { get; init => field = value ?? ObjectReference.Empty; } = ObjectReference.Empty;

    public string? Reason { get; init; }

    public string? Message { get; init; }

    public EventSource? Source { get; init; }

    public DateTimeOffset? FirstTimestamp { get; init; }

    public DateTimeOffset? LastTimestamp { get; init; }

    [JsonConverter(typeof(MicroTimeConverter))]
    public DateTimeOffset? EventTime { get; init; }

    public int Count { get; init; }

    /// <summary><c>Normal</c> or <c>Warning</c>.</summary>
    public string Type { get; init => field = value ?? ""; } = "";

    public string? Action { get; init; }

    public ObjectReference? Related { get; init; }

    public string? ReportingComponent { get; init; }

    public string? ReportingInstance { get; init; }
}

/// <summary>Who reports an event.</summary>
public sealed record EventSource
{
    public string? Component { get; init; }

    public string? Host { get; init; }
}

/// <summary>A claim that its holder renews: leader election and node heartbeats.</summary>
public sealed record Lease : IKubeObject
{
    public string ApiVersion => "coordination.k8s.io/v1";

    public string Kind => "Lease";

    public ObjectMeta Metadata { get; init => field = value ?? ObjectMeta.Empty; } = ObjectMeta.Empty;

    public LeaseSpec Spec { get; init => field = value ?? LeaseSpec.Empty; } = LeaseSpec.Empty;
}

/// <summary>Who holds a Lease, and until when.</summary>
public sealed record LeaseSpec
{
    internal static readonly LeaseSpec Empty = new();

    public string? HolderIdentity { get; init; }

    public int? LeaseDurationSeconds { get; init; }

    [JsonConverter(typeof(MicroTimeConverter))]
    public DateTimeOffset? AcquireTime { get; init; }

    [JsonConverter(typeof(MicroTimeConverter))]
    public DateTimeOffset? RenewTime { get; init; }

    public int? LeaseTransitions { get; init; }
}
