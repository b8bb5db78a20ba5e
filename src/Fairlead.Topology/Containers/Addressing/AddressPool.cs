using System.Net;
using System.Net.Sockets;
using Fairlead.Linux;
using Fairlead.Topology.Containers.State;

namespace Fairlead.Topology.Containers.Addressing;

/// <summary>Gives containers their addresses. What is taken is what the records of live containers say, so that nothing can leak.</summary>
internal static class AddressPool
{
    /// <summary>An address of every subnet of the network: the one that was asked for, or the next free one.</summary>
    public static IReadOnlyList<InterfaceAddress> Take(NetworkRecord network, IReadOnlyList<string> wanted, IEnumerable<ContainerRecord> members)
    {
        var taken = members
            .SelectMany(m => m.InterfaceAddresses.Select(a => (a.Address, m.Name)))
            .Concat(network.Subnets.Select(s => (Address: s.GatewayAddress, Name: "the network's gateway")))
            .ToDictionary(t => t.Address, t => t.Name);
        var asked = wanted.Select(w => ParseAddress(network, w)).ToList();
        return [.. network.Subnets.Select(subnet =>
        {
            var address = asked.FirstOrDefault(a => a.AddressFamily == subnet.Family);
            if (address is null)
            {
                return new InterfaceAddress(NextFree(network, subnet, taken), subnet.Network.PrefixLength);
            }

            return taken.TryGetValue(address, out var holder)
                ? throw new ContainerException($"--ip {address} is taken by {holder}", "choose another, or leave it out to get the next free one")
                : new InterfaceAddress(address, subnet.Network.PrefixLength);
        })];
    }

    /// <summary>Whether a host may have the address: within the range, and not one of IPv4's two that mean the network itself.</summary>
    public static bool IsForHosts(IPNetwork range, IPAddress address)
        => range.BaseAddress.AddressFamily == address.AddressFamily
            && range.Contains(address)
            && AddressNumber.Of(address) != AddressNumber.First(range)
            && (address.AddressFamily == AddressFamily.InterNetworkV6 || AddressNumber.Of(address) != AddressNumber.Last(range));

    private static IPAddress ParseAddress(NetworkRecord network, string text)
    {
        if (!IPAddress.TryParse(text, out var address))
        {
            throw ContainerException.Usage($"--ip '{text}' is not an address");
        }

        return network.Subnets.Any(s => IsForHosts(s.Network, address))
            ? address
            : throw ContainerException.Usage(
                $"--ip {address} is not an address for a host in network '{network.Name}' ({string.Join(", ", network.Subnets.Select(s => s.Range))})");
    }

    private static IPAddress NextFree(NetworkRecord network, NetworkSubnet subnet, Dictionary<IPAddress, string> taken)
    {
        var pool = subnet.PoolNetwork;
        for (var number = AddressNumber.First(pool); number <= AddressNumber.Last(pool); number++)
        {
            var address = AddressNumber.ToAddress(number, pool.BaseAddress);
            if (IsForHosts(subnet.Network, address) && !taken.ContainsKey(address))
            {
                return address;
            }
        }

        throw new ContainerException($"network '{network.Name}' has no free address left in {pool}", "remove containers, or create a network with a larger --subnet");
    }
}
