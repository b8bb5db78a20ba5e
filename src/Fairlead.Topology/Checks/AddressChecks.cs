using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Fairlead.Linux;

namespace Fairlead.Topology.Checks;

/// <summary>Whether addresses fit: in the network they stand in, and used once.</summary>
internal static class AddressChecks
{
    /// <summary>An address where it is written, and the segment (what is joined by switches and cables) it is in.</summary>
    private sealed record Placed(string Path, InterfaceAddress Address, string Segment, string Where);

    public static IEnumerable<TopologyDiagnostic> Check(NetworkTopology topology, Wiring wiring)
    {
        var segments = Segments(topology, wiring);
        var declared = topology.Switches
            .SelectMany((s, i) => s.Networks.Select((network, j) => (Path: Wiring.Item($"{Wiring.Item("switches", i)}.networks", j), Network: network, Segment: segments(SwitchKey(s)))))
            .ToImmutableArray();
        var placed = Addresses(topology, wiring, segments).ToImmutableArray();
        var unusable = placed.Select(Unusable).OfType<TopologyDiagnostic>().ToImmutableArray();
        var usable = Without(placed, unusable);
        var outside = Outside(usable, declared.ToLookup(d => d.Segment, d => d.Network, StringComparer.Ordinal)).ToImmutableArray();

        // An address is told what is wrong with it once, and not what only follows from that.
        return
        [
            .. unusable,
            .. Twice(placed),
            .. outside,
            .. Overlaps([.. declared, .. Without(usable, outside).Where(p => !IsAlone(p.Address)).Select(p => (p.Path, p.Address.Network, p.Segment))]),
        ];
    }

    private static ImmutableArray<Placed> Without(ImmutableArray<Placed> placed, ImmutableArray<TopologyDiagnostic> told)
    {
        var paths = told.Select(d => d.Path).ToHashSet(StringComparer.Ordinal);
        return [.. placed.Where(p => !paths.Contains(p.Path))];
    }

    private static string SwitchKey(TopologySwitch bridge) => $"{bridge.Host}/{bridge.Name}";

    /// <summary>Gives each switch and each cable the name of its segment.</summary>
    private static Func<string, string> Segments(NetworkTopology topology, Wiring wiring)
    {
        var parents = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var bridge in topology.Switches)
        {
            parents[SwitchKey(bridge)] = SwitchKey(bridge);
        }

        foreach (var (a, b) in wiring.Cables)
        {
            parents[a.Path] = a.Path;
            foreach (var end in (WiredEnd[])[a, b])
            {
                if (end.Switch is { } bridge)
                {
                    parents[Root(a.Path)] = Root(SwitchKey(bridge));
                }
            }
        }

        return Root;

        string Root(string key)
        {
            while (parents[key] != key)
            {
                key = parents[key] = parents[parents[key]];
            }

            return key;
        }
    }

    private static IEnumerable<Placed> Addresses(NetworkTopology topology, Wiring wiring, Func<string, string> segments)
        => topology.Switches
            .SelectMany((s, i) => s.Addresses.Select((address, j) => new Placed(
                Wiring.Item($"{Wiring.Item("switches", i)}.addresses", j), address, segments(SwitchKey(s)), $"{s.Host}:{s.Name}")))
            .Concat(wiring.Cables.SelectMany(c => new[] { c.A, c.B }.SelectMany(end => end.End.Addresses.Select((address, j) => new Placed(
                Wiring.Item($"{end.Path}.addresses", j), address, segments(c.A.Path), $"{end.Host}:{end.Interface}")))));

    /// <summary>/32 and /128: an address without neighbours.</summary>
    private static bool IsAlone(InterfaceAddress address) => address.PrefixLength == InterfaceAddress.Host(address.Address).PrefixLength;

    private static TopologyDiagnostic? Unusable(Placed placed)
    {
        var (address, network) = (placed.Address.Address, placed.Address.Network);
        var bits = InterfaceAddress.Host(address).PrefixLength;
        if (placed.Address.PrefixLength == 0)
        {
            return new(placed.Path, $"{placed.Address} has everything for its network", "write the length of the network's prefix, as /24");
        }

        if (IPAddress.IsLoopback(address) || address.IsIPv6Multicast || (address.AddressFamily == AddressFamily.InterNetwork && address.GetAddressBytes()[0] is 0 or >= 224))
        {
            return new(placed.Path, $"{address} is no address that an interface can have", "take one of 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or fd00::/8");
        }

        if (address.IsIPv6LinkLocal)
        {
            return new(placed.Path, $"{address} is a link's own address", "leave it out: every interface has one by itself");
        }

        if (placed.Address.PrefixLength >= bits - 1)
        {
            return null;
        }

        if (network.BaseAddress.Equals(address))
        {
            return new(placed.Path, $"{address} is the name of the network {network} itself", "take another address of the network");
        }

        return address.AddressFamily == AddressFamily.InterNetwork && Last(network).Equals(address)
            ? new(placed.Path, $"{address} is the broadcast address of {network}", "take another address of the network")
            : null;
    }

    private static IPAddress Last(IPNetwork network)
    {
        var bytes = network.BaseAddress.GetAddressBytes();
        for (var bit = network.PrefixLength; bit < 8 * bytes.Length; bit++)
        {
            bytes[bit / 8] |= (byte)(0x80 >> (bit % 8));
        }

        return new IPAddress(bytes);
    }

    private static IEnumerable<TopologyDiagnostic> Twice(ImmutableArray<Placed> placed)
    {
        var first = new Dictionary<IPAddress, Placed>();
        foreach (var one in placed)
        {
            if (!first.TryAdd(one.Address.Address, one))
            {
                yield return new(one.Path, $"{one.Address.Address} is the address of {first[one.Address.Address].Where} already", "take another address");
            }
        }
    }

    /// <summary>A segment's networks are those said of its switches, or else those of its first address of each family.</summary>
    private static IEnumerable<TopologyDiagnostic> Outside(ImmutableArray<Placed> placed, ILookup<string, IPNetwork> declared)
    {
        foreach (var segment in placed.GroupBy(p => p.Segment, StringComparer.Ordinal))
        {
            var networks = declared[segment.Key].ToList();
            var isDeclared = networks.Count > 0;
            foreach (var one in segment.Where(p => !IsAlone(p.Address)))
            {
                var (network, family) = (one.Address.Network, one.Address.Address.AddressFamily);
                var same = networks.Where(n => n.BaseAddress.AddressFamily == family).ToList();
                if (same.Contains(network))
                {
                    continue;
                }

                // A switch may stand in several networks; what is plugged into it must be in one of them.
                if (!isDeclared && (same.Count == 0 || one.Path.StartsWith("switches", StringComparison.Ordinal)))
                {
                    networks.Add(network);
                    continue;
                }

                var here = string.Join(" and ", (same.Count > 0 ? same : networks).Select(n => n.ToString()));
                yield return same.Any(n => n.Contains(one.Address.Address))
                    ? new(one.Path, $"{one.Address} has another prefix than its network {here}", "write the same length of prefix at every address of a network")
                    : new(one.Path, $"{one.Address} is outside of {here}, the network it is plugged into", "take an address of that network");
            }
        }
    }

    private static IEnumerable<TopologyDiagnostic> Overlaps(ImmutableArray<(string Path, IPNetwork Network, string Segment)> networks)
    {
        // Sorted, a network comes right after those that it may lie in; each is told once, where it is first written.
        var distinct = networks.DistinctBy(n => (n.Network, n.Segment)).ToList();
        var order = distinct
            .OrderBy(n => n.Network.BaseAddress.AddressFamily).ThenBy(n => Convert.ToHexString(n.Network.BaseAddress.GetAddressBytes()), StringComparer.Ordinal)
            .ThenBy(n => n.Network.PrefixLength);
        (string Path, IPNetwork Network, string Segment)? around = null;
        foreach (var one in order)
        {
            if (around is { } outer && outer.Network.Contains(one.Network.BaseAddress))
            {
                var (later, earlier) = distinct.IndexOf(one) > distinct.IndexOf(outer) ? (one, outer) : (outer, one);
                yield return new(later.Path, later.Network == earlier.Network
                    ? $"{later.Network} is the network of another switch or link already ({earlier.Path})"
                    : $"{later.Network} overlaps {earlier.Network} ({earlier.Path})", "take a network that shares no address with it");
            }
            else
            {
                around = one;
            }
        }
    }
}
