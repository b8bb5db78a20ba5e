using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;

namespace Fairlead.ApiServer.Controllers.Nodes;

/// <summary>A node and the pod ranges that it gets, one of each address family.</summary>
internal readonly record struct CidrAssignment(Node Node, EquatableArray<string> Cidrs);

/// <summary>Which nodes get which ranges, which get none, and which hold the same.</summary>
internal sealed record PodCidrPlan(
    ImmutableArray<CidrAssignment> Assign, ImmutableArray<Node> Exhausted, ImmutableArray<(Node Node, Node Other, string Cidr)> Conflicts);

/// <summary>Gives each node the lowest range that nobody has.</summary>
/// <remarks>What nodes hold is read from the nodes themselves each time: there is no other memory that could differ from it.</remarks>
internal static class PodCidrPlanner
{
    /// <param name="ranges">The cluster's ranges and the prefix length of a node's part of each.</param>
    public static PodCidrPlan Plan(IReadOnlyList<(IPNetwork Range, int NodePrefix)> ranges, IEnumerable<Node> nodes)
    {
        var ordered = nodes.OrderBy(n => n.Metadata.CreationTimestamp).ThenBy(n => n.Metadata.Name, StringComparer.Ordinal).ToList();
        var taken = new Dictionary<IPNetwork, Node>();
        var conflicts = ImmutableArray.CreateBuilder<(Node, Node, string)>();
        foreach (var node in ordered)
        {
            foreach (var cidr in Held(node))
            {
                if (IPNetwork.TryParse(cidr, out var network) && !taken.TryAdd(network, node))
                {
                    conflicts.Add((node, taken[network], cidr));
                }
            }
        }

        var assign = ImmutableArray.CreateBuilder<CidrAssignment>();
        var exhausted = ImmutableArray.CreateBuilder<Node>();
        var held = taken.Keys.ToList();
        foreach (var node in ordered.Where(n => Held(n).IsEmpty && !n.IsTerminating))
        {
            var cidrs = ranges.Select(r => Free(r.Range, r.NodePrefix, held)).ToList();
            if (cidrs.Contains(null))
            {
                exhausted.Add(node);
                continue;
            }

            held.AddRange(cidrs.Select(c => c!.Value));
            assign.Add(new(node, cidrs.Select(c => c!.Value.ToString()).ToEquatableArray()));
        }

        return new(assign.ToImmutable(), exhausted.ToImmutable(), conflicts.ToImmutable());
    }

    private static EquatableArray<string> Held(Node node)
        => node.Spec.PodCIDRs.IsEmpty && node.Spec.PodCIDR.Length > 0 ? [node.Spec.PodCIDR] : node.Spec.PodCIDRs;

    /// <summary>
    /// The lowest part of the range that overlaps nothing held. Parts held may be of another size, after the size was changed.
    /// </summary>
    private static IPNetwork? Free(IPNetwork range, int prefix, List<IPNetwork> held)
    {
        var bits = range.BaseAddress.AddressFamily == AddressFamily.InterNetwork ? 32 : 128;
        var (first, step) = (Number(range.BaseAddress), UInt128.One << (bits - prefix));
        var count = prefix - range.PrefixLength >= 63 ? long.MaxValue : 1L << Math.Max(0, prefix - range.PrefixLength);
        var blocked = held.Where(h => h.BaseAddress.AddressFamily == range.BaseAddress.AddressFamily)
            .Select(h => (Start: Number(h.BaseAddress), End: Number(h.BaseAddress) + (UInt128.One << (bits - h.PrefixLength))))
            .OrderBy(h => h.Start).ToList();
        var candidate = first;
        foreach (var (start, end) in blocked)
        {
            if (start < candidate + step && end > candidate)
            {
                candidate = first + ((end - first + step - 1) / step * step);
            }
        }

        return prefix >= range.PrefixLength && (candidate - first) / step < (UInt128)count
            ? new IPNetwork(Address(candidate, bits), prefix)
            : null;
    }

    private static UInt128 Number(IPAddress address)
    {
        var number = UInt128.Zero;
        foreach (var b in address.GetAddressBytes())
        {
            number = (number << 8) | b;
        }

        return number;
    }

    private static IPAddress Address(UInt128 number, int bits)
    {
        var bytes = new byte[bits / 8];
        for (var i = bytes.Length - 1; i >= 0; i--)
        {
            bytes[i] = (byte)(number & 0xff);
            number >>= 8;
        }

        return new IPAddress(bytes);
    }
}
