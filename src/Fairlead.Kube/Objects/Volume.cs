using System.Text.Json.Serialization;
using Fairlead.Kube.State;

namespace Fairlead.Kube.Objects;

/// <summary>Files that a pod's containers may mount.</summary>
public sealed record Volume
{
    public string Name { get; init => field = value ?? ""; } = "";

    public EmptyDirVolume? EmptyDir { get; init; }

    public HostPathVolume? HostPath { get; init; }

    public ConfigMapVolume? ConfigMap { get; init; }

    public SecretVolume? Secret { get; init; }

    public DownwardApiVolume? DownwardAPI { get; init; }

    public ProjectedVolume? Projected { get; init; }

    [JsonExtensionData]
    public ExtraFields? Extra { get; set; }
}

/// <summary>A folder that lives as long as the pod.</summary>
public sealed record EmptyDirVolume
{
    public string? Medium { get; init; }

    public string? SizeLimit { get; init; }
}

/// <summary>A path of the node.</summary>
public sealed record HostPathVolume
{
    public string Path { get; init => field = value ?? ""; } = "";

    public string? Type { get; init; }
}

/// <summary>The keys of a ConfigMap as files.</summary>
public sealed record ConfigMapVolume
{
    public string Name { get; init => field = value ?? ""; } = "";

    public EquatableArray<KeyToPath> Items { get; init; }

    public int? DefaultMode { get; init; }

    public bool? Optional { get; init; }
}

/// <summary>The keys of a Secret as files.</summary>
public sealed record SecretVolume
{
    public string SecretName { get; init => field = value ?? ""; } = "";

    public EquatableArray<KeyToPath> Items { get; init; }

    public int? DefaultMode { get; init; }

    public bool? Optional { get; init; }
}

/// <summary>One key and the file it becomes.</summary>
public sealed record KeyToPath
{
    public string Key { get; init => field = value ?? ""; } = "";

    public string Path { get; init => field = value ?? ""; } = "";

    public int? Mode { get; init; }
}

/// <summary>Fields of the pod as files.</summary>
public sealed record DownwardApiVolume
{
    public EquatableArray<DownwardApiFile> Items { get; init; }

    public int? DefaultMode { get; init; }
}

/// <summary>One field and the file it becomes.</summary>
public sealed record DownwardApiFile
{
    public string Path { get; init => field = value ?? ""; } = "";

    public ObjectFieldSelector? FieldRef { get; init; }

    public ResourceFieldSelector? ResourceFieldRef { get; init; }

    public int? Mode { get; init; }
}

/// <summary>Several sources in one folder.</summary>
public sealed record ProjectedVolume
{
    public EquatableArray<VolumeProjection> Sources { get; init; }

    public int? DefaultMode { get; init; }
}

/// <summary>One source of a projected volume.</summary>
public sealed record VolumeProjection
{
    public ConfigMapProjection? ConfigMap { get; init; }

    public ConfigMapProjection? Secret { get; init; }

    public DownwardApiVolume? DownwardAPI { get; init; }

    public ServiceAccountTokenProjection? ServiceAccountToken { get; init; }

    [JsonExtensionData]
    public ExtraFields? Extra { get; set; }
}

/// <summary>A ConfigMap or Secret as one source of a projected volume.</summary>
public sealed record ConfigMapProjection
{
    public string Name { get; init => field = value ?? ""; } = "";

    public EquatableArray<KeyToPath> Items { get; init; }

    public bool? Optional { get; init; }
}

/// <summary>A token of the pod's service account as a file.</summary>
public sealed record ServiceAccountTokenProjection
{
    public string Path { get; init => field = value ?? ""; } = "";

    public string? Audience { get; init; }

    public long? ExpirationSeconds { get; init; }
}
