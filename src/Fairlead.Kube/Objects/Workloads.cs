using System.Text.Json.Serialization;
using Fairlead.Kube.State;

namespace Fairlead.Kube.Objects;

/// <summary>Pods of one template, changed step by step.</summary>
public sealed record Deployment : IKubeObject
{
    public string ApiVersion => "apps/v1";

    public string Kind => "Deployment";

    public ObjectMeta Metadata { get; init => field = value ?? ObjectMeta.Empty; } = ObjectMeta.Empty;

    public DeploymentSpec Spec { get; init => field = value ?? DeploymentSpec.Empty; } = DeploymentSpec.Empty;

    public DeploymentStatus Status { get; init => field = value ?? DeploymentStatus.Empty; } = DeploymentStatus.Empty;
}

/// <summary>What a Deployment wants.</summary>
public sealed record DeploymentSpec
{
    internal static readonly DeploymentSpec Empty = new();

    /// <summary>1 when null.</summary>
    public int? Replicas { get; init; }

    public LabelSelector? Selector { get; init; }

    public PodTemplateSpec Template { get; init => field = value ?? PodTemplateSpec.Empty; } = PodTemplateSpec.Empty;

    public DeploymentStrategy? Strategy { get; init; }

    public int MinReadySeconds { get; init; }

    /// <summary>10 when null.</summary>
    public int? RevisionHistoryLimit { get; init; }

    public bool Paused { get; init; }

    /// <summary>600 when null.</summary>
    public int? ProgressDeadlineSeconds { get; init; }
}

/// <summary>How a Deployment changes over: RollingUpdate (also when null) or Recreate.</summary>
public sealed record DeploymentStrategy
{
    public string? Type { get; init; }

    public RollingUpdateDeployment? RollingUpdate { get; init; }
}

/// <summary>How many pods more and fewer there may be meanwhile; 25% each when null.</summary>
public sealed record RollingUpdateDeployment
{
    public IntOrString? MaxUnavailable { get; init; }

    public IntOrString? MaxSurge { get; init; }
}

/// <summary>How a Deployment is.</summary>
public sealed record DeploymentStatus
{
    internal static readonly DeploymentStatus Empty = new();

    public long ObservedGeneration { get; init; }

    public int Replicas { get; init; }

    public int UpdatedReplicas { get; init; }

    public int ReadyReplicas { get; init; }

    public int AvailableReplicas { get; init; }

    public int UnavailableReplicas { get; init; }

    public int? CollisionCount { get; init; }

    public EquatableArray<Condition> Conditions { get; init; }

    public int? TerminatingReplicas { get; init; }
}

/// <summary>A number of equal pods.</summary>
public sealed record ReplicaSet : IKubeObject
{
    public string ApiVersion => "apps/v1";

    public string Kind => "ReplicaSet";

    public ObjectMeta Metadata { get; init => field = value ?? ObjectMeta.Empty; } = ObjectMeta.Empty;

    public ReplicaSetSpec Spec { get; init => field = value ?? ReplicaSetSpec.Empty; } = ReplicaSetSpec.Empty;

    public ReplicaSetStatus Status { get; init => field = value ?? ReplicaSetStatus.Empty; } = ReplicaSetStatus.Empty;
}

/// <summary>What a ReplicaSet wants.</summary>
public sealed record ReplicaSetSpec
{
    internal static readonly ReplicaSetSpec Empty = new();

    /// <summary>1 when null.</summary>
    public int? Replicas { get; init; }

    public int MinReadySeconds { get; init; }

    public LabelSelector? Selector { get; init; }

    public PodTemplateSpec Template { get; init => field = value ?? PodTemplateSpec.Empty; } = PodTemplateSpec.Empty;
}

/// <summary>How a ReplicaSet is.</summary>
public sealed record ReplicaSetStatus
{
    internal static readonly ReplicaSetStatus Empty = new();

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public int Replicas { get; init; }

    public int FullyLabeledReplicas { get; init; }

    public int ReadyReplicas { get; init; }

    public int AvailableReplicas { get; init; }

    public long ObservedGeneration { get; init; }

    public EquatableArray<Condition> Conditions { get; init; }

    public int? TerminatingReplicas { get; init; }
}

/// <summary>One pod on every node that matches.</summary>
public sealed record DaemonSet : IKubeObject
{
    public string ApiVersion => "apps/v1";

    public string Kind => "DaemonSet";

    public ObjectMeta Metadata { get; init => field = value ?? ObjectMeta.Empty; } = ObjectMeta.Empty;

    public DaemonSetSpec Spec { get; init => field = value ?? DaemonSetSpec.Empty; } = DaemonSetSpec.Empty;

    public DaemonSetStatus Status { get; init => field = value ?? DaemonSetStatus.Empty; } = DaemonSetStatus.Empty;
}

/// <summary>What a DaemonSet wants.</summary>
public sealed record DaemonSetSpec
{
    internal static readonly DaemonSetSpec Empty = new();

    public LabelSelector? Selector { get; init; }

    public PodTemplateSpec Template { get; init => field = value ?? PodTemplateSpec.Empty; } = PodTemplateSpec.Empty;

    public DaemonSetUpdateStrategy? UpdateStrategy { get; init; }

    public int MinReadySeconds { get; init; }

    public int? RevisionHistoryLimit { get; init; }
}

/// <summary>How a DaemonSet changes over: RollingUpdate (also when null) or OnDelete.</summary>
public sealed record DaemonSetUpdateStrategy
{
    public string? Type { get; init; }

    public RollingUpdateDaemonSet? RollingUpdate { get; init; }
}

/// <summary>How many nodes may be without, or with two; 1 and 0 when null.</summary>
public sealed record RollingUpdateDaemonSet
{
    public IntOrString? MaxUnavailable { get; init; }

    public IntOrString? MaxSurge { get; init; }
}

/// <summary>How a DaemonSet is.</summary>
public sealed record DaemonSetStatus
{
    internal static readonly DaemonSetStatus Empty = new();

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public int CurrentNumberScheduled { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public int NumberMisscheduled { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public int DesiredNumberScheduled { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public int NumberReady { get; init; }

    public long ObservedGeneration { get; init; }

    public int UpdatedNumberScheduled { get; init; }

    public int NumberAvailable { get; init; }

    public int NumberUnavailable { get; init; }

    public int? CollisionCount { get; init; }

    public EquatableArray<Condition> Conditions { get; init; }
}
