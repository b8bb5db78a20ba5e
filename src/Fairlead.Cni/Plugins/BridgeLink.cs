using System.Collections.Immutable;
using System.Net.Sockets;
using Fairlead.Cni.Protocol;
using Fairlead.Linux;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Cni.Plugins;

/// <summary>Makes sure that the host has the bridge of a network, with its gateway addresses. It stays when the last container goes.</summary>
internal static class BridgeLink
{
    public static Link Ensure(RouteSocket host, BridgeConfig config, ImmutableArray<InterfaceAddress> gateways)
    {
        try
        {
            return EnsureAll(host, config, gateways);
        }
        catch (LinuxException e) when (e.IsNotSupported && !config.Vlans.IsEmpty)
        {
            throw new CniException(CniErrorCode.UnsupportedField, $"{config.Vlans.Field}: {e.Message}", inner: e);
        }
    }

    private static Link EnsureAll(RouteSocket host, BridgeConfig config, ImmutableArray<InterfaceAddress> gateways)
    {
        var bridge = host.FindLink(config.Bridge) ?? Create(host, config);
        if (bridge.Kind != "bridge")
        {
            throw new CniException(CniErrorCode.InvalidNetworkConfig, $"bridge: '{config.Bridge}' is there and is no bridge");
        }

        if (!bridge.Up)
        {
            host.SetUp(bridge.Index);
        }

        if (config.Promiscuous && !bridge.Promiscuous)
        {
            host.SetLink(bridge.Index, new LinkChange { Promiscuous = true });
        }

        if (!config.Vlans.IsEmpty && bridge.Bridge?.VlanFiltering != true)
        {
            host.SetLink(bridge.Index, new LinkChange { Bridge = new BridgeOptions { VlanFiltering = true } });
        }

        if (!gateways.IsEmpty)
        {
            EnsureAddresses(host, config, config.Vlans.Id == 0 ? bridge : EnsureVlanGateway(host, config, bridge), gateways);
            ForwardingSetting.Ensure(gateways.Select(g => g.Address));
        }

        return bridge;
    }

    /// <summary>With a hardware address of its own: one that follows its ports would change under the containers' feet.</summary>
    private static Link Create(RouteSocket host, BridgeConfig config)
    {
        try
        {
            return host.CreateBridge(new BridgeSpec(config.Bridge)
            {
                Mac = NewMac(), Mtu = config.Mtu, Up = true, Options = config.Vlans.IsEmpty ? null : new BridgeOptions { VlanFiltering = true },
            });
        }
        catch (LinuxException e) when (e.IsExists)
        {
            return host.GetLink(config.Bridge); // another ADD was first
        }
    }

    /// <summary>Locally administered and random, out of a GUID: the cryptographic generator would load a library that not every machine has.</summary>
    private static MacAddress NewMac() => new([0x0a, 0x58, .. Guid.NewGuid().ToByteArray().AsSpan(0, 4)]);

    private static void EnsureAddresses(RouteSocket host, BridgeConfig config, Link bridge, ImmutableArray<InterfaceAddress> gateways)
    {
        var present = host.Addresses(bridge.Index).Select(a => a.Address).ToList();
        foreach (var gateway in gateways.Where(g => !present.Contains(g)))
        {
            var isIPv4 = gateway.Address.AddressFamily == AddressFamily.InterNetwork;
            foreach (var other in present.Where(a => a.Address.AddressFamily == gateway.Address.AddressFamily && !a.Address.IsIPv6LinkLocal))
            {
                // IPv6 subnets may stand beside each other on one bridge; IPv4 ones, and overlaps, are a mistake unless said otherwise.
                if (!isIPv4 && !other.Network.Contains(gateway.Address) && !gateway.Network.Contains(other.Address))
                {
                    continue;
                }

                if (!config.ForceAddress)
                {
                    throw new CniException(
                        CniErrorCode.InvalidNetworkConfig,
                        $"bridge: '{bridge.Name}' has the address {other}, the gateway would be {gateway}",
                        "set forceAddress to have it replaced");
                }

                host.TryDeleteAddress(bridge.Index, other);
            }

            host.ReplaceAddress(bridge.Index, gateway, isIPv4 ? AddressFlags.None : AddressFlags.NoDuplicateDetection);
        }
    }

    /// <summary>The host's interface in the VLAN: a pair of which one end is a port like a container's.</summary>
    private static Link EnsureVlanGateway(RouteSocket host, BridgeConfig config, Link bridge)
    {
        var name = config.Vlans.GatewayName(bridge.Name);
        if (CniNames.InterfaceNameFault(name) is { } fault)
        {
            throw new CniException(CniErrorCode.InvalidNetworkConfig, $"bridge: '{name}', the gateway in the VLAN, {fault}");
        }

        if (host.FindLink(name) is { } there)
        {
            return there;
        }

        var port = $"veth{StableHash.Text(name)}";
        try
        {
            host.CreateVeth(new VethSpec(port) { PeerName = name, Master = bridge.Index, Mtu = bridge.Mtu, Up = true, PeerUp = true });
        }
        catch (LinuxException e) when (e.IsExists)
        {
            return host.GetLink(name); // another ADD was first
        }

        var link = host.GetLink(port);
        host.SetLink(link.Index, new LinkChange { Alias = $"gateway of VLAN {config.Vlans.Id} on {bridge.Name}" });
        (config.Vlans with { Trunk = [] }).Apply(host, link.Index);
        return host.GetLink(name);
    }
}
