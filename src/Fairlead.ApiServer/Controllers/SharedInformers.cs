using System.Collections.Immutable;
using Fairlead.Kube.Client;
using Fairlead.Kube.Informers;
using Fairlead.Kube.Objects;
using Microsoft.Extensions.Logging;

namespace Fairlead.ApiServer.Controllers;

/// <summary>One informer of each kind, for all controllers together: a second copy of every pod would be the largest thing here.</summary>
internal sealed class SharedInformers
{
    // What kubectl apply remembers for itself is often larger than the object.
    private const string LastApplied = "kubectl.kubernetes.io/last-applied-configuration";

    private readonly ImmutableArray<Func<CancellationToken, Task>> _runs;
    private readonly ImmutableArray<Func<CancellationToken, Task>> _synced;

    public SharedInformers(KubeClient client, TimeProvider time, ILoggerFactory loggers)
    {
        var logger = loggers.CreateLogger("Fairlead.ApiServer.Controllers.Informers");
        var runs = ImmutableArray.CreateBuilder<Func<CancellationToken, Task>>();
        var synced = ImmutableArray.CreateBuilder<Func<CancellationToken, Task>>();
        var all = ImmutableArray.CreateBuilder<ObjectSource>();

        Pods = Make(KubeResources.Pods, p => p with { Metadata = Slim(p.Metadata) });
        Nodes = Make(KubeResources.Nodes, n => n with { Metadata = Slim(n.Metadata) });
        Namespaces = Make(KubeResources.Namespaces, n => n with { Metadata = Slim(n.Metadata) });
        Services = Make(KubeResources.Services, s => s with { Metadata = Slim(s.Metadata) });
        EndpointSlices = Make(KubeResources.EndpointSlices, s => s);
        Deployments = Make(KubeResources.Deployments, d => d with { Metadata = Slim(d.Metadata) });
        ReplicaSets = Make(KubeResources.ReplicaSets, r => r with { Metadata = Slim(r.Metadata) });
        DaemonSets = Make(KubeResources.DaemonSets, d => d with { Metadata = Slim(d.Metadata) });
        Leases = Make(KubeResources.Leases, l => l);
        ServiceAccounts = MakePartial(KubeResources.ServiceAccounts);
        ConfigMaps = MakePartial(KubeResources.ConfigMaps);
        foreach (var resource in (KubeResource[])[
            KubeResources.Secrets, KubeResources.Ingresses, KubeResources.IngressClasses, KubeResources.Roles, KubeResources.RoleBindings,
            KubeResources.ClusterRoles, KubeResources.ClusterRoleBindings])
        {
            MakePartial(resource);
        }

        (_runs, _synced, All) = (runs.ToImmutable(), synced.ToImmutable(), all.ToImmutable());

        Informer<PartialObject> MakePartial(KubeResource resource)
            => Make(
                KubeResources.Partial(resource), o
                    => o with { ApiVersion = resource.ApiVersion, Kind = resource.Kind, Metadata = Slim(o.Metadata) });

        Informer<T> Make<T>(KubeResource<T> resource, Func<T, T> trim)
            where T : class, IKubeObject
        {
            var informer = new Informer<T>(client, resource, new(Trim: trim), time, logger);
            runs.Add(informer.RunAsync);
            synced.Add(informer.SyncedAsync);
            all.Add(ObjectSource.Of(resource, informer));
            return informer;
        }
    }

    public Informer<Pod> Pods { get; }

    public Informer<Node> Nodes { get; }

    public Informer<Namespace> Namespaces { get; }

    public Informer<Service> Services { get; }

    public Informer<EndpointSlice> EndpointSlices { get; }

    public Informer<Deployment> Deployments { get; }

    public Informer<ReplicaSet> ReplicaSets { get; }

    public Informer<DaemonSet> DaemonSets { get; }

    public Informer<Lease> Leases { get; }

    public Informer<PartialObject> ServiceAccounts { get; }

    public Informer<PartialObject> ConfigMaps { get; }

    /// <summary>Every kind but events, for who looks at metadata only.</summary>
    public ImmutableArray<ObjectSource> All { get; }

    public StoreIndex<Pod, string> PodsByNamespace { get; } = new(p => [p.Metadata.Namespace]);

    /// <summary>Pods by the uid of their owner, and those that nobody owns by <see cref="Orphans"/>.</summary>
    public StoreIndex<Pod, string> PodsByOwner { get; } = new(Owners);

    public StoreIndex<ReplicaSet, string> ReplicaSetsByOwner { get; } = new(Owners);

    public StoreIndex<EndpointSlice, ObjectKey> SlicesByService { get; } =
        new(s => s.Metadata.Labels.Find("kubernetes.io/service-name") is { } service ? [new ObjectKey(s.Metadata.Namespace, service)] : []);

    /// <summary>The owner's pods, and those of its namespace that it might adopt.</summary>
    public IEnumerable<Pod> PodsOf(IKubeObject owner)
    {
        var pods = Pods.Snapshot.Current;
        return PodsByOwner.Find(pods, owner.Metadata.Uid).Concat(PodsByOwner.Find(pods, Orphans(owner.Metadata.Namespace)));
    }

    /// <summary>The group of <see cref="PodsByOwner"/> that holds what no controller owns.</summary>
    public static string Orphans(string ns) => $"orphan/{ns}";

    public Task RunAsync(CancellationToken ct) => Task.WhenAll(_runs.Select(run => run(ct)));

    /// <summary>Completes once every kind has been listed.</summary>
    public Task SyncedAsync(CancellationToken ct) => Task.WhenAll(_synced.Select(synced => synced(ct)));

    private static ObjectMeta Slim(ObjectMeta meta)
        => meta.Annotations.ContainsKey(LastApplied) ? meta with { Annotations = meta.Annotations.Without(LastApplied) } : meta;

    private static IEnumerable<string> Owners(IKubeObject obj)
        => obj.Controller is { } owner ? [owner.Uid] : [Orphans(obj.Metadata.Namespace)];
}

/// <summary>The objects of one kind, whatever record holds them.</summary>
internal sealed class ObjectSource
{
    private readonly Func<IEnumerable<IKubeObject>> _objects;
    private readonly Func<ObjectKey, IKubeObject?> _find;
    private readonly Func<Action<IKubeObject?, IKubeObject?>, CancellationToken, Task> _follow;

    private ObjectSource(
        KubeResource resource, Func<IEnumerable<IKubeObject>> objects, Func<ObjectKey, IKubeObject?> find,
        Func<Action<IKubeObject?, IKubeObject?>, CancellationToken, Task> follow)
        => (Resource, _objects, _find, _follow) = (resource, objects, find, follow);

    public KubeResource Resource { get; }

    public IEnumerable<IKubeObject> Objects => _objects();

    public static ObjectSource Of<T>(KubeResource<T> resource, Informer<T> informer)
        where T : class, IKubeObject
        => new(resource, () => informer.Snapshot.Current.Values, key => informer.Snapshot.Current.Find(key), async (changed, ct) =>
        {
            Store<T>? seen = null;
            await foreach (var store in informer.Snapshot.WatchAsync(ct))
            {
                foreach (var key in store.ChangesSince(seen))
                {
                    changed(seen?.Find(key), store.Find(key));
                }

                seen = store;
            }
        });

    public IKubeObject? Find(ObjectKey key) => _find(key);

    /// <summary>Calls with each object before and after a change, until cancelled.</summary>
    public Task FollowAsync(Action<IKubeObject?, IKubeObject?> changed, CancellationToken ct) => _follow(changed, ct);
}
