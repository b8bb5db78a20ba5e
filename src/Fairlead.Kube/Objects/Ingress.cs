using Fairlead.Kube.State;

namespace Fairlead.Kube.Objects;

/// <summary>HTTP routes into the cluster.</summary>
public sealed record Ingress : IKubeObject
{
    public string ApiVersion => "networking.k8s.io/v1";

    public string Kind => "Ingress";

    public ObjectMeta Metadata { get; init => field = value ?? ObjectMeta.Empty; } = ObjectMeta.Empty;

    public IngressSpec Spec { get; init => field = value ?? IngressSpec.Empty; } = IngressSpec.Empty;

    public IngressStatus Status { get; init => field = value ?? IngressStatus.Empty; } = IngressStatus.Empty;
}

/// <summary>The routes of an Ingress.</summary>
public sealed record IngressSpec
{
    internal static readonly IngressSpec Empty = new();

    public string? IngressClassName { get; init; }

    public IngressBackend? DefaultBackend { get; init; }

    public EquatableArray<IngressTls> Tls { get; init; }

    public EquatableArray<IngressRule> Rules { get; init; }
}

/// <summary>Hosts and the Secret that holds their certificate.</summary>
public sealed record IngressTls
{
    public EquatableArray<string> Hosts { get; init; }

    public string? SecretName { get; init; }
}

/// <summary>The paths of one host; of every host when it is empty.</summary>
public sealed record IngressRule
{
    public string Host { get; init => field = value ?? ""; } = "";

    public IngressHttp? Http { get; init; }
}

/// <summary>The paths of a rule.</summary>
public sealed record IngressHttp
{
    public EquatableArray<IngressPath> Paths { get; init; }
}

/// <summary>One path and where it leads.</summary>
public sealed record IngressPath
{
    public string Path { get; init => field = value ?? ""; } = "";

    public string? PathType { get; init; }

    public IngressBackend Backend { get; init => field = value ?? IngressBackend.Empty; } = IngressBackend.Empty;
}

/// <summary>Where a request goes: a Service.</summary>
public sealed record IngressBackend
{
    internal static readonly IngressBackend Empty = new();

    public IngressServiceBackend? Service { get; init; }

    public TypedObjectReference? Resource { get; init; }
}

/// <summary>A Service and its port.</summary>
public sealed record IngressServiceBackend
{
    public string Name { get; init => field = value ?? ""; } = "";

    public ServiceBackendPort? Port { get; init; }
}

/// <summary>A port by name or number.</summary>
public sealed record ServiceBackendPort
{
    public string? Name { get; init; }

    public int? Number { get; init; }
}

/// <summary>An object of any kind in the same namespace.</summary>
public sealed record TypedObjectReference
{
    public string? ApiGroup { get; init; }

    public string Kind { get; init => field = value ?? ""; } = "";

    public string Name { get; init => field = value ?? ""; } = "";

    public string? Namespace { get; init; }

    public string? Scope { get; init; }
}

/// <summary>How an Ingress is.</summary>
public sealed record IngressStatus
{
    internal static readonly IngressStatus Empty = new();

    public LoadBalancerStatus? LoadBalancer { get; init; }
}

/// <summary>Which controller serves an Ingress.</summary>
public sealed record IngressClass : IKubeObject
{
    public string ApiVersion => "networking.k8s.io/v1";

    public string Kind => "IngressClass";

    public ObjectMeta Metadata { get; init => field = value ?? ObjectMeta.Empty; } = ObjectMeta.Empty;

    public IngressClassSpec Spec { get; init => field = value ?? IngressClassSpec.Empty; } = IngressClassSpec.Empty;
}

/// <summary>What an IngressClass says.</summary>
public sealed record IngressClassSpec
{
    internal static readonly IngressClassSpec Empty = new();

    public string Controller { get; init => field = value ?? ""; } = "";

    public TypedObjectReference? Parameters { get; init; }
}
