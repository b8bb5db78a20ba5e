using Fairlead.Linux;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Agent.Overlay;

/// <summary>What every tunnel's interface gets that the kernel does not take together with the interface itself.</summary>
internal static class TunnelLink
{
    /// <summary>The link's alias, given last: a link without it was left half made by an agent that was killed.</summary>
    public const string Finished = "fairlead: pod network overlay";

    /// <summary>EAFNOSUPPORT.</summary>
    private const int AddressFamilyNotSupported = 97;

    public static void Finish(RouteSocket routes, Link link, NetworkNamespace? network)
    {
        NoLinkLocalAddress(routes, link);

        // Answers may come back another way than the strict check expects; loose still asks for a route to the source.
        var setting = $"net/ipv4/conf/{link.Name}/rp_filter";
        if (Sysctl.Find("net/ipv4/conf/all/rp_filter", network) == "1" || Sysctl.Find(setting, network) == "1")
        {
            Sysctl.Write(setting, "2", network);
        }

        routes.SetLink(link.Index, new LinkChange { Alias = Finished });
    }

    /// <summary>Keeps IPv6 from talking on the link by itself; a kernel without IPv6 does not anyway, and says so.</summary>
    private static void NoLinkLocalAddress(RouteSocket routes, Link link)
    {
        try
        {
            routes.SetLink(link.Index, new LinkChange { LinkLocalAddress = false });
        }
        catch (LinuxException e) when (e.Errno == AddressFamilyNotSupported)
        {
            // Nothing to switch off.
        }
    }
}
