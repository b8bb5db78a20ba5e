using System.Collections.Immutable;
using Fairlead.Kube.Objects;

namespace Fairlead.Core.Routing;

/// <summary>All objects that routes are compiled from.</summary>
public sealed record RouteInputs
{
    public ImmutableDictionary<ObjectKey, Ingress> Ingresses { get; init; } = ImmutableDictionary<ObjectKey, Ingress>.Empty;

    public ImmutableDictionary<ObjectKey, IngressClass> Classes { get; init; } = ImmutableDictionary<ObjectKey, IngressClass>.Empty;

    public ImmutableDictionary<ObjectKey, Service> Services { get; init; } = ImmutableDictionary<ObjectKey, Service>.Empty;

    public ImmutableDictionary<ObjectKey, EndpointSlice> EndpointSlices { get; init; }
        = ImmutableDictionary<ObjectKey, EndpointSlice>.Empty;

    public ImmutableDictionary<ObjectKey, Secret> Secrets { get; init; } = ImmutableDictionary<ObjectKey, Secret>.Empty;

    /// <summary>The controller's ConfigMap; null when none is named or it does not exist.</summary>
    public ConfigMap? ConfigMap { get; init; }
}
