using Fairlead.Kube.State;

namespace Fairlead.Kube.Objects;

/// <summary>One stable address for a changing set of pods.</summary>
public sealed record Service : IKubeObject
{
    public string ApiVersion => "v1";

    public string Kind => "Service";

    public ObjectMeta Metadata { get; init => field = value ?? ObjectMeta.Empty; } = ObjectMeta.Empty;

    public ServiceSpec Spec { get; init => field = value ?? ServiceSpec.Empty; } = ServiceSpec.Empty;

    public ServiceStatus Status { get; init => field = value ?? ServiceStatus.Empty; } = ServiceStatus.Empty;
}

/// <summary>What a Service serves, and where.</summary>
public sealed record ServiceSpec
{
    internal static readonly ServiceSpec Empty = new();

    public string Type { get; init => field = value ?? ""; } = "";

    public string ClusterIP { get; init => field = value ?? ""; } = "";

    public EquatableArray<string> ClusterIPs { get; init; }

    public EquatableArray<string> IpFamilies { get; init; }

    public string? IpFamilyPolicy { get; init; }

    public EquatableArray<ServicePort> Ports { get; init; }

    public EquatableMap Selector { get; init; }

    public EquatableArray<string> ExternalIPs { get; init; }

    public string? ExternalName { get; init; }

    public string? SessionAffinity { get; init; }

    public SessionAffinityConfig? SessionAffinityConfig { get; init; }

    public string? ExternalTrafficPolicy { get; init; }

    public string? InternalTrafficPolicy { get; init; }

    public int HealthCheckNodePort { get; init; }

    public bool PublishNotReadyAddresses { get; init; }

    public string? LoadBalancerIP { get; init; }

    public string? LoadBalancerClass { get; init; }

    public EquatableArray<string> LoadBalancerSourceRanges { get; init; }

    public bool? AllocateLoadBalancerNodePorts { get; init; }

    public string? TrafficDistribution { get; init; }
}

/// <summary>One port of a Service.</summary>
public sealed record ServicePort
{
    public string Name { get; init => field = value ?? ""; } = "";

    /// <summary><c>TCP</c> also when null.</summary>
    public string? Protocol { get; init; }

    public string? AppProtocol { get; init; }

    public int Port { get; init; }

    public IntOrString? TargetPort { get; init; }

    public int NodePort { get; init; }
}

/// <summary>How long a client stays with an endpoint.</summary>
public sealed record SessionAffinityConfig
{
    public ClientIPConfig? ClientIP { get; init; }
}

/// <summary>Affinity by client address.</summary>
public sealed record ClientIPConfig
{
    public int? TimeoutSeconds { get; init; }
}

/// <summary>How a Service is.</summary>
public sealed record ServiceStatus
{
    internal static readonly ServiceStatus Empty = new();

    public LoadBalancerStatus? LoadBalancer { get; init; }

    public EquatableArray<Condition> Conditions { get; init; }
}

/// <summary>Addresses that a load balancer gives.</summary>
public sealed record LoadBalancerStatus
{
    public EquatableArray<LoadBalancerIngress> Ingress { get; init; }
}

/// <summary>One address of a load balancer.</summary>
public sealed record LoadBalancerIngress
{
    public string? Ip { get; init; }

    public string? IpMode { get; init; }

    public string? Hostname { get; init; }
}
