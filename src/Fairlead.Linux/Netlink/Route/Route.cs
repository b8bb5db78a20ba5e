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
