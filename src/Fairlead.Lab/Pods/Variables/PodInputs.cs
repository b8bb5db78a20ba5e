using System.Collections.Immutable;
using Fairlead.Kube.Objects;

namespace Fairlead.Lab.Pods.Variables;

/// <summary>The objects that pods take settings from, at one instant.</summary>
internal sealed record PodInputs(
    ImmutableDictionary<ObjectKey, Service> Services,
    ImmutableDictionary<ObjectKey, ConfigMap> ConfigMaps,
    ImmutableDictionary<ObjectKey, Secret> Secrets)
{
    public static readonly PodInputs Empty = new(
        ImmutableDictionary<ObjectKey, Service>.Empty, ImmutableDictionary<ObjectKey, ConfigMap>.Empty, ImmutableDictionary<ObjectKey, Secret>.Empty);
}

/// <summary>A value, or why there is none: the user's mistake, told as kubelet tells it.</summary>
internal readonly record struct Outcome<T>(T? Value, string? Fault)
    where T : class
{
    public static implicit operator Outcome<T>(T value) => new(value, null);

    public static Outcome<T> Failed(string fault) => new(null, fault);
}
