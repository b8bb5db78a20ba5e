using Fairlead.Cni.Protocol;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Cni.Plugins;

/// <summary>The option <c>mtu</c>.</summary>
internal static class LinkMtu
{
    private const int Smallest = 68; // RFC 791: what every IPv4 link must carry
    private const int Largest = 65535;

    /// <summary>Null where nothing, or 0, is said.</summary>
    public static int? Read(ConfigNode node)
        => node.Number(0, 0, Largest) switch
        {
            0 => null,
            < Smallest and var mtu => throw node.Fault($"{mtu} is less than {Smallest}"),
            var mtu => mtu,
        };

    /// <summary>For an interface on the cable of another: at most the other's, and the other's where nothing is said.</summary>
    public static int On(ConfigNode node, Link parent)
        => Read(node) is not { } mtu ? parent.Mtu
            : mtu <= parent.Mtu ? mtu
            : throw node.Fault($"{mtu} is more than the {parent.Mtu} of '{parent.Name}'");
}
