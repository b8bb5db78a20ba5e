using System.Collections.Immutable;
using Fairlead.Kube.Objects;

namespace Fairlead.Core.Routing;

/// <summary>The parts of a compile that the next one keeps when what they were made of is the same object.</summary>
internal sealed record CompileCache
{
    public static readonly CompileCache Empty = new();

    public ConfigMap? ConfigMap { get; init; }

    public IReadOnlyDictionary<ObjectKey, CompiledIngress> Ingresses { get; init; } = ImmutableDictionary<ObjectKey, CompiledIngress>.Empty;

    public IReadOnlyDictionary<string, CompiledHost> Hosts { get; init; } = ImmutableDictionary<string, CompiledHost>.Empty;

    public ImmutableDictionary<ObjectKey, EndpointSlice> EndpointSlices { get; init; }
        = ImmutableDictionary<ObjectKey, EndpointSlice>.Empty;

    /// <summary>The slices of each Service, sorted by name.</summary>
    public IReadOnlyDictionary<ObjectKey, ImmutableArray<EndpointSlice>> SlicesByService { get; init; }
        = ImmutableDictionary<ObjectKey, ImmutableArray<EndpointSlice>>.Empty;

    public IReadOnlyDictionary<UpstreamKey, CompiledUpstream> Upstreams { get; init; }
        = ImmutableDictionary<UpstreamKey, CompiledUpstream>.Empty;

    public IReadOnlyDictionary<ObjectKey, (Secret Source, TlsSecret? Compiled)> Secrets { get; init; }
        = ImmutableDictionary<ObjectKey, (Secret, TlsSecret?)>.Empty;
}

/// <summary>A host's routes and the Ingresses they were made of.</summary>
internal sealed record CompiledHost(
    ImmutableArray<CompiledIngress> Sources, HostRoutes Routes, ImmutableArray<RouteDiagnostic> Diagnostics);

/// <summary>An upstream and the objects it was made of.</summary>
internal sealed record CompiledUpstream(Service? Service, ImmutableArray<EndpointSlice> Slices, Upstream Upstream);
