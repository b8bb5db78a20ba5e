using System.Text.Json.Serialization;
using Fairlead.Kube.State;

namespace Fairlead.Kube.Objects;

/// <summary>A pod: containers that share an address.</summary>
public sealed record Pod : IKubeObject
{
    public string ApiVersion => "v1";

    public string Kind => "Pod";

    public ObjectMeta Metadata { get; init => field = value ?? ObjectMeta.Empty; } = ObjectMeta.Empty;

    public PodSpec Spec { get; init => field = value ?? PodSpec.Empty; } = PodSpec.Empty;

    public PodStatus Status { get; init => field = value ?? PodStatus.Empty; } = PodStatus.Empty;
}

/// <summary>How a pod is to run.</summary>
public sealed record PodSpec
{
    internal static readonly PodSpec Empty = new();

    public string NodeName { get; init => field = value ?? ""; } = "";

    public string? Hostname { get; init; }

    public string? Subdomain { get; init; }

    public string? ServiceAccountName { get; init; }

    public bool? AutomountServiceAccountToken { get; init; }

    /// <summary><c>Always</c> (also when null), <c>OnFailure</c> or <c>Never</c>.</summary>
    public string? RestartPolicy { get; init; }

    public string? DnsPolicy { get; init; }

    public PodDnsConfig? DnsConfig { get; init; }

    public EquatableArray<HostAlias> HostAliases { get; init; }

    public bool HostNetwork { get; init; }

    public bool HostPID { get; init; }

    public bool HostIPC { get; init; }

    public bool? ShareProcessNamespace { get; init; }

    public bool? EnableServiceLinks { get; init; }

    public EquatableArray<Container> InitContainers { get; init; }

    public EquatableArray<Container> Containers { get; init; }

    public EquatableArray<Volume> Volumes { get; init; }

    public EquatableMap NodeSelector { get; init; }

    public EquatableArray<Toleration> Tolerations { get; init; }

    public Affinity? Affinity { get; init; }

    public EquatableArray<PodReadinessGate> ReadinessGates { get; init; }

    public long? TerminationGracePeriodSeconds { get; init; }

    public long? ActiveDeadlineSeconds { get; init; }

    public PodSecurityContext? SecurityContext { get; init; }

    public string? SchedulerName { get; init; }

    public string? PriorityClassName { get; init; }

    public int? Priority { get; init; }

    [JsonExtensionData]
    public ExtraFields? Extra { get; set; }
}

/// <summary>What a pod made by a controller looks like.</summary>
public sealed record PodTemplateSpec
{
    internal static readonly PodTemplateSpec Empty = new();

    public ObjectMeta Metadata { get; init => field = value ?? ObjectMeta.Empty; } = ObjectMeta.Empty;

    public PodSpec Spec { get; init => field = value ?? PodSpec.Empty; } = PodSpec.Empty;

    [JsonExtensionData]
    public ExtraFields? Extra { get; set; }
}

/// <summary>Resolver settings of a pod.</summary>
public sealed record PodDnsConfig
{
    public EquatableArray<string> Nameservers { get; init; }

    public EquatableArray<string> Searches { get; init; }

    public EquatableArray<PodDnsConfigOption> Options { get; init; }
}

/// <summary>One resolver option, such as ndots.</summary>
public sealed record PodDnsConfigOption
{
    public string Name { get; init => field = value ?? ""; } = "";

    public string? Value { get; init; }
}

/// <summary>One line of a pod's /etc/hosts.</summary>
public sealed record HostAlias
{
    public string Ip { get; init => field = value ?? ""; } = "";

    public EquatableArray<string> Hostnames { get; init; }
}

/// <summary>A condition that must hold before the pod counts as ready.</summary>
public sealed record PodReadinessGate
{
    public string ConditionType { get; init => field = value ?? ""; } = "";
}

/// <summary>User, group and kernel settings of a whole pod.</summary>
public sealed record PodSecurityContext
{
    public long? RunAsUser { get; init; }

    public long? RunAsGroup { get; init; }

    public bool? RunAsNonRoot { get; init; }

    public long? FsGroup { get; init; }

    public EquatableArray<Sysctl> Sysctls { get; init; }

    [JsonExtensionData]
    public ExtraFields? Extra { get; set; }
}

/// <summary>One kernel setting.</summary>
public sealed record Sysctl
{
    public string Name { get; init => field = value ?? ""; } = "";

    public string Value { get; init => field = value ?? ""; } = "";
}

/// <summary>How a pod is.</summary>
public sealed record PodStatus
{
    internal static readonly PodStatus Empty = new();

    /// <summary><c>Pending</c>, <c>Running</c>, <c>Succeeded</c>, <c>Failed</c> or <c>Unknown</c>.</summary>
    public string Phase { get; init => field = value ?? ""; } = "";

    public long? ObservedGeneration { get; init; }

    public EquatableArray<Condition> Conditions { get; init; }

    public string? Message { get; init; }

    public string? Reason { get; init; }

    public string? NominatedNodeName { get; init; }

    public string HostIP { get; init => field = value ?? ""; } = "";

    public EquatableArray<PodIP> HostIPs { get; init; }

    public string PodIP { get; init => field = value ?? ""; } = "";

    public EquatableArray<PodIP> PodIPs { get; init; }

    public DateTimeOffset? StartTime { get; init; }

    public EquatableArray<ContainerStatus> InitContainerStatuses { get; init; }

    public EquatableArray<ContainerStatus> ContainerStatuses { get; init; }

    public string? QosClass { get; init; }

    [JsonExtensionData]
    public ExtraFields? Extra { get; set; }
}

/// <summary>One address of a pod or its host.</summary>
public sealed record PodIP
{
    public string Ip { get; init => field = value ?? ""; } = "";
}

/// <summary>How a container is.</summary>
public sealed record ContainerStatus
{
    public string Name { get; init => field = value ?? ""; } = "";

    public ContainerState? State { get; init; }

    public ContainerState? LastState { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public bool Ready { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public int RestartCount { get; init; }

    public string Image { get; init => field = value ?? ""; } = "";

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string ImageID { get; init => field = value ?? ""; } = "";

    public string? ContainerID { get; init; }

    public bool? Started { get; init; }

    [JsonExtensionData]
    public ExtraFields? Extra { get; set; }
}

/// <summary>One of waiting, running and terminated.</summary>
public sealed record ContainerState
{
    public ContainerStateWaiting? Waiting { get; init; }

    public ContainerStateRunning? Running { get; init; }

    public ContainerStateTerminated? Terminated { get; init; }
}

/// <summary>A container that does not run yet, and why.</summary>
public sealed record ContainerStateWaiting
{
    public string? Reason { get; init; }

    public string? Message { get; init; }
}

/// <summary>A container that runs.</summary>
public sealed record ContainerStateRunning
{
    public DateTimeOffset? StartedAt { get; init; }
}

/// <summary>A container that ran, and how it ended.</summary>
public sealed record ContainerStateTerminated
{
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public int ExitCode { get; init; }

    public int? Signal { get; init; }

    public string? Reason { get; init; }

    public string? Message { get; init; }

    public DateTimeOffset? StartedAt { get; init; }

    public DateTimeOffset? FinishedAt { get; init; }

    public string? ContainerID { get; init; }
}
