using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Fairlead.Topology.Containers.State;

namespace Fairlead.Topology.Containers.Addressing;

/// <summary>A range that is taken, and by what.</summary>
internal sealed record TakenRange(IPNetwork Range, string Holder);

/// <summary>Chooses the range of a network so that it meets nothing that is there.</summary>
internal static class SubnetChooser
{
    private static readonly IPNetwork s_first = IPNetwork.Parse("172.30.0.0/16");

    /// <summary>Ranges that are tried in turn: those that people rarely have, before those of home routers, before those that Docker takes first.</summary>
    private static readonly IPNetwork[] s_others =
    [
        IPNetwork.Parse("172.31.0.0/16"),
        .. Enumerable.Range(0, 16).Select(i => IPNetwork.Parse($"192.168.{i * 16}.0/20")),
        .. Enumerable.Range(18, 12).Select(i => IPNetwork.Parse($"172.{i}.0.0/16")),
    ];

    /// <summary>A range of IPv4 that meets none of those; the default bridge's own is left to it.</summary>
    public static IPNetwork ChooseIPv4(IReadOnlyCollection<TakenRange> taken, bool isDefault)
        => (isDefault ? s_others.Prepend(s_first) : s_others).Cast<IPNetwork?>().FirstOrDefault(c => taken.All(t => !t.Range.Meets(c!.Value)))
            ?? throw new ContainerException("every range that could be chosen meets a route or an address of this host", "fairlead network create NAME --subnet RANGE");

    /// <summary>A range of unique local addresses that nobody else has drawn (RFC 4193 §3.2).</summary>
    public static IPNetwork ChooseIPv6()
    {
        var bytes = new byte[16];
        bytes[0] = 0xfd;
        RandomNumberGenerator.Fill(bytes.AsSpan(1, 5));
        return new IPNetwork(new IPAddress(bytes), 64);
    }

    /// <summary>What was asked for by hand, checked.</summary>
    public static NetworkSubnet Check(IPNetwork range, IPAddress? gateway, IPNetwork? pool, IEnumerable<TakenRange> taken)
    {
        var isIPv4 = range.BaseAddress.AddressFamily == AddressFamily.InterNetwork;
        if (range.PrefixLength > (isIPv4 ? 30 : 126) || range.PrefixLength < 4)
        {
            throw ContainerException.Usage($"subnet {range}: there must be room for a gateway and a container, and it cannot be the whole Internet");
        }

        if (taken.FirstOrDefault(t => t.Range.Meets(range)) is { } other)
        {
            throw new ContainerException($"subnet {range} overlaps {other.Holder}", "choose another with --subnet, or leave it out to have one chosen");
        }

        if (pool is { } part && !(range.Contains(part.BaseAddress) && part.PrefixLength >= range.PrefixLength))
        {
            throw ContainerException.Usage($"--ip-range {part} is outside of subnet {range}");
        }

        var address = gateway ?? AddressNumber.ToAddress(AddressNumber.First(range) + 1, range.BaseAddress);
        if (!AddressPool.IsForHosts(range, address))
        {
            throw ContainerException.Usage($"--gateway {address} is not an address for a host in {range}");
        }

        return new NetworkSubnet(range.ToString(), address.ToString(), pool?.ToString());
    }
}
