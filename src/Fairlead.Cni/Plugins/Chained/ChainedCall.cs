using Fairlead.Cni.Protocol;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Cni.Plugins.Chained;

/// <summary>What plugins need that come after another one.</summary>
internal static class ChainedCall
{
    /// <summary>The result of the plugin before.</summary>
    public static CniResult Previous(PluginCall call)
        => call.Config.Previous ?? throw call.Config.Root["prevResult"].Fault($"is missing: {call.Config.Type} comes after another plugin");

    /// <summary>The host's end of the container's veth pair, or null where there is none (any more), or no container.</summary>
    public static Link? FindCable(PluginCall call, RouteSocket host)
    {
        using var pod = PodNamespace.Find(call.Environment);
        return pod is null ? null : In(pod, call, host);
    }

    /// <summary>The host's end of the container's veth pair, or null where the container's interface is no such pair's.</summary>
    /// <exception cref="CniException">There is no container.</exception>
    public static Link? GetCable(PluginCall call, RouteSocket host)
    {
        using var pod = PodNamespace.Open(call.Environment);
        return In(pod, call, host);
    }

    private static Link? In(NetworkNamespace pod, PluginCall call, RouteSocket host)
    {
        using var inside = RouteSocket.Open(pod);
        return inside.FindLink(call.Environment.InterfaceName) is { Kind: "veth", Peer: { } peer } && host.FindLink(peer) is { Kind: "veth" } cable
            ? cable
            : null;
    }
}
