using System.Net;
using System.Net.Sockets;

namespace Fairlead.Linux.Netlink.Route;

/// <summary>A VXLAN tunnel end (RFC 7348).</summary>
public sealed record VxlanSpec(string Name) : LinkSpec(Name)
{
    public required int Vni { get; init; }

    public int UdpPort { get; init; } = 8472;

    /// <summary>The source of its packets.</summary>
    public IPAddress? Local { get; init; }

    /// <summary>Where frames go that no entry is known for: a multicast group, for which <see cref="Device"/> is needed, or one machine.</summary>
    public IPAddress? Remote { get; init; }

    /// <summary>Index of the interface its packets leave by, which its MTU follows; null to leave that to the routes.</summary>
    public int? Device { get; init; }

    /// <summary>Whether it learns from packets where addresses are; off, because ours are told.</summary>
    public bool Learning { get; init; }

    /// <summary>Hops of its packets; 0 leaves it to the kernel.</summary>
    public byte Ttl { get; init; }

    /// <summary>Hops as the packet inside has; needs Linux 4.18.</summary>
    public bool TtlInherit { get; init; }

    /// <summary>The type of service of its packets; 1 for the inner packet's.</summary>
    public byte Tos { get; init; }

    /// <summary>Whether its IPv4 packets may be fragmented on the way.</summary>
    public VxlanDf Df { get; init; }

    /// <summary>The source ports to spread flows over, first and last; null for the machine's own range.</summary>
    public (int First, int Last)? PortRange { get; init; }

    /// <summary>How long a learned entry is kept.</summary>
    public TimeSpan? Ageing { get; init; }

    /// <summary>The most entries it learns; 0 for no end.</summary>
    public int Limit { get; init; }

    /// <summary>It answers for neighbours that it was told of.</summary>
    public bool Proxy { get; init; }

    /// <summary>IPv4: its packets have a checksum; null for the kernel's way, which is that they have.</summary>
    public bool? UdpChecksum { get; init; }

    internal override string Kind => "vxlan";

    internal override string KernelOption => "CONFIG_VXLAN";

    internal override void WriteDetails(ref NetlinkWriter writer)
    {
        writer.Attribute(RouteConstants.IflaVxlanId, (uint)Vni);
        writer.BigEndian(RouteConstants.IflaVxlanPort, checked((ushort)UdpPort));
        writer.Attribute(RouteConstants.IflaVxlanLearning, (byte)(Learning ? 1 : 0));
        if (Local is { } local)
        {
            writer.Attribute(local.AddressFamily == AddressFamily.InterNetwork ? RouteConstants.IflaVxlanLocal : RouteConstants.IflaVxlanLocal6, local);
        }

        if (Remote is { } remote)
        {
            writer.Attribute(remote.AddressFamily == AddressFamily.InterNetwork ? RouteConstants.IflaVxlanGroup : RouteConstants.IflaVxlanGroup6, remote);
        }

        if (Device is { } device)
        {
            writer.Attribute(RouteConstants.IflaVxlanLink, (uint)device);
        }

        if (TtlInherit)
        {
            writer.Flag(RouteConstants.IflaVxlanTtlInherit);
        }
        else if (Ttl != 0)
        {
            writer.Attribute(RouteConstants.IflaVxlanTtl, Ttl);
        }

        if (Tos != 0)
        {
            writer.Attribute(RouteConstants.IflaVxlanTos, Tos);
        }

        if (Df != VxlanDf.Unset)
        {
            writer.Attribute(RouteConstants.IflaVxlanDf, (byte)Df);
        }

        if (PortRange is { } range)
        {
            // struct ifla_vxlan_port_range, both numbers big-endian.
            writer.BigEndian(RouteConstants.IflaVxlanPortRange, (checked((uint)(ushort)range.First) << 16) | checked((ushort)range.Last));
        }

        if (Ageing is { } ageing)
        {
            writer.Attribute(RouteConstants.IflaVxlanAgeing, (uint)ageing.TotalSeconds);
        }

        if (Limit != 0)
        {
            writer.Attribute(RouteConstants.IflaVxlanLimit, (uint)Limit);
        }

        writer.Switch(RouteConstants.IflaVxlanProxy, Proxy ? true : null);
        writer.Switch(RouteConstants.IflaVxlanUdpChecksum, UdpChecksum);
    }
}

/// <summary>Whether IPv4 packets of a tunnel may be fragmented (enum ifla_vxlan_df).</summary>
public enum VxlanDf : byte
{
    Unset = 0,
    Set = 1,

    /// <summary>As the packet inside.</summary>
    Inherit = 2,
}

/// <summary>The settings of a VXLAN interface.</summary>
public sealed record VxlanDetails(int Vni, int UdpPort, IPAddress? Local, int? Device, bool Learning) : LinkDetails
{
    public IPAddress? Remote { get; init; }

    public byte Ttl { get; init; }

    public bool TtlInherit { get; init; }

    public byte Tos { get; init; }

    public VxlanDf Df { get; init; }

    public (int First, int Last)? PortRange { get; init; }

    public TimeSpan Ageing { get; init; } = TimeSpan.FromMinutes(5);

    public int Limit { get; init; }

    public bool Proxy { get; init; }

    public bool UdpChecksum { get; init; } = true;

    internal static VxlanDetails Read(AttributeReader attributes)
    {
        int vni = 0, udpPort = 0, limit = 0;
        int? device = null;
        IPAddress? local = null, remote = null;
        bool learning = false, inherit = false, proxy = false, checksum = false;
        byte ttl = 0, tos = 0, df = 0;
        (int, int)? range = null;
        var ageing = TimeSpan.Zero;
        while (attributes.TryRead(out var a))
        {
            switch (a.Type)
            {
                case RouteConstants.IflaVxlanId:
                    vni = a.Int32;
                    break;
                case RouteConstants.IflaVxlanPort:
                    udpPort = a.BigEndian16;
                    break;
                case RouteConstants.IflaVxlanLocal or RouteConstants.IflaVxlanLocal6:
                    local = a.Address;
                    break;
                case RouteConstants.IflaVxlanGroup or RouteConstants.IflaVxlanGroup6:
                    remote = a.Address;
                    break;
                case RouteConstants.IflaVxlanLink:
                    device = a.Int32;
                    break;
                case RouteConstants.IflaVxlanLearning:
                    learning = a.Byte != 0;
                    break;
                case RouteConstants.IflaVxlanTtl:
                    ttl = a.Byte;
                    break;
                case RouteConstants.IflaVxlanTtlInherit:
                    // Asked for by its mere presence, told as a byte.
                    inherit = a.Value.IsEmpty || a.Byte != 0;
                    break;
                case RouteConstants.IflaVxlanTos:
                    tos = a.Byte;
                    break;
                case RouteConstants.IflaVxlanDf:
                    df = a.Byte;
                    break;
                case RouteConstants.IflaVxlanPortRange when a.BigEndian32 is var both and not 0:
                    range = ((int)(both >> 16), (int)(both & 0xffff));
                    break;
                case RouteConstants.IflaVxlanAgeing:
                    ageing = TimeSpan.FromSeconds(a.UInt32);
                    break;
                case RouteConstants.IflaVxlanLimit:
                    limit = a.Int32;
                    break;
                case RouteConstants.IflaVxlanProxy:
                    proxy = a.Byte != 0;
                    break;
                case RouteConstants.IflaVxlanUdpChecksum:
                    checksum = a.Byte != 0;
                    break;
            }
        }

        return new(vni, udpPort, local, device, learning)
        {
            Remote = remote, Ttl = ttl, TtlInherit = inherit, Tos = tos, Df = (VxlanDf)df, PortRange = range, Ageing = ageing, Limit = limit,
            Proxy = proxy, UdpChecksum = checksum,
        };
    }
}
