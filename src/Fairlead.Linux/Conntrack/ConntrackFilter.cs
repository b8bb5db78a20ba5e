using System.Net;
using System.Net.Sockets;
using Fairlead.Linux.Nftables;

namespace Fairlead.Linux.Conntrack;

/// <summary>Which connections are meant; what is null does not matter.</summary>
/// <remarks>What the kernel can choose by itself it does, so that a few of a million cost a few; the rest is chosen here.</remarks>
public sealed record ConntrackFilter
{
    public byte? Protocol { get; init; }

    /// <summary>Where the client sent to: a Service's virtual address.</summary>
    public IPAddress? OriginalDestination { get; init; }

    /// <summary>The port the client sent to: a Service's port or node port.</summary>
    public ushort? OriginalDestinationPort { get; init; }

    public IPAddress? OriginalSource { get; init; }

    public ushort? OriginalSourcePort { get; init; }

    /// <summary>Who answers: an endpoint of a Service.</summary>
    public IPAddress? ReplySource { get; init; }

    public ushort? ReplySourcePort { get; init; }

    /// <summary>Where answers go: the address a client was hidden behind.</summary>
    public IPAddress? ReplyDestination { get; init; }

    public ushort? ReplyDestinationPort { get; init; }

    /// <summary>The bits that are set in the mark are these, among those of <see cref="MarkMask"/>.</summary>
    public uint? Mark { get; init; }

    /// <summary>The bits of <see cref="Mark"/> that matter.</summary>
    public uint MarkMask { get; init; } = uint.MaxValue;

    public ushort? Zone { get; init; }

    /// <summary>All of these are known of the connection.</summary>
    public CtStatus Status { get; init; }

    /// <summary>IPv4 or IPv6, where an address says it.</summary>
    internal NftFamily Family => (OriginalDestination ?? OriginalSource ?? ReplySource ?? ReplyDestination)?.AddressFamily switch
    {
        AddressFamily.InterNetwork => NftFamily.Ip,
        AddressFamily.InterNetworkV6 => NftFamily.Ip6,
        _ => 0,
    };

    public bool Matches(ConntrackEntry entry)
        => (Protocol ?? entry.Protocol) == entry.Protocol
            && (OriginalDestination ?? entry.Original.Destination).Equals(entry.Original.Destination)
            && (OriginalDestinationPort ?? entry.Original.DestinationPort) == entry.Original.DestinationPort
            && (OriginalSource ?? entry.Original.Source).Equals(entry.Original.Source)
            && (OriginalSourcePort ?? entry.Original.SourcePort) == entry.Original.SourcePort
            && (ReplySource ?? entry.Reply.Source).Equals(entry.Reply.Source)
            && (ReplySourcePort ?? entry.Reply.SourcePort) == entry.Reply.SourcePort
            && (ReplyDestination ?? entry.Reply.Destination).Equals(entry.Reply.Destination)
            && (ReplyDestinationPort ?? entry.Reply.DestinationPort) == entry.Reply.DestinationPort
            && ((Mark ?? entry.Mark) & MarkMask) == (entry.Mark & MarkMask)
            && (Zone ?? entry.Zone) == entry.Zone
            && (entry.Status & Status) == Status;
}
