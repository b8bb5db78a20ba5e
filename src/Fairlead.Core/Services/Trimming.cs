using Fairlead.Kube.Objects;
using Fairlead.Kube.State;

namespace Fairlead.Core.Services;

/// <summary>Cuts objects down to what a node needs of them, so that a node's memory does not grow with what others wrote into them.</summary>
public static class Trimming
{
    public static Service Trim(Service service) => new()
    {
        Metadata = Keep(service.Metadata, [ServiceTableCompiler.ProxyNameLabel, ServiceTableCompiler.HeadlessLabel], []),
        Spec = service.Spec with { Selector = default },
        Status = service.Status with { Conditions = default },
    };

    public static EndpointSlice Trim(EndpointSlice slice) => slice with
    {
        Metadata = Keep(
            slice.Metadata, [ServiceTableCompiler.ServiceNameLabel, ServiceTableCompiler.HeadlessLabel], [ServiceTableCompiler.TriggerTimeAnnotation]),
        Endpoints = slice.Endpoints.Select(e => e with { TargetRef = null, Hostname = null }).ToEquatableArray(),
    };

    private static ObjectMeta Keep(ObjectMeta meta, string[] labels, string[] annotations) => new()
    {
        Name = meta.Name,
        Namespace = meta.Namespace,
        Uid = meta.Uid,
        ResourceVersion = meta.ResourceVersion,
        Labels = EquatableMap.Create(meta.Labels.Where(l => labels.Contains(l.Key, StringComparer.Ordinal))),
        Annotations = EquatableMap.Create(meta.Annotations.Where(a => annotations.Contains(a.Key, StringComparer.Ordinal))),
    };
}
