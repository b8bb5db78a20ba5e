using Fairlead.Linux.Namespaces;

namespace Fairlead.Linux.Netlink.Route;

/// <summary>What to change of an interface; what is null stays.</summary>
public sealed record LinkChange
{
    public bool? Up { get; init; }

    public string? Name { get; init; }

    public MacAddress? Mac { get; init; }

    public int? Mtu { get; init; }

    /// <summary>Index of the bridge to be a port of; 0 for none.</summary>
    public int? Master { get; init; }

    /// <summary>Free text, to say what it is for; empty removes it.</summary>
    public string? Alias { get; init; }

    /// <summary>See <see cref="LinkSpec.Group"/>.</summary>
    public uint? Group { get; init; }

    /// <summary>See <see cref="LinkSpec.TxQueueLength"/>.</summary>
    public int? TxQueueLength { get; init; }

    /// <summary>It takes every frame it sees, whomever it is for (IFF_PROMISC).</summary>
    public bool? Promiscuous { get; init; }

    /// <summary>It takes every multicast frame (IFF_ALLMULTI).</summary>
    public bool? AllMulticast { get; init; }

    /// <summary>Where to move it. Its addresses are not kept, and its index only where it is free there.</summary>
    public NetworkNamespace? Namespace { get; init; }

    /// <summary>Where to move it: the namespace of this process, as seen by us.</summary>
    public int? NamespaceOfProcess { get; init; }

    /// <summary>For a bridge, what to change of it.</summary>
    public BridgeOptions? Bridge { get; init; }

    /// <summary>See <see cref="BridgePort"/>, as the others that follow.</summary>
    public bool? Hairpin { get; init; }

    public bool? Isolated { get; init; }

    public bool? Learning { get; init; }

    public bool? Flood { get; init; }

    public bool? MulticastFlood { get; init; }

    public bool? BroadcastFlood { get; init; }

    public bool? ProxyArp { get; init; }

    public bool? NeighbourSuppress { get; init; }

    /// <summary>Spanning tree: it is shut where a bridge speaks on it (BPDU guard).</summary>
    public bool? Guard { get; init; }

    /// <summary>Spanning tree: it never becomes the way to the root (root block).</summary>
    public bool? RootBlock { get; init; }

    public bool? FastLeave { get; init; }

    public int? Cost { get; init; }

    public int? Priority { get; init; }

    /// <summary>Whether IPv6 gives it a link-local address by itself when it comes up.</summary>
    public bool? LinkLocalAddress { get; init; }

    internal bool HasPortOptions
        => (Hairpin ?? Isolated ?? Learning ?? Flood ?? MulticastFlood ?? BroadcastFlood ?? ProxyArp ?? NeighbourSuppress ?? Guard ?? RootBlock ?? FastLeave) is not null
            || (Cost ?? Priority) is not null;
}
