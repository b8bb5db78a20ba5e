using System.Collections.Immutable;
using System.Net;
using Fairlead.Linux;
using Fairlead.Linux.Netlink.Route;
using Fairlead.Topology.Nat;

namespace Fairlead.Topology.Kernel;

/// <summary>What a topology has in one host: as it shall be, or as it is. Two of them differ by a plan.</summary>
internal sealed record HostState(string Name, string? Namespace)
{
    public static readonly ImmutableSortedDictionary<string, InterfaceState> NoLinks = ImmutableSortedDictionary.Create<string, InterfaceState>(StringComparer.Ordinal);
    public static readonly ImmutableSortedDictionary<string, string> NoSettings = ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal);

    public ImmutableSortedDictionary<string, InterfaceState> Links { get; init; } = NoLinks;

    public ImmutableArray<RouteState> Routes { get; init; } = [];

    /// <summary>Kernel settings by their path below /proc/sys.</summary>
    public ImmutableSortedDictionary<string, string> Settings { get; init; } = NoSettings;

    public ImmutableArray<NatRule> Rules { get; init; } = [];

    public bool IsMachine => Namespace is null;
}

/// <summary>What an interface of a topology is.</summary>
internal enum LinkKind
{
    Loopback,
    Switch,
    Cable,
}

/// <summary>An interface of a topology.</summary>
/// <param name="Label">The alias: for a cable it names both ends, so that a cable that leads elsewhere is another one.</param>
internal sealed record InterfaceState(string Name, LinkKind Kind, string Label)
{
    /// <summary>Null where it is the kernel's choice.</summary>
    public MacAddress? Mac { get; init; }

    /// <summary>Null where it is the kernel's choice.</summary>
    public int? Mtu { get; init; }

    /// <summary>The switch it is plugged into.</summary>
    public string? Master { get; init; }

    public bool Up { get; init; } = true;

    public bool SpanningTree { get; init; }

    public bool VlanFiltering { get; init; }

    public ValueArray<InterfaceAddress> Addresses { get; init; }

    /// <summary>The other end of a cable.</summary>
    public (string Host, string Interface)? Peer { get; init; }
}

/// <summary>A route over an interface of the topology.</summary>
internal sealed record RouteState(IPNetwork To, IPAddress Via, string Link)
{
    public RouteProtocol Protocol { get; init; } = RouteProtocol.Fairlead;

    /// <summary>The words of <c>ip route</c>.</summary>
    public override string ToString() => $"{(To.PrefixLength == 0 ? "default" : To.ToString())} via {Via}";
}
