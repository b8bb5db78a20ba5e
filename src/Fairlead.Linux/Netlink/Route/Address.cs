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

/// <summary>Properties of an address (if_addr.h).</summary>
[Flags]
public enum AddressFlags
{
    None = 0,
    Secondary = 0x01,

    /// <summary>IPv6: usable at once, without asking the link whether somebody else has it.</summary>
    NoDuplicateDetection = 0x02,
    DuplicateDetectionFailed = 0x08,
    Deprecated = 0x20,
    Tentative = 0x40,
    Permanent = 0x80,

    /// <summary>The kernel makes no route to the address's network.</summary>
    NoPrefixRoute = 0x200,
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
}
