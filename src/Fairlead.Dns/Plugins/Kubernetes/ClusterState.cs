using Fairlead.Kube.Informers;
using Fairlead.Kube.Objects;

namespace Fairlead.Dns.Plugins.Kubernetes;

/// <summary>The objects a cluster's zone is made of, at one instant.</summary>
/// <param name="Pods">Empty, and counted as synced, unless pods are verified.</param>
internal sealed record ClusterState(Store<Service> Services, Store<EndpointSlice> Slices, Store<Namespace> Namespaces, Store<Pod> Pods)
{
    public static ClusterState Unknown { get; } = new(Store.Empty<Service>(), Store.Empty<EndpointSlice>(), Store.Empty<Namespace>(), Store.Of<Pod>());

    public bool Synced => Services.Synced && Slices.Synced && Namespaces.Synced && Pods.Synced;
}
