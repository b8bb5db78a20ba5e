using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Fairlead.Cni.Runtime;
using Fairlead.Kube.Objects;
using Fairlead.Lab.Pods.Containers;
using Fairlead.Lab.Pods.Leftovers;
using Fairlead.Lab.Pods.Variables;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Lab.Pods.Sandboxes;

/// <summary>The network of a pod: a namespace of its own with what the CNI plugins put into it, or the node's.</summary>
/// <remarks>No process holds the namespace: its mount under /run/netns does, so that a pod keeps its address over any restart.</remarks>
internal sealed class PodSandbox : IDisposable
{
    private const string InterfaceName = "eth0";

    private readonly CniRuntime? _network;
    private readonly CniAttachment? _attachment;
    private readonly LeftoverRegistry? _leftovers;

    private PodSandbox(NetworkNamespace ns, PodAddresses addresses) => (Namespace, Addresses) = (ns, addresses);

    private PodSandbox(NetworkNamespace ns, PodAddresses addresses, CniRuntime network, CniAttachment attachment, LeftoverRegistry leftovers)
        : this(ns, addresses)
        => (_network, _attachment, _leftovers) = (network, attachment, leftovers);

    public NetworkNamespace Namespace { get; }

    public PodAddresses Addresses { get; }

    /// <summary>A pod with <c>hostNetwork</c>.</summary>
    public static PodSandbox OfNode(NetworkNamespace node, string nodeAddress) => new(node, new PodAddresses(nodeAddress, [nodeAddress]));

    /// <summary>Makes the namespace and has the network's plugins fill it; on a failure nothing stays.</summary>
    public static async Task<PodSandbox> CreateAsync(Pod pod, string lab, string nodeAddress, CniRuntime network, LeftoverRegistry leftovers, CancellationToken ct)
    {
        var rates = PodRates.Of(pod);
        var id = ContainerRun.NewId();
        var name = $"fairlead.{lab}.pod-{id[..8]}";
        leftovers.AddNamespace(name);
        var ns = NetworkNamespace.Create(name);
        var attachment = Attachment(pod, id, ns.Path, rates);
        try
        {
            Prepare(pod, ns);
            var result = await network.AddAsync(attachment, ct);
            var addresses = result.Addresses.Select(a => a.Address.ToString()).ToImmutableArray();
            return new PodSandbox(ns, new PodAddresses(nodeAddress, addresses), network, attachment, leftovers);
        }
        catch
        {
            Delete(ns, leftovers);
            throw;
        }
    }

    /// <summary>Gives the address back and removes the namespace. The second goes on if the first fails.</summary>
    public async Task RemoveAsync(CancellationToken ct)
    {
        if (_network is null)
        {
            return;
        }

        try
        {
            await _network.DelAsync(_attachment!, ct);
        }
        finally
        {
            Delete(Namespace, _leftovers!);
        }
    }

    public void Dispose()
    {
        if (_network is not null)
        {
            Namespace.Dispose();
        }
    }

    private static void Prepare(Pod pod, NetworkNamespace ns)
    {
        using (var route = RouteSocket.Open(ns))
        {
            route.SetUp(route.GetLink("lo").Index);
        }

        // As containerd has it: a port below 1024 needs no right of its own in a pod.
        var settings = new List<(string, string)> { ("net/ipv4/ip_unprivileged_port_start", "0") };
        settings.AddRange((pod.Spec.SecurityContext?.Sysctls ?? default)
            .Where(s => s.Name.StartsWith("net.", StringComparison.Ordinal))
            .Select(s => (s.Name.Replace('.', '/'), s.Value)));
        Linux.Sysctl.WriteAll(settings, ns);
    }

    private static void Delete(NetworkNamespace ns, LeftoverRegistry leftovers)
    {
        _ = NetworkNamespace.Delete(ns.Name!);
        leftovers.RemoveNamespace(ns.Name!);
        ns.Dispose();
    }

    private static CniAttachment Attachment(Pod pod, string id, string path, JsonObject? rates)
    {
        var ports = new JsonArray([.. pod.Spec.Containers.SelectMany(c => c.Ports).Where(p => p.HostPort > 0).Select(p => (JsonNode)new JsonObject
        {
            ["hostPort"] = p.HostPort,
            ["containerPort"] = p.Port,
            ["protocol"] = (p.Protocol ?? "TCP").ToLowerInvariant(),
            ["hostIP"] = p.HostIP ?? "",
        })]);
        var attachment = new CniAttachment(id, path, InterfaceName);
        return attachment with
        {
            Arguments = attachment.Arguments.AddRange(
            [
                new("IgnoreUnknown", "1"),
                new("K8S_POD_NAMESPACE", pod.Metadata.Namespace),
                new("K8S_POD_NAME", pod.Metadata.Name),
                new("K8S_POD_INFRA_CONTAINER_ID", id),
                new("K8S_POD_UID", pod.Metadata.Uid),
            ]),
            Capabilities = attachment.Capabilities
                .AddRange(ports.Count == 0 ? [] : [new("portMappings", ports)])
                .AddRange(pod.Metadata.Annotations.IsEmpty ? [] : [new("io.kubernetes.cri.pod-annotations", Annotations(pod))])
                .AddRange(rates is null ? [] : [new("bandwidth", rates)]),
        };
    }

    private static JsonObject Annotations(Pod pod) => new(pod.Metadata.Annotations.Select(a => KeyValuePair.Create(a.Key, (JsonNode?)a.Value)));
}
