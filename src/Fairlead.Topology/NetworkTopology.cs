using System.Collections.Immutable;
using System.Net;
using Fairlead.Linux;

namespace Fairlead.Topology;

/// <summary>A small network on one machine: hosts, the switches in them, and the links between them.</summary>
/// <remarks>A value: <see cref="TopologyReconciler"/> makes the kernel match it.</remarks>
public sealed record NetworkTopology(ImmutableArray<TopologyHost> Hosts, ImmutableArray<TopologyLink> Links);

/// <summary>A network stack: a namespace of its own, or the machine's.</summary>
/// <param name="Name">What links and messages call it.</param>
/// <param name="Namespace">The named namespace, as <c>ip netns</c> lists it; null is the one that Fairlead runs in, which is used and never made or deleted.</param>
/// <param name="Forwarding">Whether it passes packets between its interfaces (<c>net.ipv4.ip_forward</c>); false leaves the setting as it is.</param>
/// <param name="Switches">The bridges in it.</param>
/// <param name="Routes">Routes beside those that addresses bring along.</param>
public sealed record TopologyHost(
    string Name,
    string? Namespace,
    bool Forwarding,
    ImmutableArray<TopologySwitch> Switches,
    ImmutableArray<TopologyRoute> Routes);

/// <summary>A bridge; with an address it is its subnet's gateway as well.</summary>
public sealed record TopologySwitch(string Name, InterfaceAddress? Address);

/// <summary>A route by way of a gateway.</summary>
public sealed record TopologyRoute(IPNetwork Destination, IPAddress Gateway);

/// <summary>A veth pair.</summary>
public sealed record TopologyLink(TopologyEnd A, TopologyEnd B);

/// <summary>One end of a link: plugged into a switch of its host, or with an address of its own.</summary>
/// <param name="Host">The name of the host.</param>
/// <param name="Interface">The interface's name there, at most 15 characters.</param>
/// <param name="Address">Its address, if it has one.</param>
/// <param name="Switch">The switch it is plugged into, if it is.</param>
/// <param name="AltName">A second, longer name that says whose it is.</param>
public sealed record TopologyEnd(string Host, string Interface, InterfaceAddress? Address = null, string? Switch = null, string? AltName = null);
