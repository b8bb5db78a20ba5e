using Fairlead.Cni.Protocol;
using Fairlead.Linux;
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

        foreach (var expected in previous.Interfaces.Where(i => i.Sandbox.Length == 0 && i.Name != config.Bridge))
        {
            var link = host.FindLink(expected.Name) ?? throw Changed($"link '{expected.Name}' is gone");
            if (link.Kind == "veth" && link.Master != bridge.Index)
            {
                throw Changed($"link '{expected.Name}' is not on bridge '{config.Bridge}'");
            }
        }

        VerifyContainer(call, previous);
        VerifyGateways(config, previous, host, bridge);
        if (config.Masquerade && !PodMasquerade.Has(AttachmentMark.Of(call)))
        {
            throw Changed("the masquerade rule is gone");
        }
    }

    private static void VerifyContainer(PluginCall call, CniResult previous)
    {
        using var pod = PodNamespace.Open(call.Environment);
        using var inside = RouteSocket.Open(pod);
        var name = call.Environment.InterfaceName;
        var link = inside.FindLink(name) ?? throw Changed($"'{name}' is gone from {call.Environment.Namespace}");
        var expected = previous.Interfaces.FirstOrDefault(i => i.Name == name && i.Sandbox.Length > 0);
        if (expected is { Mac.Length: > 0 } && !string.Equals(expected.Mac, link.Mac?.ToString(), StringComparison.OrdinalIgnoreCase))
        {
            throw Changed($"'{name}' has the hardware address {link.Mac}, not {expected.Mac}");
        }

        if (!link.Up)
        {
            throw Changed($"'{name}' is down");
        }

        var present = inside.Addresses(link.Index).Select(a => a.Address).ToHashSet();
        foreach (var address in previous.Addresses.Where(a => !present.Contains(new InterfaceAddress(a.Address, a.PrefixLength))))
        {
            throw Changed($"'{name}' has lost the address {address}");
        }

        var routes = inside.Routes();
        foreach (var route in previous.Routes.Where(r => !routes.Any(k => k.Destination.Equals(r.Destination))))
        {
            throw Changed($"the route to {route.Destination} is gone from {call.Environment.Namespace}");
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

    private static CniException Changed(string what) => new(CniErrorCode.AttachmentChanged, what);
}
