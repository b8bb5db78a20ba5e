namespace Fairlead.Linux.Netlink.Route;

/// <summary>A network interface as the kernel has it.</summary>
public sealed record Link
{
    public required int Index { get; init; }

    public required string Name { get; init; }

    /// <summary>What made it: <c>bridge</c>, <c>veth</c>, <c>vxlan</c> …; empty for hardware and for the loopback.</summary>
    public string Kind { get; init; } = "";

    public MacAddress? Mac { get; init; }

    public int Mtu { get; init; }

    /// <summary>Index of the bridge it is a port of, or null.</summary>
    public int? Master { get; init; }

    /// <summary>Whether it was set up by an administrator.</summary>
    public bool Up { get; init; }

    /// <summary>Whether it can carry packets: it is up, and so is what is below it or at the other end.</summary>
    public bool Running { get; init; }

    public bool Promiscuous { get; init; }

    public bool AllMulticast { get; init; }

    /// <summary>See <see cref="LinkSpec.Group"/>; 0 where nobody has set one.</summary>
    public uint Group { get; init; }

    /// <summary>See <see cref="LinkSpec.TxQueueLength"/>.</summary>
    public int TxQueueLength { get; init; }

    public LinkState State { get; init; }

    /// <summary>Further names; ownership marks are among them.</summary>
    public ValueArray<string> AltNames { get; init; }

    public string? Alias { get; init; }

    /// <summary>Index of the other end of a veth pair, or of the interface below; in the namespace of <see cref="PeerNamespaceId"/>.</summary>
    public int? Peer { get; init; }

    /// <summary>The kernel's local number of the namespace <see cref="Peer"/> is in, or null where that is this one.</summary>
    public int? PeerNamespaceId { get; init; }

    /// <summary>What only its kind has, for the kinds we know.</summary>
    public LinkDetails? Details { get; init; }

    /// <summary>What a VXLAN interface was made with.</summary>
    public VxlanDetails? Vxlan => Details as VxlanDetails;

    /// <summary>The settings of a bridge.</summary>
    public BridgeOptions? Bridge => Details as BridgeOptions;

    /// <summary>How the bridge treats it, where it is a port of one.</summary>
    public BridgePort? Port { get; init; }

    /// <summary>What went through it, where it was asked for.</summary>
    public LinkStatistics? Statistics { get; init; }

    public bool HasName(string name) => Name == name || AltNames.Items.Contains(name, StringComparer.Ordinal);
}

/// <summary>Whether an interface works (RFC 2863, IFLA_OPERSTATE).</summary>
public enum LinkState : byte
{
    Unknown = 0,
    NotPresent = 1,
    Down = 2,
    LowerLayerDown = 3,
    Testing = 4,
    Dormant = 5,
    Up = 6,
}

/// <summary>What interfaces of one kind have and others have not.</summary>
public abstract record LinkDetails;

/// <summary>How a macvlan was made.</summary>
public sealed record MacvlanDetails(MacvlanMode Mode) : LinkDetails;

/// <summary>How an ipvlan was made.</summary>
public sealed record IpvlanDetails(IpvlanMode Mode, IpvlanFlags Flags) : LinkDetails;

/// <summary>How a VLAN was made.</summary>
public sealed record VlanDetails(int Id, VlanProtocol Protocol) : LinkDetails;

/// <summary>Which table a VRF leads to.</summary>
public sealed record VrfDetails(uint Table) : LinkDetails;

/// <summary>How a TUN or TAP interface was made (IFLA_TUN_*).</summary>
/// <param name="IsTap">It carries Ethernet frames; else IP packets.</param>
/// <param name="Persistent">It stays when no program has it open.</param>
public sealed record TunDetails(bool IsTap, bool Persistent) : LinkDetails
{
    /// <summary>The user who may open it, or null for root alone.</summary>
    public uint? Owner { get; init; }

    public uint? Group { get; init; }

    /// <summary>Four bytes before each packet say its flags and protocol.</summary>
    public bool PacketInformation { get; init; }

    public bool VnetHeader { get; init; }

    public bool MultiQueue { get; init; }
}

/// <summary>Who may talk to whom among the interfaces on one cable (IFLA_MACVLAN_MODE).</summary>
public enum MacvlanMode
{
    Private = 1,
    Vepa = 2,
    Bridge = 4,
    PassThrough = 8,
}

/// <summary>At which layer packets are told apart (IFLA_IPVLAN_MODE).</summary>
public enum IpvlanMode : ushort
{
    L2 = 0,
    L3 = 1,
    L3S = 2,
}

/// <summary>Who may talk to whom among the interfaces on one cable (IFLA_IPVLAN_FLAGS).</summary>
[Flags]
public enum IpvlanFlags : ushort
{
    Bridge = 0,
    Private = 1,
    Vepa = 2,
}

/// <summary>How a bridge treats a port (IFLA_BRPORT_*).</summary>
/// <param name="Hairpin">Frames may leave by the port they came in: a pod that reaches itself through its Service.</param>
/// <param name="Isolated">Frames never go to another isolated port.</param>
public sealed record BridgePort(bool Hairpin, bool Isolated)
{
    /// <summary>Whether the bridge learns addresses from this port.</summary>
    public bool Learning { get; init; } = true;

    /// <summary>Whether frames for addresses that the bridge does not know go here.</summary>
    public bool Flood { get; init; } = true;

    public bool MulticastFlood { get; init; } = true;

    public bool BroadcastFlood { get; init; } = true;

    /// <summary>The bridge answers for the neighbours on this port, so that they are not asked.</summary>
    public bool ProxyArp { get; init; }

    /// <summary>Requests for neighbours the bridge knows do not go here.</summary>
    public bool NeighbourSuppress { get; init; }

    public bool Guard { get; init; }

    public bool RootBlock { get; init; }

    public bool FastLeave { get; init; }

    /// <summary>Spanning tree: what the way through it costs.</summary>
    public int Cost { get; init; }

    public int Priority { get; init; }

    public BridgePortState State { get; init; }
}

/// <summary>What a bridge does with frames of a port (linux/if_bridge.h, BR_STATE_*).</summary>
public enum BridgePortState : byte
{
    Disabled = 0,
    Listening = 1,
    Learning = 2,
    Forwarding = 3,
    Blocking = 4,
}

/// <summary>What went through an interface since it was made (struct rtnl_link_stats64).</summary>
public readonly record struct LinkStatistics(
    ulong RxPackets, ulong TxPackets, ulong RxBytes, ulong TxBytes, ulong RxErrors, ulong TxErrors, ulong RxDropped, ulong TxDropped, ulong Multicast);
