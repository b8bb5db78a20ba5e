using System.Net;
using Fairlead.Core.Nodes;
using Fairlead.Core.Services;
using Fairlead.Linux;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Agent.Overlay;

/// <summary>The interface of this machine that has one of the node's addresses: what packets to other nodes leave by.</summary>
internal sealed record Underlay(int Link, string Name, int Mtu, bool Up, InterfaceAddress Interface)
{
    public IPAddress Address => Interface.Address;

    /// <summary>Whether an address is on the same subnet, so that no router is between.</summary>
    public bool Reaches(IPAddress other) => other.Family == Address.Family && Interface.Network.Contains(other);
}

/// <summary>What the node's addresses are on: one interface for each family that it has an address of.</summary>
internal sealed record Underlays(Underlay? IPv4, Underlay? IPv6)
{
    /// <summary>What tunnels go over. IPv4 where there is any, because all nodes must agree.</summary>
    public Underlay Tunnel => IPv4 ?? IPv6!;

    /// <summary>The least of the MTUs.</summary>
    public int Mtu => All.Min(u => u.Mtu);

    public IEnumerable<Underlay> All => new[] { IPv4, IPv6 }.OfType<Underlay>();

    public static Underlays Find(RouteSocket routes, NodeAddresses node)
    {
        var addresses = routes.Addresses();
        return new(Of(node.IPv4), Of(node.IPv6));

        Underlay? Of(IPAddress? address)
        {
            if (address is null)
            {
                return null;
            }

            var found = addresses.FirstOrDefault(a => a.Address.Address.Equals(address))
                ?? throw new OverlayException(
                    "NodeAddressMissing",
                    $"node address {address} is on no interface of this machine; correct the InternalIP in the Node's status.addresses, or give an interface that address");
            var link = routes.GetLink(found.Link);
            return new(link.Index, link.Name, link.Mtu, link.Up, found.Address);
        }
    }

    /// <summary>How a range of a peer's is reached with no router between: by which interface, and where the peer is on it.</summary>
    /// <remarks>IPv4 packets can go by an IPv6 neighbour (RFC 5549), not the other way round.</remarks>
    public (Underlay By, IPAddress Gateway)? Direct(NodePeer peer, IPNetwork range)
        => Direct(IPv6, peer.Addresses.IPv6) is var six && range.BaseAddress.Family == IPFamily.IPv6 ? six : Direct(IPv4, peer.Addresses.IPv4) ?? six;

    private static (Underlay, IPAddress)? Direct(Underlay? by, IPAddress? gateway)
        => by is not null && gateway is not null && by.Reaches(gateway) ? (by, gateway) : null;
}

/// <summary>The overlay cannot be built on what this machine has. The message says what to change.</summary>
/// <param name="reason">One CamelCase word, for Events.</param>
/// <param name="message">What is wrong, and the remedy.</param>
public sealed class OverlayException(string reason, string message, Exception? inner = null) : IOException(message, inner)
{
    public string Reason { get; } = reason;
}
