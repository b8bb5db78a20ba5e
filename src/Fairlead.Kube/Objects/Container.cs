using System.Text.Json.Serialization;
using Fairlead.Kube.State;

namespace Fairlead.Kube.Objects;

/// <summary>A process of a pod, with its files, environment and probes.</summary>
public sealed record Container
{
    public string Name { get; init => field = value ?? ""; } = "";

    public string Image { get; init => field = value ?? ""; } = "";

    public EquatableArray<string> Command { get; init; }

    public EquatableArray<string> Args { get; init; }

    public string? WorkingDir { get; init; }

    public EquatableArray<ContainerPort> Ports { get; init; }

    public EquatableArray<EnvFromSource> EnvFrom { get; init; }

    public EquatableArray<EnvVar> Env { get; init; }

    public ResourceRequirements? Resources { get; init; }

    public EquatableArray<VolumeMount> VolumeMounts { get; init; }

    public Probe? LivenessProbe { get; init; }

    public Probe? ReadinessProbe { get; init; }

    public Probe? StartupProbe { get; init; }

    public Lifecycle? Lifecycle { get; init; }

    public string? RestartPolicy { get; init; }

    public string? ImagePullPolicy { get; init; }

    public string? TerminationMessagePath { get; init; }

    public string? TerminationMessagePolicy { get; init; }

    public SecurityContext? SecurityContext { get; init; }

    [JsonExtensionData]
    public ExtraFields? Extra { get; set; }
}

/// <summary>A port that a container listens on.</summary>
public sealed record ContainerPort
{
    public string? Name { get; init; }

    public int HostPort { get; init; }

    [JsonPropertyName("containerPort")]
    public int Port { get; init; }

    public string? Protocol { get; init; }

    public string? HostIP { get; init; }

    [JsonExtensionData]
    public ExtraFields? Extra { get; set; }
}

/// <summary>One environment variable.</summary>
public sealed record EnvVar
{
    public string Name { get; init => field = value ?? ""; } = "";

    public string? Value { get; init; }

    public EnvVarSource? ValueFrom { get; init; }
}

/// <summary>Where the value of a variable comes from.</summary>
public sealed record EnvVarSource
{
    public ObjectFieldSelector? FieldRef { get; init; }

    public ResourceFieldSelector? ResourceFieldRef { get; init; }

    public KeySelector? ConfigMapKeyRef { get; init; }

    public KeySelector? SecretKeyRef { get; init; }

    [JsonExtensionData]
    public ExtraFields? Extra { get; set; }
}

/// <summary>A field of the pod itself.</summary>
public sealed record ObjectFieldSelector
{
    public string? ApiVersion { get; init; }

    public string FieldPath { get; init => field = value ?? ""; } = "";
}

/// <summary>A resource of a container.</summary>
public sealed record ResourceFieldSelector
{
    public string? ContainerName { get; init; }

    public string Resource { get; init => field = value ?? ""; } = "";

    public string? Divisor { get; init; }
}

/// <summary>One key of a ConfigMap or Secret.</summary>
public sealed record KeySelector
{
    public string Name { get; init => field = value ?? ""; } = "";

    public string Key { get; init => field = value ?? ""; } = "";

    public bool? Optional { get; init; }
}

/// <summary>All keys of a ConfigMap or Secret as variables.</summary>
public sealed record EnvFromSource
{
    public string? Prefix { get; init; }

    public OptionalReference? ConfigMapRef { get; init; }

    public OptionalReference? SecretRef { get; init; }
}

/// <summary>A ConfigMap or Secret by name.</summary>
public sealed record OptionalReference
{
    public string Name { get; init => field = value ?? ""; } = "";

    public bool? Optional { get; init; }
}

/// <summary>Asked for and allowed amounts.</summary>
public sealed record ResourceRequirements
{
    public EquatableMap Limits { get; init; }

    public EquatableMap Requests { get; init; }

    [JsonExtensionData]
    public ExtraFields? Extra { get; set; }
}

/// <summary>Where a volume appears in a container.</summary>
public sealed record VolumeMount
{
    public string Name { get; init => field = value ?? ""; } = "";

    public string MountPath { get; init => field = value ?? ""; } = "";

    public string? SubPath { get; init; }

    public bool ReadOnly { get; init; }

    public string? MountPropagation { get; init; }

    [JsonExtensionData]
    public ExtraFields? Extra { get; set; }
}

/// <summary>A check on a container, and how often.</summary>
public sealed record Probe
{
    public HttpGetAction? HttpGet { get; init; }

    public TcpSocketAction? TcpSocket { get; init; }

    public ExecAction? Exec { get; init; }

    public GrpcAction? Grpc { get; init; }

    public int? InitialDelaySeconds { get; init; }

    public int? TimeoutSeconds { get; init; }

    public int? PeriodSeconds { get; init; }

    public int? SuccessThreshold { get; init; }

    public int? FailureThreshold { get; init; }

    public long? TerminationGracePeriodSeconds { get; init; }
}

/// <summary>An HTTP request that must answer 200 to 399.</summary>
public sealed record HttpGetAction
{
    public string? Path { get; init; }

    public IntOrString Port { get; init; }

    public string? Host { get; init; }

    public string? Scheme { get; init; }

    public EquatableArray<HttpHeader> HttpHeaders { get; init; }
}

/// <summary>One header of a probe's request.</summary>
public sealed record HttpHeader
{
    public string Name { get; init => field = value ?? ""; } = "";

    public string Value { get; init => field = value ?? ""; } = "";
}

/// <summary>A TCP connection that must open.</summary>
public sealed record TcpSocketAction
{
    public IntOrString Port { get; init; }

    public string? Host { get; init; }
}

/// <summary>A command that must end with 0.</summary>
public sealed record ExecAction
{
    public EquatableArray<string> Command { get; init; }
}

/// <summary>A gRPC health check that must say SERVING.</summary>
public sealed record GrpcAction
{
    public int Port { get; init; }

    public string? Service { get; init; }
}

/// <summary>What runs after a container starts and before it stops.</summary>
public sealed record Lifecycle
{
    public LifecycleHandler? PostStart { get; init; }

    public LifecycleHandler? PreStop { get; init; }

    [JsonExtensionData]
    public ExtraFields? Extra { get; set; }
}

/// <summary>One hook of a container.</summary>
public sealed record LifecycleHandler
{
    public ExecAction? Exec { get; init; }

    public HttpGetAction? HttpGet { get; init; }

    public TcpSocketAction? TcpSocket { get; init; }

    public SleepAction? Sleep { get; init; }
}

/// <summary>A hook that waits.</summary>
public sealed record SleepAction
{
    public long Seconds { get; init; }
}

/// <summary>User, rights and file system of a container.</summary>
public sealed record SecurityContext
{
    public long? RunAsUser { get; init; }

    public long? RunAsGroup { get; init; }

    public bool? RunAsNonRoot { get; init; }

    public bool? Privileged { get; init; }

    public bool? ReadOnlyRootFilesystem { get; init; }

    public bool? AllowPrivilegeEscalation { get; init; }

    public Capabilities? Capabilities { get; init; }

    [JsonExtensionData]
    public ExtraFields? Extra { get; set; }
}

/// <summary>Kernel capabilities added and dropped.</summary>
public sealed record Capabilities
{
    public EquatableArray<string> Add { get; init; }

    public EquatableArray<string> Drop { get; init; }
}
