using System.Net;
using System.Net.Sockets;
using Fairlead.ApiServer.Controllers.Workloads;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;

namespace Fairlead.ApiServer.Controllers.Endpoints;

/// <summary>Endpoints that can share a slice: of one address family, with the same ports.</summary>
internal sealed record EndpointGroup(string AddressType, EquatableArray<EndpointPort> Ports);

/// <summary>Turns a Service and its pods into endpoints.</summary>
internal static class EndpointCompiler
{
    /// <summary>The endpoints of each group, by pod uid. Every address family of the Service has at least one group.</summary>
    public static IReadOnlyDictionary<EndpointGroup, SortedDictionary<string, Endpoint>> Compile(
        Service service, IEnumerable<Pod> pods, Func<string, Node?> node)
    {
        var groups = new Dictionary<EndpointGroup, SortedDictionary<string, Endpoint>>();
        foreach (var family in service.Spec.IpFamilies.IsEmpty ? ["IPv4"] : service.Spec.IpFamilies)
        {
            foreach (var pod in pods)
            {
                if (!PodState.IsFinished(pod) && Address(pod, family) is { } address)
                {
                    var group = new EndpointGroup(family, Ports(service, pod));
                    if (!groups.TryGetValue(group, out var endpoints))
                    {
                        groups[group] = endpoints = new(StringComparer.Ordinal);
                    }

                    endpoints[pod.Metadata.Uid] = Endpoint(service, pod, address, node(pod.Spec.NodeName));
                }
            }

            if (!groups.Keys.Any(g => g.AddressType == family))
            {
                // An empty slice says "no endpoints", where none at all could mean that nobody has looked yet.
                groups[new EndpointGroup(family, default)] = new(StringComparer.Ordinal);
            }
        }

        return groups;
    }

    private static Endpoint Endpoint(Service service, Pod pod, string address, Node? node)
    {
        // A pod that is asked to end is out at once, though it may serve on for those that have nothing else (KEP-1669).
        var (serving, terminating) = (PodState.IsReady(pod), pod.IsTerminating);
        return new()
        {
            Addresses = [address],
            Conditions = new()
            {
                Ready = service.Spec.PublishNotReadyAddresses || (serving && !terminating),
                Serving = serving,
                Terminating = terminating,
            },
            Hostname = pod.Spec.Hostname is { Length: > 0 } hostname && pod.Spec.Subdomain == service.Metadata.Name ? hostname : null,
            NodeName = pod.Spec.NodeName.Length > 0 ? pod.Spec.NodeName : null,
            Zone = node?.Metadata.Labels.Find("topology.kubernetes.io/zone"),
            TargetRef = new() { Kind = "Pod", Namespace = pod.Metadata.Namespace, Name = pod.Metadata.Name, Uid = pod.Metadata.Uid },
        };
    }

    private static EquatableArray<EndpointPort> Ports(Service service, Pod pod)
    {
        var ports = new List<EndpointPort>();
        foreach (var port in service.Spec.Ports)
        {
            // A pod that does not have the named port has the others all the same.
            if (Number(port, pod) is { } number)
            {
                ports.Add(new() { Name = port.Name, Protocol = port.Protocol ?? "TCP", Port = number, AppProtocol = port.AppProtocol });
            }
        }

        return ports.ToEquatableArray();
    }

    private static int? Number(ServicePort port, Pod pod)
    {
        if (port.TargetPort is not { } target || target == default)
        {
            return port.Port;
        }

        if (target.IsNumber)
        {
            return target.Number;
        }

        foreach (var container in pod.Spec.Containers.Concat(pod.Spec.InitContainers.Where(c => c.RestartPolicy == "Always")))
        {
            foreach (var candidate in container.Ports)
            {
                if (candidate.Name == target.Text && (candidate.Protocol ?? "TCP") == (port.Protocol ?? "TCP"))
                {
                    return candidate.Port;
                }
            }
        }

        return null;
    }

    private static string? Address(Pod pod, string family)
    {
        var wanted = family == "IPv6" ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork;
        foreach (var text in pod.Status.PodIPs.IsEmpty ? [pod.Status.PodIP] : pod.Status.PodIPs.Select(p => p.Ip))
        {
            if (IPAddress.TryParse(text, out var address) && address.AddressFamily == wanted)
            {
                return text;
            }
        }

        return null;
    }
}
