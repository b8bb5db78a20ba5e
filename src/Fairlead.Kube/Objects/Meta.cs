using System.Text.Json.Serialization;
using Fairlead.Kube.State;

namespace Fairlead.Kube.Objects;

/// <summary>What every object carries: name, identity, version, labels, owners.</summary>
public sealed record ObjectMeta
{
    internal static readonly ObjectMeta Empty = new();

    public string Name { get; init => field = value ?? ""; } = "";

    public string? GenerateName { get; init; }

    public string Namespace { get; init => field = value ?? ""; } = "";

    public string Uid { get; init => field = value ?? ""; } = "";

    public string ResourceVersion { get; init => field = value ?? ""; } = "";

    public long Generation { get; init; }

    public DateTimeOffset? CreationTimestamp { get; init; }

    public DateTimeOffset? DeletionTimestamp { get; init; }

    public long? DeletionGracePeriodSeconds { get; init; }

    public EquatableMap Labels { get; init; }

    public EquatableMap Annotations { get; init; }

    public EquatableArray<OwnerReference> OwnerReferences { get; init; }

    public EquatableArray<string> Finalizers { get; init; }
}

/// <summary>The object that another one belongs to, and with which it goes.</summary>
public sealed record OwnerReference
{
    public string ApiVersion { get; init => field = value ?? ""; } = "";

    public string Kind { get; init => field = value ?? ""; } = "";

    public string Name { get; init => field = value ?? ""; } = "";

    public string Uid { get; init => field = value ?? ""; } = "";

    public bool? Controller { get; init; }

    public bool? BlockOwnerDeletion { get; init; }
}

/// <summary>Version and paging of a list.</summary>
public sealed record ListMeta
{
    internal static readonly ListMeta Empty = new();

    public string ResourceVersion { get; init => field = value ?? ""; } = "";

    public string? Continue { get; init; }

    public long? RemainingItemCount { get; init; }
}

/// <summary>Labels that an object must have: exact ones and expressions, all of them.</summary>
public sealed record LabelSelector
{
    public EquatableMap MatchLabels { get; init; }

    public EquatableArray<LabelSelectorRequirement> MatchExpressions { get; init; }
}

/// <summary>One expression of a <see cref="LabelSelector"/> or a node selector: In, NotIn, Exists, DoesNotExist, Gt, Lt.</summary>
public sealed record LabelSelectorRequirement
{
    public string Key { get; init => field = value ?? ""; } = "";

    public string Operator { get; init => field = value ?? ""; } = "";

    public EquatableArray<string> Values { get; init; }
}

/// <summary>Points at an object, in the same or another namespace.</summary>
public sealed record ObjectReference
{
    internal static readonly ObjectReference Empty = new();

    public string? ApiVersion { get; init; }

    public string? Kind { get; init; }

    public string? Namespace { get; init; }

    public string? Name { get; init; }

    public string? Uid { get; init; }

    public string? ResourceVersion { get; init; }

    public string? FieldPath { get; init; }
}

/// <summary>The name of an object in the same namespace.</summary>
public sealed record LocalObjectReference
{
    public string Name { get; init => field = value ?? ""; } = "";
}

/// <summary>One observed side of an object: its type, whether it holds, since when and why.</summary>
public sealed record Condition
{
    public string Type { get; init => field = value ?? ""; } = "";

    /// <summary><c>True</c>, <c>False</c> or <c>Unknown</c>.</summary>
    public string Status { get; init => field = value ?? ""; } = "";

    public long? ObservedGeneration { get; init; }

    public DateTimeOffset? LastHeartbeatTime { get; init; }

    public DateTimeOffset? LastProbeTime { get; init; }

    public DateTimeOffset? LastUpdateTime { get; init; }

    public DateTimeOffset? LastTransitionTime { get; init; }

    public string? Reason { get; init; }

    public string? Message { get; init; }
}

/// <summary>Any object, of which only the metadata is read: enough for owners and finalizers, and cheap to keep.</summary>
public sealed record PartialObject : IKubeObject
{
    public string ApiVersion { get; init => field = value ?? ""; } = "";

    public string Kind { get; init => field = value ?? ""; } = "";

    public ObjectMeta Metadata { get; init => field = value ?? ObjectMeta.Empty; } = ObjectMeta.Empty;
}

/// <summary>The API server's answer where there is no object: success, or what is wrong.</summary>
public sealed record Status
{
    public string ApiVersion { get; init => field = value ?? "v1"; } = "v1";

    public string Kind { get; init => field = value ?? "Status"; } = "Status";

    public ListMeta Metadata { get; init => field = value ?? ListMeta.Empty; } = ListMeta.Empty;

    /// <summary><c>Success</c> or <c>Failure</c>. (A property cannot be called as its type; in JSON it is <c>status</c>.)</summary>
    [JsonPropertyName("status")]
    public string Outcome { get; init => field = value ?? ""; } = "";

    public string Message { get; init => field = value ?? ""; } = "";

    public string Reason { get; init => field = value ?? ""; } = "";

    public StatusDetails? Details { get; init; }

    public int Code { get; init; }
}

/// <summary>What a <see cref="Status"/> is about, and each cause.</summary>
public sealed record StatusDetails
{
    public string? Name { get; init; }

    public string? Group { get; init; }

    public string? Kind { get; init; }

    public string? Uid { get; init; }

    public EquatableArray<StatusCause> Causes { get; init; }

    public int? RetryAfterSeconds { get; init; }
}

/// <summary>One cause of a failure, naming the field.</summary>
public sealed record StatusCause
{
    public string? Reason { get; init; }

    public string? Message { get; init; }

    public string? Field { get; init; }
}
