using System.Net;
using Fairlead.Agent.CniConfig;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Agent.Ipam;

/// <summary>A range that this machine uses already: pods must not get addresses of it.</summary>
/// <param name="Network">The range.</param>
/// <param name="What">What it is, for people: <c>the route 10.0.0.0/8 via 192.0.2.1</c>.</param>
/// <param name="IsUnderlay">Whether the machine has an address in it.</param>
internal readonly record struct HostRange(IPNetwork Network, string What, bool IsUnderlay);

/// <summary>Reads from the kernel which ranges are this machine's own business.</summary>
internal static class HostRanges
{
    /// <summary>All but default routes and what is Fairlead's: its routes, and what lies on its links and on the pods' bridge.</summary>
    public static IReadOnlyList<HostRange> Read(NetworkNamespace? network)
    {
        using var socket = RouteSocket.Open(network);
        var links = socket.Links().ToDictionary(l => l.Index, l => l.Name);
        var ranges = new List<HostRange>();
        foreach (var address in socket.Addresses().Where(a => !IsOurs(links.GetValueOrDefault(a.Link))))
        {
            var (ip, prefix) = (address.Address.Address, address.Address.PrefixLength);
            if (!IPAddress.IsLoopback(ip) && !ip.IsIPv6LinkLocal)
            {
                ranges.Add(new(Network(ip, prefix), $"the network {ip}/{prefix} of {links.GetValueOrDefault(address.Link)}", IsUnderlay: true));
            }
        }

        foreach (var route in socket.Routes(table: Route.MainTable))
        {
            if (route.Destination.PrefixLength > 0 && route.Protocol != RouteProtocol.Fairlead && !IsOurs(route.Link is { } l ? links.GetValueOrDefault(l) : null)
                && !route.Destination.BaseAddress.IsIPv6LinkLocal && !route.Destination.BaseAddress.IsIPv6Multicast
                && !ranges.Exists(r => r.Network == route.Destination))
            {
                var way = route.Gateway is { } gateway ? $" via {gateway}" : route.Link is { } link ? $" dev {links.GetValueOrDefault(link)}" : "";
                ranges.Add(new(route.Destination, $"the route {route.Destination}{way}", IsUnderlay: false));
            }
        }

        return ranges;
    }

    private static bool IsOurs(string? link) => link is not null && (link == CniConflist.Bridge || link.StartsWith("fairlead", StringComparison.Ordinal));

    private static IPNetwork Network(IPAddress address, int prefix)
    {
        var bytes = address.GetAddressBytes();
        for (var i = 0; i < bytes.Length; i++)
        {
            var kept = Math.Clamp(prefix - (i * 8), 0, 8);
            bytes[i] &= (byte)(0xff << (8 - kept));
        }

        return new(new IPAddress(bytes), prefix);
    }
}
