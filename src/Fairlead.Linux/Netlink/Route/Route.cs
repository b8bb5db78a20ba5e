using System.Globalization;
using System.Net;
using System.Text;

namespace Fairlead.Linux.Netlink.Route;

/// <summary>Who made a route (rtnetlink.h and /etc/iproute2/rt_protos). A route's owner is known by it.</summary>
public enum RouteProtocol : byte
{
    Unspecified = 0,
    Redirect = 1,
    Kernel = 2,
    Boot = 3,
    Static = 4,

    /// <summary>Made by the kernel of what a router announced (RFC 4861).</summary>
    RouterAnnouncement = 9,

    /// <summary>Ours: what has it may be removed by us, what has not may not.</summary>
    Fairlead = 98,
}

/// <summary>What a route does with a packet (rtnetlink.h).</summary>
public enum RouteType : byte
{
    Unspecified = 0,
    Unicast = 1,
    Local = 2,
    Broadcast = 3,
    Anycast = 4,
    Multicast = 5,

    /// <summary>Drops without a word.</summary>
    Blackhole = 6,

    /// <summary>Drops and says so to the sender.</summary>
    Unreachable = 7,
    Prohibit = 8,
    Throw = 9,
}

/// <summary>A route.</summary>
public sealed record Route(IPNetwork Destination)
{
    /// <summary>Number of the main table.</summary>
    public const uint MainTable = 254;

    /// <summary>Number of the table the kernel keeps of its own addresses.</summary>
    public const uint LocalTable = 255;

    public IPAddress? Gateway { get; init; }

    /// <summary>Index of the interface to leave by.</summary>
    public int? Link { get; init; }

    /// <summary>The source for packets of this machine's own.</summary>
    public IPAddress? Source { get; init; }

    public uint Table { get; init; } = MainTable;

    public uint Metric { get; init; }

    /// <summary>The gateway is on the link, whatever the addresses say.</summary>
    public bool OnLink { get; init; }

    /// <summary>Null to have it follow from the rest: link where there is no gateway, else universe.</summary>
    public RouteScope? Scope { get; init; }

    public RouteProtocol Protocol { get; init; } = RouteProtocol.Fairlead;

    public RouteType Type { get; init; } = RouteType.Unicast;

    public int? Mtu { get; init; }

    /// <summary>What else is known of the way.</summary>
    public RouteMetrics? Metrics { get; init; }

    /// <summary>Several ways that share the load; then <see cref="Gateway"/> and <see cref="Link"/> are not said.</summary>
    public ValueArray<NextHop> NextHops { get; init; }

    /// <summary>IPv6: how long from now it stays; null for ever.</summary>
    public TimeSpan? Expires { get; init; }

    /// <summary>IPv4: only for packets of this type of service; 0 for all.</summary>
    public byte Tos { get; init; }

    public bool IsIPv6 => Destination.BaseAddress.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6;

    /// <summary>The words of <c>ip route</c>.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        if (Type != RouteType.Unicast)
        {
            _ = text.Append(Type.ToString().ToLowerInvariant()).Append(' ');
        }

        _ = text.Append(Destination.PrefixLength == 0 ? "default" : Destination.ToString());
        Word(Gateway is not null, "via", Gateway);
        Word(Link is not null, "link", Link);
        Word(Table != MainTable, "table", Table);
        Word(Source is not null, "src", Source);
        Word(Metric != 0, "metric", Metric);
        Word(Mtu is not null, "mtu", Mtu);
        foreach (var hop in NextHops)
        {
            _ = text.Append(CultureInfo.InvariantCulture, $" nexthop {hop}");
        }

        return text.Append(OnLink ? " onlink" : "").ToString();

        void Word(bool there, string name, object? value)
        {
            if (there)
            {
                _ = text.Append(CultureInfo.InvariantCulture, $" {name} {value}");
            }
        }
    }
}

/// <summary>One of several ways of a route (struct rtnexthop).</summary>
public sealed record NextHop
{
    public IPAddress? Gateway { get; init; }

    /// <summary>Index of the interface to leave by.</summary>
    public int? Link { get; init; }

    /// <summary>Its share of the load, of the sum of all shares: 1 to 256.</summary>
    public int Weight { get; init; } = 1;

    /// <summary>The gateway is on the link, whatever the addresses say.</summary>
    public bool OnLink { get; init; }

    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture, $"via {Gateway?.ToString() ?? "-"} link {Link} weight {Weight}{(OnLink ? " onlink" : "")}");
}

/// <summary>What is known of the way a route goes (RTA_METRICS); null for what is not.</summary>
public sealed record RouteMetrics
{
    /// <summary>The route's MTU holds even where the way says that it takes less.</summary>
    public bool MtuLocked { get; init; }

    /// <summary>The largest segment to ask a TCP peer for.</summary>
    public int? AdvMss { get; init; }

    public int? HopLimit { get; init; }

    public int? Window { get; init; }

    /// <summary>TCP: how much to send before the first answer, in segments.</summary>
    public int? InitCwnd { get; init; }

    public int? InitRwnd { get; init; }

    public TimeSpan? Rtt { get; init; }

    /// <summary>TCP: the least time before something is sent again.</summary>
    public TimeSpan? RtoMin { get; init; }

    public bool QuickAck { get; init; }

    /// <summary>TCP: the name of the way to react to congestion.</summary>
    public string? CongestionControl { get; init; }
}
