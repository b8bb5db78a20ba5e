using System.Net;
using Fairlead.Linux.Namespaces;

namespace Fairlead.Linux.Netlink.Route;

/// <summary>An interface to be made.</summary>
public abstract record LinkSpec(string Name)
{
    /// <summary>Longest name of an interface; longer ones can only be alternative names.</summary>
    public const int MaxNameLength = 15;

    public MacAddress? Mac { get; init; }

    public int? Mtu { get; init; }

    /// <summary>Index of the bridge to be a port of.</summary>
    public int? Master { get; init; }

    public bool Up { get; init; }

    /// <summary>The group it is made in (<c>ip link show group N</c>): the one mark of an owner that the kernel takes with the creation itself.</summary>
    public uint Group { get; init; }

    internal abstract string Kind { get; }

    /// <summary>Writes the attributes that only this kind has.</summary>
    internal virtual void WriteDetails(ref NetlinkWriter writer)
    {
    }
}

/// <summary>A bridge, without spanning tree.</summary>
public sealed record BridgeSpec(string Name) : LinkSpec(Name)
{
    internal override string Kind => "bridge";
}

/// <summary>A pair of interfaces joined by a cable; the far end is created straight in its namespace.</summary>
/// <remarks>Moving the end afterwards costs 20 ms: it waits for every CPU. Creating it there costs 1.</remarks>
public sealed record VethSpec(string Name) : LinkSpec(Name)
{
    public required string PeerName { get; init; }

    /// <summary>Where the far end is to be; null for the same namespace.</summary>
    public NetworkNamespace? PeerNamespace { get; init; }

    public MacAddress? PeerMac { get; init; }

    /// <summary>MTU of the far end; as the near end's where null.</summary>
    public int? PeerMtu { get; init; }

    /// <summary>Group of the far end; as the near end's where null.</summary>
    public uint? PeerGroup { get; init; }

    /// <summary>Sets the far end up with a further request in its namespace: the kernel refuses to in the creation. <see cref="RouteSocket.CreateLink"/> does it, a batch does not.</summary>
    public bool PeerUp { get; init; }

    internal override string Kind => "veth";

    internal override void WriteDetails(ref NetlinkWriter writer)
    {
        var peer = writer.BeginNested(RouteConstants.VethInfoPeer);
        writer.Header(default(LinkHeader));
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

/// <summary>A VXLAN tunnel end.</summary>
public sealed record VxlanSpec(string Name) : LinkSpec(Name)
{
    public required int Vni { get; init; }

    public int UdpPort { get; init; } = 8472;

    /// <summary>The source of its packets.</summary>
    public IPAddress? Local { get; init; }

    /// <summary>Index of the interface its packets leave by, which its MTU follows; null to leave that to the routes.</summary>
    public int? Device { get; init; }

    /// <summary>Whether it learns from packets where addresses are; off, because ours are told.</summary>
    public bool Learning { get; init; }

    internal override string Kind => "vxlan";

    internal override void WriteDetails(ref NetlinkWriter writer)
    {
        writer.Attribute(RouteConstants.IflaVxlanId, (uint)Vni);
        writer.BigEndian(RouteConstants.IflaVxlanPort, (ushort)UdpPort);
        writer.Attribute(RouteConstants.IflaVxlanLearning, (byte)(Learning ? 1 : 0));
        if (Local is { } local)
        {
            writer.Attribute(
                local.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork ? RouteConstants.IflaVxlanLocal : RouteConstants.IflaVxlanLocal6,
                local);
        }

        if (Device is { } device)
        {
            writer.Attribute(RouteConstants.IflaVxlanLink, (uint)device);
        }
    }
}

/// <summary>An interface that carries nothing anywhere: a place for addresses. Some kernels lack it.</summary>
public sealed record DummySpec(string Name) : LinkSpec(Name)
{
    internal override string Kind => "dummy";
}

/// <summary>An interface with an Ethernet address of its own on the cable of another.</summary>
public sealed record MacvlanSpec(string Name) : LinkSpec(Name)
{
    /// <summary>Index of the interface below.</summary>
    public required int Parent { get; init; }

    public MacvlanMode Mode { get; init; } = MacvlanMode.Bridge;

    /// <summary>Where to create it; null for the namespace of the interface below.</summary>
    public NetworkNamespace? Namespace { get; init; }

    internal override string Kind => "macvlan";

    internal override void WriteDetails(ref NetlinkWriter writer) => writer.Attribute(RouteConstants.IflaMacvlanMode, (uint)Mode);
}

/// <summary>Who may talk to whom among the interfaces on one cable (IFLA_MACVLAN_MODE).</summary>
public enum MacvlanMode
{
    Private = 1,
    Vepa = 2,
    Bridge = 4,
    PassThrough = 8,
}

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

    /// <summary>Where to move it. Its index and addresses are not kept.</summary>
    public NetworkNamespace? Namespace { get; init; }

    /// <summary>See <see cref="BridgePort"/>.</summary>
    public bool? Hairpin { get; init; }

    /// <summary>See <see cref="BridgePort"/>.</summary>
    public bool? Isolated { get; init; }

    /// <summary>Whether the bridge learns addresses from this port.</summary>
    public bool? Learning { get; init; }

    /// <summary>Whether IPv6 gives it a link-local address by itself when it comes up.</summary>
    public bool? LinkLocalAddress { get; init; }

    internal bool HasPortOptions => (Hairpin ?? Isolated ?? Learning) is not null;
}
