using System.Text.Json.Serialization;
using Fairlead.Kube.State;

namespace Fairlead.Kube.Objects;

/// <summary>A machine that runs pods.</summary>
public sealed record Node : IKubeObject
{
    public string ApiVersion => "v1";

    public string Kind => "Node";

    public ObjectMeta Metadata { get; init => field = value ?? ObjectMeta.Empty; } = ObjectMeta.Empty;

    public NodeSpec Spec { get; init => field = value ?? NodeSpec.Empty; } = NodeSpec.Empty;

    public NodeStatus Status { get; init => field = value ?? NodeStatus.Empty; } = NodeStatus.Empty;
}

/// <summary>What a node is given.</summary>
public sealed record NodeSpec
{
    internal static readonly NodeSpec Empty = new();

    public string PodCIDR { get; init => field = value ?? ""; } = "";

    public EquatableArray<string> PodCIDRs { get; init; }

    public string? ProviderID { get; init; }

    public bool Unschedulable { get; init; }

    public EquatableArray<Taint> Taints { get; init; }
}

/// <summary>How a node is.</summary>
public sealed record NodeStatus
{
    internal static readonly NodeStatus Empty = new();

    public EquatableMap Capacity { get; init; }

    public EquatableMap Allocatable { get; init; }

    public EquatableArray<Condition> Conditions { get; init; }

    public EquatableArray<NodeAddress> Addresses { get; init; }

    public NodeDaemonEndpoints? DaemonEndpoints { get; init; }

    public NodeSystemInfo? NodeInfo { get; init; }
}

/// <summary>One address of a node: InternalIP, Hostname, ExternalIP.</summary>
public sealed record NodeAddress
{
    public string Type { get; init => field = value ?? ""; } = "";

    public string Address { get; init => field = value ?? ""; } = "";
}

/// <summary>Ports of the node's own servers.</summary>
public sealed record NodeDaemonEndpoints
{
    public DaemonEndpoint? KubeletEndpoint { get; init; }
}

/// <summary>One port of a node's own server.</summary>
public sealed record DaemonEndpoint
{
    public int Port { get; init; }
}

/// <summary>Versions and identities of a node.</summary>
public sealed record NodeSystemInfo
{
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string MachineID { get; init => field = value ?? ""; } = "";

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string SystemUUID { get; init => field = value ?? ""; } = "";

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string BootID { get; init => field = value ?? ""; } = "";

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string KernelVersion { get; init => field = value ?? ""; } = "";

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string OsImage { get; init => field = value ?? ""; } = "";

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string ContainerRuntimeVersion { get; init => field = value ?? ""; } = "";

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string KubeletVersion { get; init => field = value ?? ""; } = "";

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string KubeProxyVersion { get; init => field = value ?? ""; } = "";

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string OperatingSystem { get; init => field = value ?? ""; } = "";

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string Architecture { get; init => field = value ?? ""; } = "";
}

/// <summary>A folder of objects.</summary>
public sealed record Namespace : IKubeObject
{
    public string ApiVersion => "v1";

    public string Kind => "Namespace";

    public ObjectMeta Metadata { get; init => field = value ?? ObjectMeta.Empty; } = ObjectMeta.Empty;

    public NamespaceSpec Spec { get; init => field = value ?? NamespaceSpec.Empty; } = NamespaceSpec.Empty;

    public NamespaceStatus Status { get; init => field = value ?? NamespaceStatus.Empty; } = NamespaceStatus.Empty;
}

/// <summary>What must be done before a namespace may go.</summary>
public sealed record NamespaceSpec
{
    internal static readonly NamespaceSpec Empty = new();

    public EquatableArray<string> Finalizers { get; init; }
}

/// <summary>How a namespace is.</summary>
public sealed record NamespaceStatus
{
    internal static readonly NamespaceStatus Empty = new();

    public string Phase { get; init => field = value ?? ""; } = "";

    public EquatableArray<Condition> Conditions { get; init; }
}
