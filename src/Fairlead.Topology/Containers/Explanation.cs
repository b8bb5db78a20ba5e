using System.Globalization;
using System.Net.Sockets;
using Fairlead.Topology.Containers.State;

namespace Fairlead.Topology.Containers;

/// <summary>One step of a container's way to its network, beside the stock command that would do it.</summary>
/// <param name="Number">Its place among the eight.</param>
/// <param name="What">What is done.</param>
/// <param name="Commands">The stock commands for it.</param>
public sealed record ExplainedStep(int Number, string What, IReadOnlyList<string> Commands);

/// <summary>Tells of each of the eight steps of a container's network right before it is taken.</summary>
internal sealed class Explanation(Action<ExplainedStep>? tell)
{
    public static readonly Explanation Silent = new(null);

    public void NamespaceMade(string name)
        => Tell(1, "create the network namespace", $"ip netns add {name}", $"ip -n {name} link set lo up");

    public void BridgeMade(NetworkRecord network, bool isNew)
        => Tell(2, isNew ? "create the bridge" : "create the bridge: it is there already", isNew ? [$"ip link add {network.Bridge} type bridge"] : []);

    public void CableMade(string veth, string inside, string name)
    {
        Tell(3, "create the veth pair, a cable with two ends", $"ip link add {veth} type veth peer name {inside} netns {name}");
        Tell(4, "attach one end to the namespace: it was made there at once", $"ip -n {name} link show {inside}");
    }

    public void CablePlugged(string veth, string bridge)
        => Tell(5, "attach the other end to the bridge", $"ip link set {veth} master {bridge}");

    public void AddressesGiven(NetworkRecord network, ContainerRecord container, string name, string inside)
        => Tell(
            6, "assign the addresses",
            [
                .. container.Addresses.Select(a => $"ip -n {name} addr add {a} dev {inside}"),
                .. network.Subnets.Select(s => $"ip addr add {s.BridgeAddress} dev {network.Bridge}"),
            ]);

    public void InterfacesUp(NetworkRecord network, string veth, string name, string inside)
        => Tell(
            7, "bring the interfaces up",
            [
                $"ip link set {network.Bridge} up", $"ip link set {veth} up", $"ip -n {name} link set {inside} up",
                .. network.Internal ? [] : network.Subnets.Select(s => $"ip -n {name} route add default via {s.Gateway}"),
            ]);

    public void NatEnabled(NetworkRecord network, ContainerRecord container)
        => Tell(
            8, network.Internal ? "enable NAT: not for an internal network" : "enable NAT",
            network.Internal ? [] :
            [
                "sysctl -w net.ipv4.ip_forward=1",
                .. network.Subnets.Select(s => $"{Tables(s.Family)} -t nat -A POSTROUTING -s {s.Range} ! -o {network.Bridge} -j MASQUERADE"),
                .. from port in container.Options.Ports
                   from address in container.InterfaceAddresses.Select(a => a.Address)
                   where port.IsFor(address.AddressFamily)
                   select string.Create(
                       CultureInfo.InvariantCulture,
                       $"{Tables(address.AddressFamily)} -t nat -A PREROUTING {(port.OnlyAddress is { } only ? $"-d {only} " : "")}-p {port.Protocol} --dport {port.HostPort} -j DNAT --to-destination {new System.Net.IPEndPoint(address, port.ContainerPort)}"),
            ]);

    private void Tell(int number, string what, params string[] commands) => tell?.Invoke(new ExplainedStep(number, what, commands));

    private static string Tables(AddressFamily family) => family == AddressFamily.InterNetwork ? "iptables" : "ip6tables";
}
