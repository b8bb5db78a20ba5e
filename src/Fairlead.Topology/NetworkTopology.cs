using System.Collections.Immutable;
using System.Net;
using Fairlead.Linux;

namespace Fairlead.Topology;

/// <summary>A small network on one machine: hosts, the switches in them, and the links between them.</summary>
/// <remarks>A value. <see cref="TopologyCompiler"/> says what the kernel must have for it, <see cref="TopologyReconciler"/> makes it so.</remarks>
/// <param name="Name">What everything made of it is marked with.</param>
public sealed record NetworkTopology(
    string Name,
    ImmutableArray<TopologyHost> Hosts,
    ImmutableArray<TopologySwitch> Switches,
    ImmutableArray<TopologyLink> Links);

/// <summary>A network stack: a namespace of its own, or the machine's.</summary>
/// <param name="Name">What links and messages call it.</param>
public sealed record TopologyHost(string Name)
{
    /// <summary>The host that is there without being made: the namespace that Fairlead runs in.</summary>
    public const string Machine = "machine";

    /// <summary>The named namespace, as <c>ip netns</c> lists it; null is the one that Fairlead runs in, which is used and never made or deleted.</summary>
    public string? Namespace { get; init; }

    /// <summary>
    /// Whether it passes packets between its interfaces. Null is no for a namespace of ours, and for the machine that its setting stays as it is.
    /// </summary>
    public bool? Forwarding { get; init; }

    /// <summary>Where everything without a route goes; one for each family.</summary>
    public ImmutableArray<IPAddress> Gateways { get; init; } = [];

    /// <summary>Routes beside those that addresses bring along.</summary>
    public ImmutableArray<TopologyRoute> Routes { get; init; } = [];

    /// <summary>Networks that leave this host under its own address.</summary>
    public ImmutableArray<TopologyMasquerade> Masquerade { get; init; } = [];

    /// <summary>Ports of this host that lead elsewhere.</summary>
    public ImmutableArray<TopologyPortForward> PortForwards { get; init; } = [];

    public bool IsMachine => Namespace is null;
}

/// <summary>A bridge; with an address it is a host on its own network as well.</summary>
/// <param name="Name">Its interface's name.</param>
/// <param name="Host">The host it is in.</param>
public sealed record TopologySwitch(string Name, string Host)
{
    public ImmutableArray<InterfaceAddress> Addresses { get; init; } = [];

    /// <summary>The networks that may be used on it; where there are none, those of its addresses.</summary>
    public ImmutableArray<IPNetwork> Networks { get; init; } = [];

    public MacAddress? Mac { get; init; }

    public int? Mtu { get; init; }

    /// <summary>Whether it speaks the spanning tree protocol, so that a loop of switches does no harm.</summary>
    public bool SpanningTree { get; init; }

    /// <summary>Whether it tells VLANs apart; not every kernel can.</summary>
    public bool VlanFiltering { get; init; }
}

/// <summary>A route by way of a gateway.</summary>
public sealed record TopologyRoute(IPNetwork To, IPAddress Via);

/// <summary>What comes from a network and leaves by an interface gets the address of that interface.</summary>
/// <param name="From">The source network.</param>
/// <param name="Out">The interface; null is any, for all that does not stay in the network.</param>
public sealed record TopologyMasquerade(IPNetwork From, string? Out);

/// <summary>A transport protocol with ports.</summary>
public enum TopologyProtocol
{
    Tcp,
    Udp,
}

/// <summary>A port of the host that leads to a port elsewhere.</summary>
/// <param name="Address">The address of the host that is meant; null is each of them, the loopback too.</param>
public sealed record TopologyPortForward(TopologyProtocol Protocol, IPAddress? Address, ushort Port, IPAddress To, ushort ToPort);

/// <summary>A cable: a veth pair.</summary>
public sealed record TopologyLink(TopologyEnd A, TopologyEnd B)
{
    public int? Mtu { get; init; }
}

/// <summary>One end of a link: plugged into a switch, or with addresses of its own.</summary>
/// <param name="Host">The name of the host; null where the switch says it.</param>
/// <param name="Interface">The interface's name there, at most 15 characters; null at a switch is the other end's host.</param>
public sealed record TopologyEnd(string? Host, string? Interface)
{
    public ImmutableArray<InterfaceAddress> Addresses { get; init; } = [];

    public string? Switch { get; init; }

    public MacAddress? Mac { get; init; }
}
