using System.Net;
using Fairlead.Core.Services;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;

namespace Fairlead.Core.Policy;

/// <summary>A pod as policies see it.</summary>
public sealed record PolicyPod(ObjectKey Key, string NodeName, EquatableMap Labels, EquatableArray<PodAddress> Addresses, EquatableArray<NamedPort> Ports)
{
    /// <summary>Null for what policies do not know: a pod of the host's network, one that has ended, one without an address.</summary>
    public static PolicyPod? Of(Pod pod) => Of(
        pod,
        [.. pod.Status.PodIPs.Select(ip => ip.Ip).Append(pod.Status.PodIP)
            .Select(text => IPAddress.TryParse(text, out var address) ? address : null).OfType<IPAddress>().Select(a => new PodAddress(a)).Distinct()]);

    /// <summary>The same with the addresses that the node itself knows, which the API may not say yet.</summary>
    public static PolicyPod? Of(Pod pod, EquatableArray<PodAddress> addresses)
        => pod.Spec.HostNetwork || pod.Status.Phase is "Succeeded" or "Failed" || addresses.IsEmpty
            ? null
            : new(pod.Key, pod.Spec.NodeName ?? "", pod.Metadata.Labels, addresses, [.. pod.Spec.Containers.SelectMany(c => c.Ports).Where(p => p.Name is not null).Select(Named)]);

    /// <summary>Cuts a Pod down to what <see cref="Of(Pod)"/> reads.</summary>
    public static Pod Trim(Pod pod) => new()
    {
        Metadata = new ObjectMeta { Namespace = pod.Metadata.Namespace, Name = pod.Metadata.Name, Uid = pod.Metadata.Uid, Labels = pod.Metadata.Labels },
        Spec = new PodSpec
        {
            NodeName = pod.Spec.NodeName,
            HostNetwork = pod.Spec.HostNetwork,
            Containers = [.. pod.Spec.Containers.Select(c => new Container { Name = c.Name, Ports = [.. c.Ports.Where(p => p.Name is not null)] }).Where(c => !c.Ports.IsEmpty)],
        },
        Status = new PodStatus { Phase = pod.Status.Phase is "Succeeded" or "Failed" ? pod.Status.Phase : "", PodIP = pod.Status.PodIP, PodIPs = pod.Status.PodIPs },
    };

    private static NamedPort Named(ContainerPort port) => new(port.Name!, PolicyPorts.ProtocolOf(port.Protocol) ?? Protocol.Tcp, (ushort)port.Port);
}

/// <summary>An address of a pod, compared by its value.</summary>
public readonly record struct PodAddress(IPAddress Address)
{
    public override string ToString() => Address.ToString();
}

/// <summary>A port of a container that has a name.</summary>
public readonly record struct NamedPort(string Name, Protocol Protocol, ushort Port);
