using System.Net;

namespace Fairlead.Linux.Netlink.Route;

/// <summary>What the kernel knows of a neighbour (linux/neighbour.h).</summary>
[Flags]
public enum NeighbourState
{
    None = 0,
    Incomplete = 0x01,
    Reachable = 0x02,
    Stale = 0x04,
    Delay = 0x08,
    Probe = 0x10,
    Failed = 0x20,
    NoArp = 0x40,
    Permanent = 0x80,
}

/// <summary>An address on a link and the Ethernet address it has there.</summary>
public sealed record Neighbour(int Link, IPAddress Address, MacAddress? Mac)
{
    public NeighbourState State { get; init; } = NeighbourState.Permanent;

    /// <summary>This machine answers for the address on that link.</summary>
    public bool Proxy { get; init; }
}

/// <summary>An entry of a forwarding database: where an Ethernet address is.</summary>
public sealed record FdbEntry(int Link, MacAddress Mac)
{
    /// <summary>VXLAN: the machine to send to.</summary>
    public IPAddress? Destination { get; init; }

    /// <summary>VXLAN: the port to send to, where it is not the tunnel's own.</summary>
    public int? UdpPort { get; init; }

    /// <summary>VXLAN: the network to send in, where it is not the tunnel's own.</summary>
    public int? Vni { get; init; }

    public int? Vlan { get; init; }

    /// <summary>The entry is in the database of the interface itself (a VXLAN's), not in that of the bridge it is a port of.</summary>
    public bool Self { get; init; } = true;

    /// <summary>Index of the bridge, for an entry of one.</summary>
    public int? Master { get; init; }

    public NeighbourState State { get; init; } = NeighbourState.Permanent;
}

/// <summary>A rule that sends packets to a routing table.</summary>
public sealed record RoutingRule(bool IsIPv6, uint Table)
{
    public uint Priority { get; init; }

    public IPNetwork? Source { get; init; }

    public IPNetwork? Destination { get; init; }

    public uint? Mark { get; init; }

    public uint? MarkMask { get; init; }

    public string? InputInterface { get; init; }

    public string? OutputInterface { get; init; }

    public RouteProtocol Protocol { get; init; } = RouteProtocol.Fairlead;
}
