using System.Net.Sockets;

namespace Fairlead.Linux.Netlink.Route;

/// <summary>Neighbours and forwarding databases to and from rtnetlink messages; the kernel has one kind of message for both.</summary>
internal static class NeighbourMessages
{
    private const byte FlagSelf = 0x02;
    private const byte FlagMaster = 0x04;
    private const byte FlagProxy = 0x08;

    internal static void Write(NetlinkBatch batch, ushort type, NetlinkFlags flags, Neighbour neighbour)
    {
        var writer = batch.Begin(type, flags);
        writer.Header(new NeighbourHeader
        {
            Family = neighbour.Address.AddressFamily == AddressFamily.InterNetwork ? RouteConstants.AfInet : RouteConstants.AfInet6,
            Index = neighbour.Link,
            State = (ushort)neighbour.State,
            Flags = neighbour.Proxy ? FlagProxy : (byte)0,
        });
        writer.Attribute(RouteConstants.NdaDst, neighbour.Address);
        if (neighbour.Mac is { } mac)
        {
            writer.Attribute(RouteConstants.NdaLladdr, mac);
        }

        batch.End(writer);
    }

    internal static void Write(NetlinkBatch batch, ushort type, NetlinkFlags flags, FdbEntry entry)
    {
        var writer = batch.Begin(type, flags);
        writer.Header(new NeighbourHeader
        {
            Family = RouteConstants.AfBridge,
            Index = entry.Link,
            State = (ushort)(entry.State | (entry.State == NeighbourState.Permanent ? NeighbourState.NoArp : 0)),
            Flags = entry.Self ? FlagSelf : FlagMaster,
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

        if (entry.Vni is { } vni)
        {
            writer.Attribute(RouteConstants.NdaVni, (uint)vni);
        }

        if (entry.Vlan is { } vlan)
        {
            writer.Attribute(RouteConstants.NdaVlan, (ushort)vlan);
        }

        batch.End(writer);
    }

    internal static void WriteDump(NetlinkBatch batch, byte family, int link)
    {
        var writer = batch.Begin(RouteConstants.RtmGetNeigh, NetlinkFlags.Dump);
        writer.Header(new NeighbourHeader { Family = family });
        if (link != 0)
        {
            writer.Attribute(RouteConstants.NdaIfIndex, (uint)link);
        }

        batch.End(writer);
    }

    internal static Neighbour? Read(scoped NetlinkMessage message)
    {
        var attributes = message.Attributes<NeighbourHeader>(out var header);
        if (!IsNeighbour(message) || header.Family is not (RouteConstants.AfInet or RouteConstants.AfInet6))
        {
            return null;
        }

        Neighbour? neighbour = null;
        MacAddress? mac = null;
        while (attributes.TryRead(out var a))
        {
            if (a.Type == RouteConstants.NdaDst && a.Address is { } address)
            {
                neighbour = new(header.Index, address, null)
                {
                    State = (NeighbourState)header.State,
                    Proxy = (header.Flags & FlagProxy) != 0,
                };
            }
            else if (a.Type == RouteConstants.NdaLladdr)
            {
                mac = a.Mac;
            }
        }

        return neighbour is null ? null : neighbour with { Mac = mac };
    }

    internal static FdbEntry? ReadFdb(scoped NetlinkMessage message)
    {
        var attributes = message.Attributes<NeighbourHeader>(out var header);
        if (!IsNeighbour(message) || header.Family != RouteConstants.AfBridge)
        {
            return null;
        }

        var entry = new FdbEntry(header.Index, MacAddress.Zero)
        {
            Self = (header.Flags & FlagSelf) != 0,

            // The kernel says NoArp with Permanent for each entry that a person made; one of the two is enough here.
            State = ((NeighbourState)header.State & NeighbourState.Permanent) != 0 ? NeighbourState.Permanent : (NeighbourState)header.State,
        };
        while (attributes.TryRead(out var a))
        {
            entry = a.Type switch
            {
                RouteConstants.NdaLladdr when a.Mac is { } mac => entry with { Mac = mac },
                RouteConstants.NdaDst => entry with { Destination = a.Address },
                RouteConstants.NdaPort => entry with { UdpPort = a.BigEndian16 },
                RouteConstants.NdaVni => entry with { Vni = a.Int32 },
                RouteConstants.NdaVlan => entry with { Vlan = a.UInt16 },
                RouteConstants.NdaMaster => entry with { Master = a.Int32 },
                _ => entry,
            };
        }

        return entry;
    }

    private static bool IsNeighbour(scoped NetlinkMessage message)
        => message.Type is RouteConstants.RtmNewNeigh or RouteConstants.RtmDelNeigh;
}
