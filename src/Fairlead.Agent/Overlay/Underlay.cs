using System.Net;
using Fairlead.Core.Nodes;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Agent.Overlay;

/// <summary>The interface of this machine that has the node's address: what the overlay's packets leave by.</summary>
/// <param name="Address">The one of the node's addresses that its packets come from.</param>
internal sealed record Underlay(int Link, string Name, int Mtu, IPAddress Address)
{
    public static Underlay Find(RouteSocket routes, NodeAddresses addresses)
    {
        var nodeAddress = addresses.IPv4 ?? addresses.IPv6!;
        var found = routes.Addresses().FirstOrDefault(a => a.Address.Address.Equals(nodeAddress))
            ?? throw new OverlayException($"node address {nodeAddress} is on no interface of this machine; correct the InternalIP in the Node's status.addresses, or give an interface that address");
        var link = routes.GetLink(found.Link);
        return new(link.Index, link.Name, link.Mtu, nodeAddress);
    }
}

/// <summary>The overlay cannot be built on what this machine has. The message says what to change.</summary>
public sealed class OverlayException(string message, Exception? inner = null) : IOException(message, inner);
