using System.Text.Json.Serialization;
using Fairlead.Kube.State;

namespace Fairlead.Kube.Objects;

/// <summary>A taint that a pod bears.</summary>
public sealed record Toleration
{
    public string? Key { get; init; }

    public string? Operator { get; init; }

    public string? Value { get; init; }

    public string? Effect { get; init; }

    public long? TolerationSeconds { get; init; }
}

/// <summary>A mark on a node that keeps pods away.</summary>
public sealed record Taint
{
    public string Key { get; init => field = value ?? ""; } = "";

    public string? Value { get; init; }

    public string Effect { get; init => field = value ?? ""; } = "";

    public DateTimeOffset? TimeAdded { get; init; }
}

/// <summary>Where a pod wants to run.</summary>
public sealed record Affinity
{
    public NodeAffinity? NodeAffinity { get; init; }

    [JsonExtensionData]
    public ExtraFields? Extra { get; set; }
}

/// <summary>Which nodes a pod wants.</summary>
public sealed record NodeAffinity
{
    public NodeSelector? RequiredDuringSchedulingIgnoredDuringExecution { get; init; }

    [JsonExtensionData]
    public ExtraFields? Extra { get; set; }
}

/// <summary>Nodes of which one term must match.</summary>
public sealed record NodeSelector
{
    public EquatableArray<NodeSelectorTerm> NodeSelectorTerms { get; init; }
}

/// <summary>Expressions that a node must all meet.</summary>
public sealed record NodeSelectorTerm
{
    public EquatableArray<LabelSelectorRequirement> MatchExpressions { get; init; }

    public EquatableArray<LabelSelectorRequirement> MatchFields { get; init; }
}
