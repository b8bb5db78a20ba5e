using System.Net.Sockets;

namespace Fairlead.Linux.Netlink.Route;

/// <summary>Neighbours and forwarding databases to rtnetlink messages; the kernel has one kind of message for both. The way back is <see cref="NeighbourView"/>.</summary>
internal static class NeighbourMessages
{
    internal static void Write(NetlinkBatch batch, ushort type, NetlinkFlags flags, Neighbour neighbour)
    {
        var writer = batch.Begin(type, flags);
        writer.Header(new NeighbourHeader
        {
            Family = neighbour.Address.AddressFamily == AddressFamily.InterNetwork ? RouteConstants.AfInet : RouteConstants.AfInet6,
            Index = neighbour.Link,
            State = (ushort)neighbour.State,
            Flags = (byte)(neighbour.Flags | (neighbour.Proxy ? NeighbourFlags.Proxy : 0)),
        });
        writer.Attribute(RouteConstants.NdaDst, neighbour.Address);
        if (neighbour.Mac is { } mac)
        {
            writer.Attribute(RouteConstants.NdaLladdr, mac);
        }

        if (neighbour.Protocol != RouteProtocol.Unspecified)
        {
            writer.Attribute(RouteConstants.NdaProtocol, (byte)neighbour.Protocol);
        }

        batch.End(writer);
    }

    internal static void Write(NetlinkBatch batch, ushort type, NetlinkFlags flags, FdbEntry entry)
    {
        var writer = batch.Begin(type, flags);

        // A permanent entry of a VXLAN has both marks; one of a bridge with both is the bridge's own address, and so leads nowhere else.
        writer.Header(new NeighbourHeader
        {
            Family = RouteConstants.AfBridge,
            Index = entry.Link,
            State = (ushort)(entry.State | (entry.State == NeighbourState.Permanent ? NeighbourState.NoArp : 0)),
            Flags = (byte)(entry.Flags | (entry.Self ? NeighbourFlags.Self : NeighbourFlags.Master)),
        });
        writer.Attribute(RouteConstants.NdaLladdr, entry.Mac);
        if (entry.Destination is { } destination)
        {
            writer.Attribute(RouteConstants.NdaDst, destination);
        }

        if (entry.UdpPort is { } port)
        {
            writer.BigEndian(RouteConstants.NdaPort, (ushort)port);
        }

        Number(ref writer, RouteConstants.NdaVni, entry.Vni);
        Number(ref writer, RouteConstants.NdaSrcVni, entry.SourceVni);
        Number(ref writer, RouteConstants.NdaIfIndex, entry.Device);
        if (entry.Vlan is { } vlan)
        {
            writer.Attribute(RouteConstants.NdaVlan, (ushort)vlan);
        }

        batch.End(writer);

        static void Number(ref NetlinkWriter writer, ushort type, int? value)
        {
            if (value is { } number)
            {
                writer.Attribute(type, (uint)number);
            }
        }
    }

    /// <param name="proxies">Those that the machine answers for, which the kernel keeps in a list of their own.</param>
    internal static void WriteDump(NetlinkBatch batch, byte family, int link, bool proxies = false)
    {
        var writer = batch.Begin(RouteConstants.RtmGetNeigh, NetlinkFlags.Dump);
        writer.Header(new NeighbourHeader { Family = family, Flags = proxies ? (byte)NeighbourFlags.Proxy : (byte)0 });
        if (link != 0 && !proxies)
        {
            writer.Attribute(RouteConstants.NdaIfIndex, (uint)link);
        }

        batch.End(writer);
    }

    internal static Neighbour? Read(scoped NetlinkMessage message) => NeighbourView.TryRead(message, out var view) ? view.ToNeighbour() : null;

    internal static FdbEntry? ReadFdb(scoped NetlinkMessage message) => NeighbourView.TryRead(message, out var view) ? view.ToFdbEntry() : null;
}
