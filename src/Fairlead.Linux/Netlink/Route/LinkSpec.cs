using Fairlead.Linux.Namespaces;

namespace Fairlead.Linux.Netlink.Route;

/// <summary>An interface to be made.</summary>
public abstract record LinkSpec(string Name)
{
    /// <summary>Longest name of an interface (IFNAMSIZ less its end mark); longer ones can only be alternative names.</summary>
    public const int MaxNameLength = 15;

    /// <summary>
    /// The index it shall have, which must be free; null to have the kernel choose. What follows in the same batch can then speak of it.
    /// </summary>
    public int? Index { get; init; }

    public MacAddress? Mac { get; init; }

    public int? Mtu { get; init; }

    /// <summary>Index of the bridge to be a port of, or of the VRF to be in.</summary>
    public int? Master { get; init; }

    public bool Up { get; init; }

    /// <summary>How many packets may wait to be sent (IFLA_TXQLEN).</summary>
    public int? TxQueueLength { get; init; }

    /// <summary>The group it is made in (<c>ip link show group N</c>, IFLA_GROUP): the one mark of an owner that the kernel takes with the creation itself.</summary>
    public uint Group { get; init; }

    /// <summary>Where to create it; null for the namespace of the socket.</summary>
    public NetworkNamespace? Namespace { get; init; }

    internal abstract string Kind { get; }

    /// <summary>The option of the kernel's configuration that has interfaces of this kind.</summary>
    internal abstract string KernelOption { get; }

    /// <summary>Index of the interface below, for the kinds that have one (IFLA_LINK).</summary>
    internal virtual int? Below => null;

    /// <summary>Writes the attributes that only this kind has.</summary>
    internal virtual void WriteDetails(ref NetlinkWriter writer)
    {
    }

    /// <summary>What else than its kind the kernel may lack of what is asked.</summary>
    internal virtual string? MayLack => null;
}

/// <summary>A pair of interfaces joined by a cable; the far end is created straight in its namespace.</summary>
/// <remarks>Moving the end afterwards costs 20 ms: it waits for every CPU. Creating it there costs 1.</remarks>
public sealed record VethSpec(string Name) : LinkSpec(Name)
{
    public required string PeerName { get; init; }

    /// <summary>Where the far end is to be; null for the same namespace.</summary>
    public NetworkNamespace? PeerNamespace { get; init; }

    /// <summary>The index the far end shall have; heeded only where <see cref="LinkSpec.Index"/> is given too.</summary>
    public int? PeerIndex { get; init; }

    public MacAddress? PeerMac { get; init; }

    /// <summary>MTU of the far end; as the near end's where null.</summary>
    public int? PeerMtu { get; init; }

    /// <summary>Group of the far end; as the near end's where null.</summary>
    public uint? PeerGroup { get; init; }

    /// <summary>Sets the far end up with a further request in its namespace: the kernel refuses to in the creation. <see cref="RouteSocket.CreateLink"/> does it, a batch does not.</summary>
    public bool PeerUp { get; init; }

    internal override string Kind => "veth";

    internal override string KernelOption => "CONFIG_VETH";

    internal override void WriteDetails(ref NetlinkWriter writer)
    {
        var peer = writer.BeginNested(RouteConstants.VethInfoPeer);
        writer.Header(new LinkHeader { Index = PeerIndex ?? 0 });
        writer.Attribute(RouteConstants.IflaIfName, PeerName);
        if ((PeerMtu ?? Mtu) is { } mtu)
        {
            writer.Attribute(RouteConstants.IflaMtu, (uint)mtu);
        }

        if (PeerMac is { } mac)
        {
            writer.Attribute(RouteConstants.IflaAddress, mac);
        }

        if ((PeerGroup ?? Group) is not 0 and var group)
        {
            writer.Attribute(RouteConstants.IflaGroup, group);
        }

        if (PeerNamespace is { } network)
        {
            writer.Attribute(RouteConstants.IflaNetNsFd, network.Descriptor);
        }

        writer.EndNested(peer);
    }
}

/// <summary>An interface that carries nothing anywhere: a place for addresses. Some kernels lack it.</summary>
public sealed record DummySpec(string Name) : LinkSpec(Name)
{
    internal override string Kind => "dummy";

    internal override string KernelOption => "CONFIG_DUMMY";
}

/// <summary>An interface to which others' incoming packets are led, so that what holds for outgoing ones can be done to them.</summary>
public sealed record IfbSpec(string Name) : LinkSpec(Name)
{
    internal override string Kind => "ifb";

    internal override string KernelOption => "CONFIG_IFB";
}

/// <summary>An interface with an Ethernet address of its own on the cable of another.</summary>
public sealed record MacvlanSpec(string Name) : LinkSpec(Name)
{
    /// <summary>Index of the interface below, in the namespace of the socket.</summary>
    public required int Parent { get; init; }

    public MacvlanMode Mode { get; init; } = MacvlanMode.Bridge;

    /// <summary>How many broadcasts may wait to be given to the others on the cable (IFLA_MACVLAN_BC_QUEUE_LEN); null for the kernel's own.</summary>
    public uint? BroadcastQueueLength { get; init; }

    internal override string Kind => "macvlan";

    internal override string KernelOption => "CONFIG_MACVLAN";

    internal override int? Below => Parent;

    internal override void WriteDetails(ref NetlinkWriter writer)
    {
        writer.Attribute(RouteConstants.IflaMacvlanMode, (uint)Mode);
        if (BroadcastQueueLength is { } length)
        {
            writer.Attribute(RouteConstants.IflaMacvlanBroadcastQueueLength, length);
        }
    }
}

/// <summary>An interface with addresses of its own and the Ethernet address of the one below. Some kernels lack it.</summary>
public sealed record IpvlanSpec(string Name) : LinkSpec(Name)
{
    /// <summary>Index of the interface below, in the namespace of the socket.</summary>
    public required int Parent { get; init; }

    public IpvlanMode Mode { get; init; } = IpvlanMode.L2;

    public IpvlanFlags Flags { get; init; } = IpvlanFlags.Bridge;

    internal override string Kind => "ipvlan";

    internal override string KernelOption => "CONFIG_IPVLAN";

    internal override int? Below => Parent;

    internal override void WriteDetails(ref NetlinkWriter writer)
    {
        writer.Attribute(RouteConstants.IflaIpvlanMode, (ushort)Mode);
        writer.Attribute(RouteConstants.IflaIpvlanFlags, (ushort)Flags);
    }
}

/// <summary>An interface that sees the frames of one tag on the cable of another (IEEE 802.1Q). Some kernels lack it.</summary>
public sealed record VlanSpec(string Name) : LinkSpec(Name)
{
    /// <summary>Index of the interface below, in the namespace of the socket.</summary>
    public required int Parent { get; init; }

    /// <summary>The tag: 0 to 4094.</summary>
    public required int Id { get; init; }

    /// <summary>The Ethernet type of tagged frames: 802.1Q, or 802.1ad for an outer tag.</summary>
    public VlanProtocol Protocol { get; init; } = VlanProtocol.Ieee8021Q;

    internal override string Kind => "vlan";

    internal override string KernelOption => "CONFIG_VLAN_8021Q";

    internal override int? Below => Parent;

    internal override void WriteDetails(ref NetlinkWriter writer)
    {
        writer.Attribute(RouteConstants.IflaVlanId, (ushort)Id);
        writer.BigEndian(RouteConstants.IflaVlanProtocol, (ushort)Protocol);
    }
}

/// <summary>An interface whose packets go encrypted to those it knows. Some kernels lack it. What it knows is set with a <see cref="Generic.WireGuardSocket"/>.</summary>
public sealed record WireGuardSpec(string Name) : LinkSpec(Name)
{
    internal override string Kind => "wireguard";

    internal override string KernelOption => "CONFIG_WIREGUARD";
}

/// <summary>A routing table of its own for the interfaces it is the master of. Some kernels lack it.</summary>
public sealed record VrfSpec(string Name) : LinkSpec(Name)
{
    public required uint Table { get; init; }

    internal override string Kind => "vrf";

    internal override string KernelOption => "CONFIG_NET_VRF";

    internal override void WriteDetails(ref NetlinkWriter writer) => writer.Attribute(RouteConstants.IflaVrfTable, Table);
}
