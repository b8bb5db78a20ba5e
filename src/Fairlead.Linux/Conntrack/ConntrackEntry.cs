using System.Net;
using Fairlead.Linux.Nftables;

namespace Fairlead.Linux.Conntrack;

/// <summary>Addresses and ports of one direction of a connection; ports are 0 where the protocol has none.</summary>
public readonly record struct ConntrackTuple(IPAddress Source, ushort SourcePort, IPAddress Destination, ushort DestinationPort)
{
    /// <summary>What ICMP and ICMPv6 have in the place of ports.</summary>
    public ConntrackIcmp? Icmp { get; init; }

    public override string ToString() => Icmp is { } icmp
        ? NftText.Invariant($"{Source} -> {Destination} type {icmp.Type} code {icmp.Code} id {icmp.Id}")
        : $"{new IPEndPoint(Source, SourcePort)} -> {new IPEndPoint(Destination, DestinationPort)}";
}

/// <summary>By what the kernel tells one exchange of ICMP from another.</summary>
public readonly record struct ConntrackIcmp(byte Type, byte Code, ushort Id);

/// <summary>Packets and bytes of one direction of a connection.</summary>
public readonly record struct ConntrackCounts(ulong Packets, ulong Bytes);

/// <summary>A connection that the kernel follows.</summary>
/// <param name="Protocol">Number of the transport protocol.</param>
/// <param name="Original">As the first packet had it.</param>
/// <param name="Reply">As answers have it: where addresses were changed, other than the reverse of the original.</param>
public sealed record ConntrackEntry(byte Protocol, ConntrackTuple Original, ConntrackTuple Reply)
{
    public CtStatus Status { get; init; }

    public uint Mark { get; init; }

    public ushort Zone { get; init; }

    /// <summary>Seconds until it is forgotten.</summary>
    public uint TimeLeft { get; init; }

    /// <summary>The state of a connection of TCP (TCP_CONNTRACK_*: 1 SYN sent, 3 established, 7 time wait …) or of SCTP.</summary>
    public byte? State { get; init; }

    /// <summary>What the side that began has sent, where the kernel counts (<c>net.netfilter.nf_conntrack_acct</c>).</summary>
    public ConntrackCounts? Sent { get; init; }

    /// <summary>What came back, where the kernel counts.</summary>
    public ConntrackCounts? Received { get; init; }

    internal uint Id { get; init; }
}

/// <summary>What became of a connection.</summary>
public enum ConntrackChange
{
    New,
    Updated,
    Destroyed,

    /// <summary>Events were lost: what is known must be read anew; those that follow are complete again.</summary>
    Resynchronise,
}

/// <summary>An event of connection tracking.</summary>
/// <param name="Entry">The connection; null only with <see cref="ConntrackChange.Resynchronise"/>. An update tells only what it changed, beside the addresses.</param>
public readonly record struct ConntrackEvent(ConntrackChange Change, ConntrackEntry? Entry);

/// <summary>Which events to hear of.</summary>
[Flags]
public enum ConntrackChanges
{
    New = 1,
    Updated = 2,
    Destroyed = 4,
    All = 7,
}
