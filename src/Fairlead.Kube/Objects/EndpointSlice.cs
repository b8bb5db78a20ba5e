using System.Text.Json.Serialization;
using Fairlead.Kube.State;

namespace Fairlead.Kube.Objects;

/// <summary>A part of the endpoints of a Service.</summary>
public sealed record EndpointSlice : IKubeObject
{
    public string ApiVersion => "discovery.k8s.io/v1";

    public string Kind => "EndpointSlice";

    public ObjectMeta Metadata { get; init => field = value ?? ObjectMeta.Empty; } = ObjectMeta.Empty;

    /// <summary><c>IPv4</c>, <c>IPv6</c> or <c>FQDN</c>.</summary>
    public string AddressType { get; init => field = value ?? ""; } = "";

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public EquatableArray<Endpoint> Endpoints { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public EquatableArray<EndpointPort> Ports { get; init; }
}

/// <summary>One backend of a Service.</summary>
public sealed record Endpoint
{
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public EquatableArray<string> Addresses { get; init; }

    public EndpointConditions Conditions { get; init => field = value ?? EndpointConditions.Empty; } = EndpointConditions.Empty;

    public string? Hostname { get; init; }

    public ObjectReference? TargetRef { get; init; }

    public string? NodeName { get; init; }

    public string? Zone { get; init; }

    public EndpointHints? Hints { get; init; }
}

/// <summary>Whether a backend is ready, serves, ends; null reads as ready and not terminating.</summary>
public sealed record EndpointConditions
{
    internal static readonly EndpointConditions Empty = new();

    public bool? Ready { get; init; }

    public bool? Serving { get; init; }

    public bool? Terminating { get; init; }
}

/// <summary>Which zones and nodes should use a backend.</summary>
public sealed record EndpointHints
{
    public EquatableArray<NamedHint> ForZones { get; init; }

    public EquatableArray<NamedHint> ForNodes { get; init; }
}

/// <summary>One zone or node of a hint.</summary>
public sealed record NamedHint
{
    public string Name { get; init => field = value ?? ""; } = "";
}

/// <summary>One port of all endpoints of a slice.</summary>
public sealed record EndpointPort
{
    public string? Name { get; init; }

    public string? Protocol { get; init; }

    public int? Port { get; init; }

    public string? AppProtocol { get; init; }
}
