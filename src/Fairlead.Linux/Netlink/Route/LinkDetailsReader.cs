namespace Fairlead.Linux.Netlink.Route;

/// <summary>Reads what only one kind of link has (IFLA_INFO_DATA), and how a bridge treats a port (IFLA_INFO_SLAVE_DATA).</summary>
internal static class LinkDetailsReader
{
    internal static LinkDetails? Read(string kind, AttributeReader data) => kind switch
    {
        "bridge" => BridgeOptions.Read(data),
        "vxlan" => VxlanDetails.Read(data),
        "macvlan" => new MacvlanDetails((MacvlanMode)Find(data, RouteConstants.IflaMacvlanMode).Int32),
        "ipvlan" => new IpvlanDetails(
            (IpvlanMode)Find(data, RouteConstants.IflaIpvlanMode).UInt16, (IpvlanFlags)Find(data, RouteConstants.IflaIpvlanFlags).UInt16),
        "vlan" => new VlanDetails(
            Find(data, RouteConstants.IflaVlanId).UInt16, (VlanProtocol)Find(data, RouteConstants.IflaVlanProtocol).BigEndian16),
        "vrf" => new VrfDetails(Find(data, RouteConstants.IflaVrfTable).UInt32),
        "tun" => ReadTun(data),
        _ => null,
    };

    internal static BridgePort ReadPort(AttributeReader attributes)
    {
        bool hairpin = false, isolated = false, learning = false, flood = false, multicast = false, broadcast = false;
        bool proxyArp = false, suppress = false, guard = false, block = false, leave = false;
        int cost = 0, priority = 0;
        byte state = 0;
        while (attributes.TryRead(out var a))
        {
            var set = a.Byte != 0;
            switch (a.Type)
            {
                case RouteConstants.IflaBrPortHairpin:
                    hairpin = set;
                    break;
                case RouteConstants.IflaBrPortIsolated:
                    isolated = set;
                    break;
                case RouteConstants.IflaBrPortLearning:
                    learning = set;
                    break;
                case RouteConstants.IflaBrPortUnicastFlood:
                    flood = set;
                    break;
                case RouteConstants.IflaBrPortMulticastFlood:
                    multicast = set;
                    break;
                case RouteConstants.IflaBrPortBroadcastFlood:
                    broadcast = set;
                    break;
                case RouteConstants.IflaBrPortProxyArp:
                    proxyArp = set;
                    break;
                case RouteConstants.IflaBrPortNeighbourSuppress:
                    suppress = set;
                    break;
                case RouteConstants.IflaBrPortGuard:
                    guard = set;
                    break;
                case RouteConstants.IflaBrPortProtect:
                    block = set;
                    break;
                case RouteConstants.IflaBrPortFastLeave:
                    leave = set;
                    break;
                case RouteConstants.IflaBrPortCost:
                    cost = a.Int32;
                    break;
                case RouteConstants.IflaBrPortPriority:
                    priority = a.UInt16;
                    break;
                case RouteConstants.IflaBrPortState:
                    state = a.Byte;
                    break;
            }
        }

        return new(hairpin, isolated)
        {
            Learning = learning, Flood = flood, MulticastFlood = multicast, BroadcastFlood = broadcast, ProxyArp = proxyArp,
            NeighbourSuppress = suppress, Guard = guard, RootBlock = block, FastLeave = leave, Cost = cost, Priority = priority,
            State = (BridgePortState)state,
        };
    }

    private static TunDetails ReadTun(AttributeReader data) => new(
        IsTap: Find(data, RouteConstants.IflaTunType).Byte == TunInterface.ModeTap,
        Persistent: Find(data, RouteConstants.IflaTunPersist).Byte != 0)
    {
        Owner = Find(data, RouteConstants.IflaTunOwner) is { Value.Length: 4 } owner ? owner.UInt32 : null,
        Group = Find(data, RouteConstants.IflaTunGroup) is { Value.Length: 4 } group ? group.UInt32 : null,
        PacketInformation = Find(data, RouteConstants.IflaTunPacketInformation).Byte != 0,
        VnetHeader = Find(data, RouteConstants.IflaTunVnetHeader).Byte != 0,
        MultiQueue = Find(data, RouteConstants.IflaTunMultiQueue).Byte != 0,
    };

    /// <summary>The attribute of a type, or an empty one, which reads as zero.</summary>
    private static NetlinkAttribute Find(AttributeReader attributes, ushort type)
    {
        while (attributes.TryRead(out var a))
        {
            if (a.Type == type)
            {
                return a;
            }
        }

        return default;
    }
}
