using System.Net;
using Fairlead.Kube.Client;
using Fairlead.Kube.Informers;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;

namespace Fairlead.Ingress.Status;

/// <summary>Finds the addresses that clients reach this controller at: what <c>status.loadBalancer</c> of Ingresses is to say.</summary>
/// <remarks>One caller at a time.</remarks>
internal sealed class PublishedAddresses(KubeClient client, IngressOptions options, Snapshot<Store<Service>> services, TimeProvider time)
{
    private (IReadOnlyList<LoadBalancerIngress> Found, long At)? _ofPods;

    /// <summary>The addresses, sorted; null when they cannot be known now.</summary>
    public async Task<EquatableArray<LoadBalancerIngress>?> FindAsync(CancellationToken ct)
    {
        var found = options.PublishAddresses.Count > 0 ? options.PublishAddresses.Select(Entry)
            : options.PublishService is { } service ? OfService(services.Current.Find(service))
            : await OfPodsAsync(ct);
        return found?.Distinct().OrderBy(a => a.Ip ?? a.Hostname, StringComparer.Ordinal).ToEquatableArray();
    }

    /// <summary>Other replicas of this controller run.</summary>
    public async Task<bool> HasOtherReplicasAsync(CancellationToken ct)
        => (await PodsAsync(ct))
            .Any(p => p.Metadata.DeletionTimestamp is null && !string.Equals(p.Metadata.Name, options.PodName, StringComparison.Ordinal));

    /// <summary>As ingress-nginx reads a Service: by its type.</summary>
    internal static IEnumerable<LoadBalancerIngress>? OfService(Service? service)
        => service?.Spec switch
        {
            null => null,
            { Type: "ExternalName", ExternalName: { Length: > 0 } name } => [new LoadBalancerIngress { Hostname = name }],
            { Type: "LoadBalancer" } => [.. service.Status.LoadBalancer?.Ingress ?? [], .. service.Spec.ExternalIPs.Select(Entry)],
            { ExternalIPs.IsEmpty: false } => service.Spec.ExternalIPs.Select(Entry),
            { ClusterIP: { Length: > 0 } address } when IPAddress.TryParse(address, out _) => [Entry(address)],
            _ => [],
        };

    /// <summary>The address of a node that clients outside should use.</summary>
    internal static string? OfNode(Node node, bool wantInternal)
    {
        return (wantInternal ? null : Of("ExternalIP")) ?? Of("InternalIP");

        string? Of(string type)
            => node.Status.Addresses.FirstOrDefault(a => string.Equals(a.Type, type, StringComparison.Ordinal))?.Address;
    }

    private static LoadBalancerIngress Entry(string address)
        => IPAddress.TryParse(address, out _) ? new LoadBalancerIngress { Ip = address } : new LoadBalancerIngress { Hostname = address };

    /// <summary>The running replicas: those with the labels that this one has.</summary>
    private async Task<IReadOnlyList<Pod>> PodsAsync(CancellationToken ct)
    {
        if (await client.FindAsync(KubeResources.Pods, options.PodNamespace, options.PodName, ct) is not { } own)
        {
            return [];
        }

        // Labels that a controller gives each generation of pods anew do not tell replicas apart from others.
        var labels = own.Metadata.Labels.Where(
            l => l.Key is not ("pod-template-hash" or "controller-revision-hash" or "pod-template-generation"));
        var list = await client.ListAsync(KubeResources.Pods, options.PodNamespace,
            new ListOptions(LabelSelector: string.Join(',', labels.Select(l => $"{l.Key}={l.Value}"))), ct);
        return [.. list.Items.Where(p => p.Status.Phase is "Running" && p.Metadata.DeletionTimestamp is null)];
    }

    /// <summary>Asked for with every change of a route or an endpoint, so the API is not asked each time.</summary>
    private async Task<IEnumerable<LoadBalancerIngress>?> OfPodsAsync(CancellationToken ct)
    {
        if (_ofPods is { } known && time.GetElapsedTime(known.At) < options.StatusInterval)
        {
            return known.Found;
        }

        var pods = await PodsAsync(ct);
        var found = new List<LoadBalancerIngress>();
        foreach (var name in pods.Select(p => p.Spec.NodeName).OfType<string>().Distinct(StringComparer.Ordinal))
        {
            if (await client.FindAsync(KubeResources.Nodes, null, name, ct) is { } node
                && OfNode(node, options.ReportInternalAddress) is { } address)
            {
                found.Add(Entry(address));
            }
        }

        if (found.Count > 0)
        {
            _ofPods = (found, time.GetTimestamp());
        }

        return pods.Count == 0 ? null : found;
    }
}
