using Fairlead.Linux.Namespaces;

namespace Fairlead.Bench.PodNet;

/// <summary>Two pods, one of which asks the other at its address.</summary>
internal sealed record Path(string Name, NetworkNamespace Client, NetworkNamespace Server, string Address);

/// <summary>What a person would make with stock tools and nothing more: what ours is held against.</summary>
internal static class HandMade
{
    /// <summary>One cable between two namespaces: the least there can be.</summary>
    internal static Path Cable(Underlay underlay, int mtu)
    {
        var (a, b) = (underlay.New(), underlay.New());
        Underlay.Sh(a, $"ip link set lo up; ip link add eth0 mtu {mtu} up type veth peer name eth0 mtu {mtu} netns {b.Name}; ip addr add 10.200.0.1/24 dev eth0");
        Underlay.Sh(b, "ip link set lo up; ip link set eth0 up; ip addr add 10.200.0.2/24 dev eth0");
        return new("plain veth", a, b, "10.200.0.2");
    }

    /// <summary>Two pods on one bridge.</summary>
    internal static Path Bridge(Underlay underlay, int mtu)
    {
        Underlay.Sh(underlay.Nodes[0], $"ip link add hand0 mtu {mtu} up type bridge; ip addr add 10.201.0.1/24 dev hand0");
        return new("bridge by hand", Pod(underlay, 0, 1, 2, mtu), Pod(underlay, 0, 1, 3, mtu), "10.201.0.3");
    }

    /// <summary>A bridge on each node and a VXLAN between them with static entries.</summary>
    internal static Path Vxlan(Underlay underlay, int mtu)
    {
        Bridges(underlay, mtu);
        for (var i = 0; i < 2; i++)
        {
            var (there, mac, otherMac) = (1 - i, $"02:00:00:00:00:0{i + 1}", $"02:00:00:00:00:0{2 - i}");
            Underlay.Sh(
                underlay.Nodes[i],
                $"ip link add handx mtu {mtu} address {mac} type vxlan id 77 dstport 4789 local {underlay.Addresses[i]} dev eth0 nolearning; ip addr add 10.20{i + 2}.0.0/32 dev handx; ip link set handx up; "
                + $"ip neigh add 10.20{there + 2}.0.0 lladdr {otherMac} dev handx nud permanent; bridge fdb add {otherMac} dev handx dst {underlay.Addresses[there]}; "
                + $"ip route add 10.20{there + 2}.0.0/24 via 10.20{there + 2}.0.0 dev handx onlink");
        }

        return new("bridge and VXLAN by hand", Pod(underlay, 0, 2, 2, mtu), Pod(underlay, 1, 3, 2, mtu), "10.203.0.2");
    }

    /// <summary>A bridge on each node and routes to each other.</summary>
    internal static Path Routes(Underlay underlay, int mtu)
    {
        Bridges(underlay, mtu);
        for (var i = 0; i < 2; i++)
        {
            Underlay.Sh(underlay.Nodes[i], $"ip route add 10.20{3 - i}.0.0/24 via {underlay.Addresses[1 - i]}");
        }

        return new("bridge and routes by hand", Pod(underlay, 0, 2, 2, mtu), Pod(underlay, 1, 3, 2, mtu), "10.203.0.2");
    }

    private static void Bridges(Underlay underlay, int mtu)
    {
        for (var i = 0; i < 2; i++)
        {
            Underlay.Sh(underlay.Nodes[i], $"ip link add hand0 mtu {mtu} up type bridge; ip addr add 10.20{i + 2}.0.1/24 dev hand0");
        }
    }

    private static NetworkNamespace Pod(Underlay underlay, int node, int net, int number, int mtu)
    {
        var pod = underlay.New();
        Underlay.Sh(underlay.Nodes[node], $"ip link add h{number} mtu {mtu} up master hand0 type veth peer name eth0 mtu {mtu} netns {pod.Name}");
        Underlay.Sh(pod, $"ip link set lo up; ip link set eth0 up; ip addr add 10.20{net}.0.{number}/24 dev eth0; ip route add default via 10.20{net}.0.1");
        return pod;
    }
}
