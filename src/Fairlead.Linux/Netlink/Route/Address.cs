using System.Net;

namespace Fairlead.Linux.Netlink.Route;

/// <summary>How far an address or route reaches (rtnetlink.h).</summary>
public enum RouteScope : byte
{
    Universe = 0,
    Site = 200,
    Link = 253,
    Host = 254,
    Nowhere = 255,
}

/// <summary>Properties of an address (if_addr.h, IFA_F_*).</summary>
[Flags]
public enum AddressFlags
{
    None = 0,
    Secondary = 0x01,

    /// <summary>IPv6: usable at once, without asking the link whether somebody else has it.</summary>
    NoDuplicateDetection = 0x02,

    /// <summary>IPv6: usable while the link is still asked.</summary>
    Optimistic = 0x04,
    DuplicateDetectionFailed = 0x08,

    /// <summary>IPv6: the address a mobile machine has at home.</summary>
    Home = 0x10,
    Deprecated = 0x20,
    Tentative = 0x40,
    Permanent = 0x80,
    ManageTemporary = 0x100,

    /// <summary>The kernel makes no route to the address's network.</summary>
    NoPrefixRoute = 0x200,

    /// <summary>IPv4: the kernel joins the multicast group that the address is.</summary>
    JoinMulticast = 0x400,
    StablePrivacy = 0x800,
}

/// <summary>An address on an interface.</summary>
public sealed record LinkAddress(int Link, InterfaceAddress Address)
{
    public AddressFlags Flags { get; init; }

    public RouteScope Scope { get; init; }

    /// <summary>IPv4: the broadcast address. Where null, a subnet's own is set.</summary>
    public IPAddress? Broadcast { get; init; }

    /// <summary>The other end of a point-to-point link.</summary>
    public IPAddress? Peer { get; init; }

    /// <summary>IPv4: a name for it, which begins with the interface's. Where none is given it reads as the interface's.</summary>
    public string? Label { get; init; }

    /// <summary>How long from now connections may begin from it; null for ever. Not longer than <see cref="Valid"/>.</summary>
    public TimeSpan? Preferred { get; init; }

    /// <summary>How long from now it stays; null for ever.</summary>
    public TimeSpan? Valid { get; init; }

    /// <summary>The metric of the route to its network; 0 for the kernel's own.</summary>
    public uint Metric { get; init; }
}
