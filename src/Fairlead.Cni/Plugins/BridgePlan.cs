using System.Collections.Immutable;
using System.Net;
using Fairlead.Cni.Protocol;
using Fairlead.Linux;

namespace Fairlead.Cni.Plugins;

/// <summary>What a container on a bridge gets: addresses, routes, and the gateway addresses that the bridge must have for them.</summary>
internal sealed record BridgePlan(
    ImmutableArray<CniAddress> Addresses, ImmutableArray<CniRoute> Routes, ImmutableArray<InterfaceAddress> Gateways, MacAddress? Mac)
{
    private static readonly IPNetwork s_everythingIPv4 = new(IPAddress.Any, 0);
    private static readonly IPNetwork s_everythingIPv6 = new(IPAddress.IPv6Any, 0);

    public static BridgePlan Make(BridgeConfig config, CniResult ipam)
    {
        var addresses = ImmutableArray.CreateBuilder<CniAddress>();
        var gateways = ImmutableArray.CreateBuilder<InterfaceAddress>();
        var routes = ipam.Routes.ToBuilder();
        foreach (var given in ipam.Addresses)
        {
            var address = config.IsGateway && given.Gateway is null ? given with { Gateway = FirstOf(given.Network) } : given;
            addresses.Add(address);
            if (!config.IsGateway)
            {
                continue;
            }

            gateways.Add(new InterfaceAddress(address.Gateway!, address.PrefixLength));
            var everything = AddressText.IsIPv4(address.Address) ? s_everythingIPv4 : s_everythingIPv6;
            if (config.IsDefaultGateway && !routes.Any(route => route.Destination.Equals(everything)))
            {
                routes.Add(new CniRoute(everything, address.Gateway));
            }
        }

        return new BridgePlan(addresses.ToImmutable(), routes.ToImmutable(), gateways.ToImmutable(), MacOf(addresses));
    }

    /// <summary>
    /// An address of the locally administered range that follows from the IP address, as Docker's do. Whoever gets that IP address
    /// later has the same one, so that no neighbour's cache is wrong.
    /// </summary>
    private static MacAddress? MacOf(ImmutableArray<CniAddress>.Builder addresses)
    {
        if (addresses.Count == 0)
        {
            return null;
        }

        var address = (addresses.FirstOrDefault(a => AddressText.IsIPv4(a.Address)) ?? addresses[0]).Address;
        var bytes = address.GetAddressBytes();
        return AddressText.IsIPv4(address)
            ? new MacAddress([0x0a, 0x58, .. bytes])
            : new MacAddress([0x0a, 0x59, .. BitConverter.GetBytes(StableHash.Of(bytes))]);
    }

    private static IPAddress FirstOf(IPNetwork network)
    {
        var bytes = network.BaseAddress.GetAddressBytes();
        bytes[^1] |= 1;
        return new IPAddress(bytes);
    }
}
