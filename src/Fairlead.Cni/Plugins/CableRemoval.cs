using System.Collections.Immutable;
using Fairlead.Cni.Protocol;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Cni.Plugins;

/// <summary>Takes away what <c>bridge</c> and <c>ptp</c> made: links first, addresses last.</summary>
/// <remarks>An address must not be given to the next container while somebody still answers to it.</remarks>
internal static class CableRemoval
{
    /// <summary>For one attachment; what is gone is done.</summary>
    /// <param name="removals">What removes the plugin's rules by their marks.</param>
    public static void Delete(PluginCall call, params ReadOnlySpan<Action<Func<AttachmentMark?, bool>>> removals)
    {
        var mark = AttachmentMark.Of(call);
        using (var host = RouteSocket.Open())
        {
            HostCable.Delete(host, mark);
        }

        PodLink.Delete(call, "veth");
        foreach (var remove in removals)
        {
            remove(mark.IsSameAs);
        }

        IpamDelegate.Find(call)?.Delete();
    }

    /// <summary>For all of the network that are not valid.</summary>
    public static void CollectGarbage(PluginCall call, ImmutableArray<CniAttachmentKey> valid, params ReadOnlySpan<Action<Func<AttachmentMark?, bool>>> removals)
    {
        var network = call.Config.Name;
        HostCable.CollectGarbage("veth", network, valid);
        foreach (var remove in removals)
        {
            remove(mark => mark?.IsStale(network, valid) == true);
        }

        IpamDelegate.Find(call)?.CollectGarbage(valid);
    }
}
