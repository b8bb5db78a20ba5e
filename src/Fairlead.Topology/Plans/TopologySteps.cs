using System.Collections.Immutable;
using Fairlead.Linux;
using Fairlead.Topology.Kernel;
using Fairlead.Topology.Nat;

namespace Fairlead.Topology.Plans;

/// <summary>Makes a namespace with its settings.</summary>
internal sealed record CreateHost(HostState State) : TopologyStep(State.Name)
{
    public override char Sign => '+';

    public override string What
        => $"host {Host}{(State.Namespace == Host ? "" : $" (namespace {State.Namespace})")}{(State.Settings.GetValueOrDefault("net/ipv4/ip_forward") == "1" ? ", forwarding" : "")}";
}

/// <summary>Removes a namespace with all that is in it.</summary>
internal sealed record DeleteHost(string Host, string Namespace) : TopologyStep(Host)
{
    public override char Sign => '-';

    public override string What => $"host {Host}{(Namespace == Host ? "" : $" (namespace {Namespace})")}";
}

/// <summary>Makes a bridge.</summary>
internal sealed record CreateSwitch(string Host, InterfaceState Link) : TopologyStep(Host)
{
    public override char Sign => '+';

    public override string What => $"switch {Host}:{Link.Name}";
}

/// <summary>Makes a veth pair.</summary>
internal sealed record CreateCable(string Host, InterfaceState Link, string PeerHost, InterfaceState Peer) : TopologyStep(Host)
{
    public override char Sign => '+';

    public override string What => $"link {End(Host, Link)} to {End(PeerHost, Peer)}";

    private static string End(string host, InterfaceState link) => $"{host}:{link.Name}{(link.Master is { } bridge ? $" in {bridge}" : "")}";
}

/// <summary>Removes interfaces; of a cable both ends.</summary>
internal sealed record DeleteLinks(string Host, ImmutableArray<string> Names) : TopologyStep(Host)
{
    /// <summary>Whether these are all that the topology has there, so that one request can name them all.</summary>
    public bool AreAll { get; init; }

    public override char Sign => '-';

    public override string What => $"{(Names.Length == 1 ? "link" : "links")} {string.Join(", ", Names.Select(n => $"{Host}:{n}"))}";
}

/// <summary>Changes an interface.</summary>
internal sealed record ChangeLink(string Host, InterfaceState Before, InterfaceState After) : TopologyStep(Host)
{
    public override char Sign => '~';

    public override string What
    {
        get
        {
            string?[] changes =
            [
                After.Mac is { } mac && mac != Before.Mac ? $"MAC {Before.Mac} → {mac}" : null,
                After.Mtu is { } mtu && mtu != Before.Mtu ? $"MTU {Before.Mtu} → {mtu}" : null,
                After.Master != Before.Master ? $"switch {Before.Master ?? "none"} → {After.Master ?? "none"}" : null,
                After.Up != Before.Up ? After.Up ? "down → up" : "up → down" : null,
                After.SpanningTree != Before.SpanningTree ? $"stp {Word(Before.SpanningTree)} → {Word(After.SpanningTree)}" : null,
                After.VlanFiltering != Before.VlanFiltering ? $"VLAN filtering {Word(Before.VlanFiltering)} → {Word(After.VlanFiltering)}" : null,
                After.Label != Before.Label ? "label" : null,
            ];
            return $"{Host}:{After.Name} {string.Join(", ", changes.OfType<string>())}";
        }
    }

    private static string Word(bool on) => on ? "on" : "off";
}

/// <summary>Adds an address.</summary>
internal sealed record AddLinkAddress(string Host, string Link, InterfaceAddress Address) : TopologyStep(Host)
{
    public override char Sign => '+';

    public override string What => $"{Host}:{Link} {Address}";
}

/// <summary>Removes an address.</summary>
internal sealed record RemoveLinkAddress(string Host, string Link, InterfaceAddress Address) : TopologyStep(Host)
{
    public override char Sign => '-';

    public override string What => $"{Host}:{Link} {Address}";
}

/// <summary>Changes a setting of the kernel in a host.</summary>
internal sealed record ChangeSetting(string Host, string Key, string? Before, string After) : TopologyStep(Host)
{
    public override char Sign => '~';

    public override string What => $"{Host}: {NameOf(Key)} {(Before is null ? "" : $"{Before} → ")}{After}";

    private static string NameOf(string key) => key switch
    {
        "net/ipv4/ip_forward" => "forwarding",
        "net/ipv6/conf/all/forwarding" => "IPv6 forwarding",
        _ => key.Replace('/', '.'),
    };
}

/// <summary>Adds a route.</summary>
internal sealed record AddHostRoute(string Host, RouteState Route) : TopologyStep(Host)
{
    public override char Sign => '+';

    public override string What => $"{Host}: route {Route}";
}

/// <summary>Removes a route.</summary>
internal sealed record RemoveHostRoute(string Host, RouteState Route) : TopologyStep(Host)
{
    public override char Sign => '-';

    public override string What => $"{Host}: route {Route}";
}

/// <summary>Adds a change of addresses; all of a host come into force together.</summary>
internal sealed record AddNat(string Host, NatRule Rule) : TopologyStep(Host)
{
    public override char Sign => '+';

    public override string What => $"{Host}: {Rule}";
}

/// <summary>Removes a change of addresses.</summary>
internal sealed record RemoveNat(string Host, NatRule Rule) : TopologyStep(Host)
{
    public override char Sign => '-';

    public override string What => $"{Host}: {Rule}";
}

/// <summary>Writes a table anew that somebody else has changed.</summary>
internal sealed record RenewNat(string Host, string Table) : TopologyStep(Host)
{
    public override char Sign => '~';

    public override string What => $"{Host}: table {Table}, changed by hand";
}
