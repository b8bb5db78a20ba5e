using System.Net;

namespace Fairlead.Linux.Netlink.Route;

/// <summary>What a rule does with a packet (linux/fib_rules.h, FR_ACT_*).</summary>
public enum RoutingRuleAction : byte
{
    ToTable = 1,
    Goto = 2,
    Nothing = 3,
    Blackhole = 6,
    Unreachable = 7,
    Prohibit = 8,
}

/// <summary>A rule that sends packets to a routing table, or does something else with them.</summary>
public sealed record RoutingRule(bool IsIPv6, uint Table)
{
    public uint Priority { get; init; }

    public IPNetwork? Source { get; init; }

    public IPNetwork? Destination { get; init; }

    public uint? Mark { get; init; }

    public uint? MarkMask { get; init; }

    public string? InputInterface { get; init; }

    public string? OutputInterface { get; init; }

    public RoutingRuleAction Action { get; init; } = RoutingRuleAction.ToTable;

    /// <summary>The priority of the rule to go on with, for <see cref="RoutingRuleAction.Goto"/>.</summary>
    public uint? Target { get; init; }

    /// <summary>It holds for the packets that the conditions do not hold for.</summary>
    public bool Not { get; init; }

    /// <summary>A route found with a prefix this long or shorter does not count: with 0, the default route.</summary>
    public int? SuppressPrefixLength { get; init; }

    /// <summary>The number of the protocol in the packet: 6 for TCP.</summary>
    public byte? IpProtocol { get; init; }

    /// <summary>First and last.</summary>
    public (ushort First, ushort Last)? SourcePorts { get; init; }

    public (ushort First, ushort Last)? DestinationPorts { get; init; }

    /// <summary>Packets of this machine's own from these users, first and last.</summary>
    public (uint First, uint Last)? Users { get; init; }

    /// <summary>The type of service; 0 for any.</summary>
    public byte Tos { get; init; }

    public RouteProtocol Protocol { get; init; } = RouteProtocol.Fairlead;
}
