using System.Collections.Immutable;
using System.Globalization;
using Fairlead.ApiServer.Controllers.Workloads;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;

namespace Fairlead.ApiServer.Controllers.Endpoints;

/// <summary>The slices to make, to change and to delete for one Service.</summary>
internal sealed record EndpointSlicePlan(
    ImmutableArray<EndpointSlice> Create, ImmutableArray<EndpointSlice> Update, ImmutableArray<EndpointSlice> Delete);

/// <summary>Compares a Service's slices with the endpoints it should have.</summary>
/// <remarks>An endpoint stays in the slice it is in: each change is sent to every node, so as few slices as possible change.</remarks>
internal static class EndpointSlicePlanner
{
    public const string ServiceLabel = "kubernetes.io/service-name";
    public const string ManagedByLabel = "endpointslice.kubernetes.io/managed-by";
    public const string ManagedBy = "endpointslice-controller.k8s.io";
    public const string TriggerTime = "endpoints.kubernetes.io/last-change-trigger-time";
    private const string HeadlessLabel = "service.kubernetes.io/headless";
    private const int MostPerSlice = 100;

    /// <param name="pods">The pods that the Service selects.</param>
    /// <param name="slices">The Service's slices, of whichever controller.</param>
    public static EndpointSlicePlan Plan(
        Service service, IReadOnlyCollection<Pod> pods, Func<string, Node?> node, IEnumerable<EndpointSlice> slices)
    {
        var mine = slices.Where(IsMine).OrderBy(s => s.Metadata.CreationTimestamp).ThenBy(s => s.Metadata.Name, StringComparer.Ordinal)
            .ToList();
        var trigger = Trigger(service, pods);
        var create = ImmutableArray.CreateBuilder<EndpointSlice>();
        var update = ImmutableArray.CreateBuilder<EndpointSlice>();
        var kept = new HashSet<string>(StringComparer.Ordinal);
        var groups = EndpointCompiler.Compile(service, pods, node);
        var ordered = groups.OrderBy(g => g.Key.AddressType, StringComparer.Ordinal).ThenBy(g => $"{g.Key.Ports}", StringComparer.Ordinal);
        foreach (var (group, endpoints) in ordered)
        {
            var left = new SortedDictionary<string, Endpoint>(endpoints, StringComparer.Ordinal);
            var filled = new List<(EndpointSlice Slice, List<Endpoint> Endpoints)>();
            foreach (var slice in mine.Where(s => new EndpointGroup(s.AddressType, s.Ports) == group && !s.IsTerminating))
            {
                filled.Add((slice, [.. slice.Endpoints.Select(e => Current(e, left)).OfType<Endpoint>()]));
            }

            // What is new fills the slices there are before another one is made.
            var added = new Queue<Endpoint>(left.Values);
            foreach (var (_, content) in filled)
            {
                while (content.Count < MostPerSlice && added.TryDequeue(out var endpoint))
                {
                    content.Add(endpoint);
                }
            }

            var used = filled.FindAll(f => f.Endpoints.Count > 0);
            if (used.Count == 0 && filled.Count > 0)
            {
                used.Add(filled[0]);
            }

            foreach (var (slice, content) in used)
            {
                kept.Add(slice.Metadata.Name);
                var wanted = slice with { Endpoints = content.ToEquatableArray(), Metadata = Labelled(service, slice.Metadata) };
                if (wanted != slice)
                {
                    var annotations = wanted.Metadata.Annotations.With(TriggerTime, trigger);
                    update.Add(wanted with { Metadata = wanted.Metadata with { Annotations = annotations } });
                }
            }

            while (added.Count > 0 || (used.Count == 0 && endpoints.Count == 0))
            {
                var content = new List<Endpoint>();
                while (content.Count < MostPerSlice && added.TryDequeue(out var endpoint))
                {
                    content.Add(endpoint);
                }

                create.Add(New(service, group, content, trigger));
                if (content.Count == 0)
                {
                    break;
                }
            }
        }

        return new(create.ToImmutable(), update.ToImmutable(), [.. mine.Where(s => !kept.Contains(s.Metadata.Name) && !s.IsTerminating)]);
    }

    public static bool IsMine(EndpointSlice slice) => slice.Metadata.Labels.Find(ManagedByLabel) == ManagedBy;

    /// <summary>The endpoint as it is to be, if its pod is still one; then it needs no other place.</summary>
    private static Endpoint? Current(Endpoint endpoint, SortedDictionary<string, Endpoint> left)
        => endpoint.TargetRef?.Uid is { } uid && left.Remove(uid, out var current) ? current : null;

    private static EndpointSlice New(Service service, EndpointGroup group, List<Endpoint> endpoints, string trigger) => new()
    {
        Metadata = Labelled(service, new ObjectMeta
        {
            GenerateName = $"{service.Metadata.Name}-",
            Namespace = service.Metadata.Namespace,
            Annotations = EquatableMap.Of((TriggerTime, trigger)),
            OwnerReferences = [Owners.Reference(service)],
        }),
        AddressType = group.AddressType,
        Ports = group.Ports,
        Endpoints = endpoints.ToEquatableArray(),
    };

    private static ObjectMeta Labelled(Service service, ObjectMeta meta)
    {
        var labels = service.Metadata.Labels.Without(HeadlessLabel).With(ServiceLabel, service.Metadata.Name)
            .With(ManagedByLabel, ManagedBy);
        return meta with { Labels = service.Spec.ClusterIP == "None" ? labels.With(HeadlessLabel, "") : labels };
    }

    /// <summary>When the newest change happened that the slices tell of: measures how long the news takes to the nodes.</summary>
    private static string Trigger(Service service, IEnumerable<Pod> pods)
    {
        var newest = service.Metadata.CreationTimestamp ?? default;
        foreach (var pod in pods)
        {
            foreach (var time in (DateTimeOffset?[])[pod.Metadata.DeletionTimestamp, PodState.Find(pod, "Ready")?.LastTransitionTime])
            {
                newest = time > newest ? time.Value : newest;
            }
        }

        return newest.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
    }
}
