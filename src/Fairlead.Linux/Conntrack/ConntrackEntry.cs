using System.Net;
using Fairlead.Linux.Nftables;

namespace Fairlead.Linux.Conntrack;

/// <summary>Addresses and ports of one direction of a connection; ports are 0 where the protocol has none.</summary>
public readonly record struct ConntrackTuple(IPAddress Source, ushort SourcePort, IPAddress Destination, ushort DestinationPort)
{
    public override string ToString() => $"{new IPEndPoint(Source, SourcePort)} -> {new IPEndPoint(Destination, DestinationPort)}";
}

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

    internal uint Id { get; init; }
}

/// <summary>Which connections are meant; what is null does not matter.</summary>
public sealed record ConntrackFilter
{
    public byte? Protocol { get; init; }

    /// <summary>Where the client sent to: a Service's virtual address.</summary>
    public IPAddress? OriginalDestination { get; init; }

    /// <summary>The port the client sent to: a Service's port or node port.</summary>
    public ushort? OriginalDestinationPort { get; init; }

    public IPAddress? OriginalSource { get; init; }

    /// <summary>Who answers: an endpoint of a Service.</summary>
    public IPAddress? ReplySource { get; init; }

    public ushort? ReplySourcePort { get; init; }

    public bool Matches(ConntrackEntry entry)
        => (Protocol ?? entry.Protocol) == entry.Protocol
            && (OriginalDestination ?? entry.Original.Destination).Equals(entry.Original.Destination)
            && (OriginalDestinationPort ?? entry.Original.DestinationPort) == entry.Original.DestinationPort
            && (OriginalSource ?? entry.Original.Source).Equals(entry.Original.Source)
            && (ReplySource ?? entry.Reply.Source).Equals(entry.Reply.Source)
            && (ReplySourcePort ?? entry.Reply.SourcePort) == entry.Reply.SourcePort;
}
