using Fairlead.Cni.Protocol;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Cni.Plugins;

/// <summary>Compares what an ADD of <c>bridge</c> reported with what is there.</summary>
internal static class BridgeCheck
{
    public static void Verify(PluginCall call, BridgeConfig config)
    {
        var previous = call.Config.Previous!;
        using var host = RouteSocket.Open();
        var bridge = host.FindLink(config.Bridge) ?? throw Changed($"bridge '{config.Bridge}' is gone");
        if (bridge.Kind != "bridge")
        {
            throw Changed($"'{config.Bridge}' is no bridge any more");
        }

        if (!bridge.Up)
        {
            throw Changed($"bridge '{config.Bridge}' is down");
        }

        foreach (var expected in previous.Interfaces.Where(i => i.Sandbox.Length == 0 && i.Name != config.Bridge && i.Name != config.GatewayName))
        {
            var link = host.FindLink(expected.Name) ?? throw Changed($"link '{expected.Name}' is gone");
            if (link.Kind == "veth" && link.Master != bridge.Index)
            {
                throw Changed($"link '{expected.Name}' is not on bridge '{config.Bridge}'");
            }

            if (link.Kind == "veth" && config.Vlans.Missing(host, link.Index) is { } missing)
            {
                throw Changed($"link '{expected.Name}' is not in {missing}");
            }
        }

        PodInterface.Verify(call, previous, mustBeUp: !config.DisableContainerInterface);
        VerifyGateways(config, previous, host, config.GatewayName is { } gateway
            ? host.FindLink(gateway) ?? throw Changed($"the gateway of VLAN {config.Vlans.Id} is gone")
            : bridge);
        if (config.Masquerade && !PodMasquerade.Has(call.Nftables, AttachmentMark.Of(call)))
        {
            throw Changed("the masquerade rule is gone");
        }

        if (config.SpoofCheck && !SpoofCheck.Has(call.Nftables, AttachmentMark.Of(call)))
        {
            throw Changed("the spoof check is gone");
        }
    }

    private static void VerifyGateways(BridgeConfig config, CniResult previous, RouteSocket host, Link bridge)
    {
        if (!config.IsGateway)
        {
            return;
        }

        var present = host.Addresses(bridge.Index).Select(a => a.Address.Address).ToHashSet();
        foreach (var address in previous.Addresses.Where(a => a.Gateway is not null && !present.Contains(a.Gateway)))
        {
            throw Changed($"bridge '{bridge.Name}' has lost the gateway address {address.Gateway}");
        }
    }

    private static CniException Changed(string what) => PodInterface.Changed(what);
}
