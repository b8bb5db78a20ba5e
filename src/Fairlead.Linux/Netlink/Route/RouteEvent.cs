namespace Fairlead.Linux.Netlink.Route;

/// <summary>What to be told of.</summary>
[Flags]
public enum RouteGroups
{
    None = 0,
    Links = 1,
    Addresses = 2,
    Routes = 4,
    Neighbours = 8,
    Rules = 16,
    /// <summary>Settings of interfaces, such as forwarding.</summary>
    Settings = 32,
    All = Links | Addresses | Routes | Neighbours | Rules | Settings,
}

/// <summary>A change the kernel told of.</summary>
/// <param name="Removed">Whether the thing is gone; else it is new or changed.</param>
public abstract record RouteEvent(bool Removed);

/// <summary>An interface came, went or changed.</summary>
public sealed record LinkEvent(Link Link, bool Removed) : RouteEvent(Removed);

/// <summary>An address came or went.</summary>
public sealed record AddressEvent(LinkAddress Address, bool Removed) : RouteEvent(Removed);

/// <summary>A route came or went.</summary>
public sealed record RouteChangeEvent(Route Route, bool Removed) : RouteEvent(Removed);

/// <summary>A neighbour came, went or changed.</summary>
public sealed record NeighbourEvent(Neighbour Neighbour, bool Removed) : RouteEvent(Removed);

/// <summary>An entry of a forwarding database came or went.</summary>
public sealed record FdbEvent(FdbEntry Entry, bool Removed) : RouteEvent(Removed);

/// <summary>A rule came or went.</summary>
public sealed record RuleEvent(RoutingRule Rule, bool Removed) : RouteEvent(Removed);

/// <summary>A setting of one interface changed, or of all (linux/netconf.h).</summary>
/// <param name="Link">Index of the interface, or <see cref="AllLinks"/>.</param>
/// <param name="IsIPv6">Of which family the setting is.</param>
/// <param name="Forwarding">Whether packets are forwarded; null where it was another setting.</param>
public sealed record SettingEvent(int Link, bool IsIPv6, bool? Forwarding) : RouteEvent(Removed: false)
{
    /// <summary>In the place of an index: the setting holds for all interfaces (NETCONFA_IFINDEX_ALL).</summary>
    public const int AllLinks = -1;
}

/// <summary>Events before this one were lost: what is known must be read anew. The monitor goes on.</summary>
public sealed record ResynchroniseEvent() : RouteEvent(Removed: false);
