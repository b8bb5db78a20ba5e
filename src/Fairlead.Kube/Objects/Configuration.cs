using Fairlead.Kube.State;

namespace Fairlead.Kube.Objects;

/// <summary>Settings as keys and texts.</summary>
public sealed record ConfigMap : IKubeObject
{
    public string ApiVersion => "v1";

    public string Kind => "ConfigMap";

    public ObjectMeta Metadata { get; init => field = value ?? ObjectMeta.Empty; } = ObjectMeta.Empty;

    public EquatableMap Data { get; init; }

    public EquatableMap BinaryData { get; init; }

    public bool? Immutable { get; init; }
}

/// <summary>Secrets as keys and base64 values.</summary>
public sealed record Secret : IKubeObject
{
    public string ApiVersion => "v1";

    public string Kind => "Secret";

    public ObjectMeta Metadata { get; init => field = value ?? ObjectMeta.Empty; } = ObjectMeta.Empty;

    public string Type { get; init => field = value ?? ""; } = "";

    /// <summary>Base64, as on the wire.</summary>
    public EquatableMap Data { get; init; }

    public EquatableMap StringData { get; init; }

    public bool? Immutable { get; init; }
}

/// <summary>An identity for processes in pods.</summary>
public sealed record ServiceAccount : IKubeObject
{
    public string ApiVersion => "v1";

    public string Kind => "ServiceAccount";

    public ObjectMeta Metadata { get; init => field = value ?? ObjectMeta.Empty; } = ObjectMeta.Empty;

    public EquatableArray<ObjectReference> Secrets { get; init; }

    public EquatableArray<LocalObjectReference> ImagePullSecrets { get; init; }

    public bool? AutomountServiceAccountToken { get; init; }
}
