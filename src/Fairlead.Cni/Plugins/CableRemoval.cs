using System.Collections.Immutable;
using Fairlead.Cni.Protocol;
using Fairlead.Linux.Netlink.Route;
using Fairlead.Linux.Nftables;

namespace Fairlead.Cni.Plugins;

/// <summary>Takes away what <c>bridge</c> and <c>ptp</c> made: rules first, then links, addresses last.</summary>
/// <remarks>
/// An address must not be given to the next container while somebody still answers to it. What the kernel has to do before it forgets
/// rules, it does while the link is taken down.
/// </remarks>
internal static class CableRemoval
{
    /// <summary>For one attachment; what is gone is done.</summary>
    /// <param name="removals">What removes the plugin's rules by their marks.</param>
    public static void Delete(PluginCall call, params ReadOnlySpan<Action<NftablesSocket, Func<AttachmentMark?, bool>>> removals)
    {
        var mark = AttachmentMark.Of(call);
        foreach (var remove in removals)
        {
            remove(call.Nftables, mark.IsSameAs);
        }

        using (var host = RouteSocket.Open())
        {
            HostCable.Delete(host, mark);
        }

        PodLink.Delete(call, "veth");
        ReferenceRules.RemoveMasquerade(call);
        IpamDelegate.Find(call)?.Delete();
    }

    /// <summary>For all of the network that are not valid.</summary>
    public static void CollectGarbage(
        PluginCall call, ImmutableArray<CniAttachmentKey> valid, params ReadOnlySpan<Action<NftablesSocket, Func<AttachmentMark?, bool>>> removals)
    {
        var network = call.Config.Name;
        foreach (var remove in removals)
        {
            remove(call.Nftables, mark => mark?.IsStale(network, valid) == true);
        }

        HostCable.CollectGarbage("veth", network, valid);
        IpamDelegate.Find(call)?.CollectGarbage(valid);
    }
}
