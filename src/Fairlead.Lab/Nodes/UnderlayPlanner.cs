using System.Collections.Immutable;
using System.Net;

namespace Fairlead.Lab.Nodes;

/// <summary>Where one node of the lab stands on the underlay.</summary>
/// <param name="Name">The node's name in Kubernetes.</param>
/// <param name="Namespace">Its network namespace.</param>
/// <param name="Subnet">0 or 1: which of the two underlay subnets it is on.</param>
/// <param name="Address">Its address there.</param>
public sealed record UnderlayNode(string Name, string Namespace, int Subnet, IPAddress Address);

/// <summary>
/// The network below the cluster: two subnets, each a switch in the router's namespace, and a third that leads to the host.
/// </summary>
public sealed record UnderlayPlan(IPNetwork Block, string RouterNamespace, string HostLink, ImmutableArray<UnderlayNode> Nodes)
{
    /// <summary>The subnets that the nodes stand on.</summary>
    public ImmutableArray<IPNetwork> Subnets => [AddressRange.Part(Block, 24, 0), AddressRange.Part(Block, 24, 1)];

    /// <summary>The subnet between the router and the host.</summary>
    public IPNetwork HostSubnet => AddressRange.Part(Block, 24, 2);

    /// <summary>The host's address as the nodes see it; the API server listens there too.</summary>
    public IPAddress HostAddress => AddressRange.At(HostSubnet, 2);

    /// <summary>The router's address on a subnet: always the first.</summary>
    public static IPAddress RouterAddress(IPNetwork subnet) => AddressRange.At(subnet, 1);
}

/// <summary>Chooses names and addresses for a lab's underlay.</summary>
internal static class UnderlayPlanner
{
    /// <summary>RFC 2544's range for tests of network devices: nobody routes it. Each lab takes a /22 of it.</summary>
    private static readonly IPNetwork s_testRange = IPNetwork.Parse("198.18.0.0/15");

    private const int BlockPrefix = 22;

    /// <summary>The first free block, from 198.19.0.0 upwards and then 198.18.0.0.</summary>
    /// <param name="name">The lab's name.</param>
    /// <param name="nodes">How many nodes it has.</param>
    /// <param name="taken">Ranges that the host routes or that the cluster uses itself.</param>
    /// <returns>Null when every block overlaps something.</returns>
    public static UnderlayPlan? Plan(string name, int nodes, IReadOnlyCollection<IPNetwork> taken)
    {
        var blocks = Enumerable.Range(64, 64).Concat(Enumerable.Range(0, 64)).Select(i => AddressRange.Part(s_testRange, BlockPrefix, i));
        foreach (var block in blocks)
        {
            if (!taken.Any(range => AddressRange.Overlap(range, block)))
            {
                return At(name, nodes, block);
            }
        }

        return null;
    }

    /// <summary>The plan of a lab on a given block.</summary>
    public static UnderlayPlan At(string name, int nodes, IPNetwork block)
    {
        var onFirst = (nodes + 1) / 2;
        var list = ImmutableArray.CreateBuilder<UnderlayNode>(nodes);
        for (var i = 0; i < nodes; i++)
        {
            var subnet = i < onFirst ? 0 : 1;
            var address = AddressRange.At(AddressRange.Part(block, 24, subnet), (uint)(11 + i));
            list.Add(new UnderlayNode($"node{i + 1}", $"{NamespacePrefix(name)}node{i + 1}", subnet, address));
        }

        return new UnderlayPlan(block, $"{NamespacePrefix(name)}router", HostLinkName(name), list.MoveToImmutable());
    }

    /// <summary>What every namespace of the lab starts with; names of two labs never share it, since a lab's name has no dot.</summary>
    public static string NamespacePrefix(string name) => $"fairlead.{name}.";

    /// <summary>An interface name has 15 characters, fewer than a lab's name, so it carries a hash; its alias has the name.</summary>
    private static string HostLinkName(string name)
    {
        var hash = System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(name));
        return $"fl{Convert.ToHexStringLower(hash.AsSpan(0, 5))}";
    }
}
