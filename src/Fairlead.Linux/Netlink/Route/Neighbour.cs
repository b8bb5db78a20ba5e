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

    public NeighbourFlags Flags { get; init; }

    /// <summary>Who made it.</summary>
    public RouteProtocol Protocol { get; init; }
}

/// <summary>Properties of a neighbour or of an entry of a forwarding database (linux/neighbour.h, NTF_*).</summary>
[Flags]
public enum NeighbourFlags
{
    None = 0,
    Use = 0x01,

    /// <summary>Of the database of the interface itself.</summary>
    Self = 0x02,

    /// <summary>Of the database of the bridge it is a port of.</summary>
    Master = 0x04,
    Proxy = 0x08,

    /// <summary>A program learned it and keeps it.</summary>
    ExternallyLearned = 0x10,
    Offloaded = 0x20,

    /// <summary>It does not move to another port by itself.</summary>
    Sticky = 0x40,

    /// <summary>IPv6: it is a router.</summary>
    Router = 0x80,
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

    /// <summary>VXLAN with metadata: the network whose frames it is for.</summary>
    public int? SourceVni { get; init; }

    /// <summary>VXLAN: index of the interface to send by.</summary>
    public int? Device { get; init; }

    public int? Vlan { get; init; }

    /// <summary>The entry is in the database of the interface itself (a VXLAN's), not in that of the bridge it is a port of.</summary>
    public bool Self { get; init; } = true;

    /// <summary>Index of the bridge, for an entry of one.</summary>
    public int? Master { get; init; }

    /// <summary>What <see cref="Self"/> says is not repeated here.</summary>
    public NeighbourFlags Flags { get; init; }

    /// <summary>
    /// For a bridge: Permanent is an address of the port itself, NoArp one that a person said is behind it, Reachable one that ages.
    /// </summary>
    public NeighbourState State { get; init; } = NeighbourState.Permanent;
}
