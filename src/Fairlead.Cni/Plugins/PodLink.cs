using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Cni.Plugins;

/// <summary>Removes the interface of a container that a DEL is for.</summary>
internal static class PodLink
{
    /// <summary>Where it is there and of the kind that the plugin makes; a stranger's stays.</summary>
    public static void Delete(PluginCall call, string kind)
    {
        using var pod = PodNamespace.Find(call.Environment);
        if (pod is null)
        {
            return;
        }

        using var inside = RouteSocket.Open(pod);
        if (inside.FindLink(call.Environment.InterfaceName)?.Kind == kind)
        {
            inside.TryDeleteLink(call.Environment.InterfaceName);
        }
    }
}
