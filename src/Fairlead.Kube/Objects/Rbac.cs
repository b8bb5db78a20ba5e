using Fairlead.Kube.State;

namespace Fairlead.Kube.Objects;

/// <summary>Rights within a namespace.</summary>
public sealed record Role : IKubeObject
{
    public string ApiVersion => "rbac.authorization.k8s.io/v1";

    public string Kind => "Role";

    public ObjectMeta Metadata { get; init => field = value ?? ObjectMeta.Empty; } = ObjectMeta.Empty;

    public EquatableArray<PolicyRule> Rules { get; init; }
}

/// <summary>Rights in the whole cluster.</summary>
public sealed record ClusterRole : IKubeObject
{
    public string ApiVersion => "rbac.authorization.k8s.io/v1";

    public string Kind => "ClusterRole";

    public ObjectMeta Metadata { get; init => field = value ?? ObjectMeta.Empty; } = ObjectMeta.Empty;

    public EquatableArray<PolicyRule> Rules { get; init; }
}

/// <summary>Gives a role to somebody within a namespace.</summary>
public sealed record RoleBinding : IKubeObject
{
    public string ApiVersion => "rbac.authorization.k8s.io/v1";

    public string Kind => "RoleBinding";

    public ObjectMeta Metadata { get; init => field = value ?? ObjectMeta.Empty; } = ObjectMeta.Empty;

    public EquatableArray<Subject> Subjects { get; init; }

    public RoleRef RoleRef { get; init => field = value ?? RoleRef.Empty; } = RoleRef.Empty;
}

/// <summary>Gives a role to somebody in the whole cluster.</summary>
public sealed record ClusterRoleBinding : IKubeObject
{
    public string ApiVersion => "rbac.authorization.k8s.io/v1";

    public string Kind => "ClusterRoleBinding";

    public ObjectMeta Metadata { get; init => field = value ?? ObjectMeta.Empty; } = ObjectMeta.Empty;

    public EquatableArray<Subject> Subjects { get; init; }

    public RoleRef RoleRef { get; init => field = value ?? RoleRef.Empty; } = RoleRef.Empty;
}

/// <summary>Verbs on resources.</summary>
public sealed record PolicyRule
{
    public EquatableArray<string> Verbs { get; init; }

    public EquatableArray<string> ApiGroups { get; init; }

    public EquatableArray<string> Resources { get; init; }

    public EquatableArray<string> ResourceNames { get; init; }

    public EquatableArray<string> NonResourceURLs { get; init; }
}

/// <summary>A user, a group or a service account.</summary>
public sealed record Subject
{
    public string Kind { get; init => field = value ?? ""; } = "";

    public string? ApiGroup { get; init; }

    public string Name { get; init => field = value ?? ""; } = "";

    public string? Namespace { get; init; }
}

/// <summary>The role that a binding gives.</summary>
public sealed record RoleRef
{
    internal static readonly RoleRef Empty = new();

    public string ApiGroup { get; init => field = value ?? ""; } = "";

    public string Kind { get; init => field = value ?? ""; } = "";

    public string Name { get; init => field = value ?? ""; } = "";
}
