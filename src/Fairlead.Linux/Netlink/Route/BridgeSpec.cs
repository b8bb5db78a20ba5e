namespace Fairlead.Linux.Netlink.Route;

/// <summary>A bridge, without spanning tree where nothing else is said.</summary>
public sealed record BridgeSpec(string Name) : LinkSpec(Name)
{
    /// <summary>What shall be otherwise than the kernel has it by itself.</summary>
    public BridgeOptions? Options { get; init; }

    internal override string Kind => "bridge";

    internal override string KernelOption => "CONFIG_BRIDGE";

    internal override string? MayLack => Options?.MayLack;

    internal override void WriteDetails(ref NetlinkWriter writer) => Options?.Write(ref writer);
}

/// <summary>The settings of a bridge (IFLA_BR_*). To be written, what is null stays; read, what is null this kernel does not have.</summary>
public sealed record BridgeOptions : LinkDetails
{
    /// <summary>What the kernel counts times by: hundredths of a second (USER_HZ).</summary>
    private const int Ticks = 100;

    /// <summary>Spanning tree: the bridge finds loops and closes ports.</summary>
    public bool? Stp { get; init; }

    /// <summary>How long a port listens and learns before it forwards, where there is a spanning tree.</summary>
    public TimeSpan? ForwardDelay { get; init; }

    public TimeSpan? HelloTime { get; init; }

    public TimeSpan? MaxAge { get; init; }

    /// <summary>How long a learned address is kept; zero for not at all: then every frame goes to every port.</summary>
    public TimeSpan? AgeingTime { get; init; }

    /// <summary>The lower, the sooner it becomes the root of the spanning tree.</summary>
    public int? Priority { get; init; }

    /// <summary>Which of the link-local addresses 01:80:c2:00:00:0X it forwards, one bit each; the kernel refuses the lowest three.</summary>
    public int? GroupForwardMask { get; init; }

    /// <summary>Ports belong to VLANs (see <see cref="PortVlan"/>). Some kernels lack it.</summary>
    public bool? VlanFiltering { get; init; }

    public VlanProtocol? VlanProtocol { get; init; }

    /// <summary>The VLAN of untagged frames on new ports; 0 for none.</summary>
    public int? VlanDefaultPvid { get; init; }

    /// <summary>It listens to who wants which multicast.</summary>
    public bool? MulticastSnooping { get; init; }

    /// <summary>Frames that it forwards go through iptables, for this bridge; the kernel has a setting for all too.</summary>
    public bool? NfCallIptables { get; init; }

    public bool? NfCallIp6tables { get; init; }

    public bool? NfCallArptables { get; init; }

    internal string? MayLack
        => (VlanFiltering ?? (VlanProtocol is not null || VlanDefaultPvid is not null)) ? "bridge VLAN filtering (CONFIG_BRIDGE_VLAN_FILTERING)"
            : (NfCallIptables ?? NfCallIp6tables ?? NfCallArptables) is not null ? "netfilter on bridges (CONFIG_BRIDGE_NETFILTER)"
            : null;

    internal void Write(ref NetlinkWriter writer)
    {
        Time(ref writer, RouteConstants.IflaBrForwardDelay, ForwardDelay);
        Time(ref writer, RouteConstants.IflaBrHelloTime, HelloTime);
        Time(ref writer, RouteConstants.IflaBrMaxAge, MaxAge);
        Time(ref writer, RouteConstants.IflaBrAgeingTime, AgeingTime);
        if (Stp is { } stp)
        {
            writer.Attribute(RouteConstants.IflaBrStpState, stp ? 1u : 0u);
        }

        Number(ref writer, RouteConstants.IflaBrPriority, Priority);
        if (VlanProtocol is { } protocol)
        {
            writer.BigEndian(RouteConstants.IflaBrVlanProtocol, (ushort)protocol);
        }

        Number(ref writer, RouteConstants.IflaBrVlanDefaultPvid, VlanDefaultPvid);
        writer.Switch(RouteConstants.IflaBrVlanFiltering, VlanFiltering);
        Number(ref writer, RouteConstants.IflaBrGroupForwardMask, GroupForwardMask);
        writer.Switch(RouteConstants.IflaBrMulticastSnooping, MulticastSnooping);
        writer.Switch(RouteConstants.IflaBrNfCallIptables, NfCallIptables);
        writer.Switch(RouteConstants.IflaBrNfCallIp6tables, NfCallIp6tables);
        writer.Switch(RouteConstants.IflaBrNfCallArptables, NfCallArptables);

        static void Time(ref NetlinkWriter writer, ushort type, TimeSpan? value)
        {
            if (value is { } time)
            {
                writer.Attribute(type, (uint)(time.Ticks * Ticks / TimeSpan.TicksPerSecond));
            }
        }

        static void Number(ref NetlinkWriter writer, ushort type, int? value)
        {
            if (value is { } number)
            {
                writer.Attribute(type, checked((ushort)number));
            }
        }
    }

    internal static BridgeOptions Read(AttributeReader attributes)
    {
        TimeSpan? forwardDelay = null, helloTime = null, maxAge = null, ageingTime = null;
        bool? stp = null, filtering = null, snooping = null, iptables = null, ip6tables = null, arptables = null;
        int? priority = null, mask = null, pvid = null;
        VlanProtocol? protocol = null;
        while (attributes.TryRead(out var a))
        {
            switch (a.Type)
            {
                case RouteConstants.IflaBrForwardDelay:
                    forwardDelay = Time(a);
                    break;
                case RouteConstants.IflaBrHelloTime:
                    helloTime = Time(a);
                    break;
                case RouteConstants.IflaBrMaxAge:
                    maxAge = Time(a);
                    break;
                case RouteConstants.IflaBrAgeingTime:
                    ageingTime = Time(a);
                    break;
                case RouteConstants.IflaBrStpState:
                    stp = a.UInt32 != 0;
                    break;
                case RouteConstants.IflaBrPriority:
                    priority = a.UInt16;
                    break;
                case RouteConstants.IflaBrVlanFiltering:
                    filtering = a.Byte != 0;
                    break;
                case RouteConstants.IflaBrVlanProtocol:
                    protocol = (VlanProtocol)a.BigEndian16;
                    break;
                case RouteConstants.IflaBrVlanDefaultPvid:
                    pvid = a.UInt16;
                    break;
                case RouteConstants.IflaBrGroupForwardMask:
                    mask = a.UInt16;
                    break;
                case RouteConstants.IflaBrMulticastSnooping:
                    snooping = a.Byte != 0;
                    break;
                case RouteConstants.IflaBrNfCallIptables:
                    iptables = a.Byte != 0;
                    break;
                case RouteConstants.IflaBrNfCallIp6tables:
                    ip6tables = a.Byte != 0;
                    break;
                case RouteConstants.IflaBrNfCallArptables:
                    arptables = a.Byte != 0;
                    break;
            }
        }

        return new()
        {
            ForwardDelay = forwardDelay, HelloTime = helloTime, MaxAge = maxAge, AgeingTime = ageingTime, Stp = stp, Priority = priority,
            VlanFiltering = filtering, VlanProtocol = protocol, VlanDefaultPvid = pvid, GroupForwardMask = mask, MulticastSnooping = snooping,
            NfCallIptables = iptables, NfCallIp6tables = ip6tables, NfCallArptables = arptables,
        };

        static TimeSpan Time(NetlinkAttribute a) => TimeSpan.FromTicks(a.UInt32 * (TimeSpan.TicksPerSecond / Ticks));
    }
}

/// <summary>The Ethernet type of tagged frames (linux/if_ether.h).</summary>
public enum VlanProtocol
{
    Ieee8021Q = 0x8100,
    Ieee8021Ad = 0x88a8,
}

/// <summary>A VLAN, or a range of them, that frames of a bridge's port may belong to.</summary>
/// <param name="Link">Index of the port, or of the bridge for what is of the machine itself.</param>
/// <param name="Id">The VLAN: 1 to 4094.</param>
public sealed record PortVlan(int Link, int Id)
{
    /// <summary>The last of a range.</summary>
    public int? LastId { get; init; }

    /// <summary>Untagged frames that come in belong to it.</summary>
    public bool Pvid { get; init; }

    /// <summary>Frames of it go out without their tag.</summary>
    public bool Untagged { get; init; }

    /// <summary>The link is the bridge itself.</summary>
    public bool Self { get; init; }
}
