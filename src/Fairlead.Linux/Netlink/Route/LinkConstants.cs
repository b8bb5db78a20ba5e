namespace Fairlead.Linux.Netlink.Route;

/// <summary>Numbers of links and their kinds (linux/if_link.h, if_bridge.h, veth.h, if.h), under the kernel's names.</summary>
internal static partial class RouteConstants
{
    internal const ushort RtmNewLink = 16;
    internal const ushort RtmDelLink = 17;
    internal const ushort RtmGetLink = 18;
    internal const ushort RtmSetLink = 19;
    internal const ushort RtmNewLinkProp = 108;
    internal const ushort RtmDelLinkProp = 109;

    internal const ushort IflaAddress = 1;
    internal const ushort IflaIfName = 3;
    internal const ushort IflaMtu = 4;
    internal const ushort IflaLink = 5;
    internal const ushort IflaMaster = 10;
    internal const ushort IflaTxQueueLength = 13;
    internal const ushort IflaOperState = 16;
    internal const ushort IflaLinkInfo = 18;
    internal const ushort IflaNetNsPid = 19;
    internal const ushort IflaIfAlias = 20;
    internal const ushort IflaStatistics64 = 23;
    internal const ushort IflaAfSpec = 26;
    internal const ushort IflaGroup = 27;
    internal const ushort IflaNetNsFd = 28;
    internal const ushort IflaExtMask = 29;
    internal const ushort IflaLinkNetNsId = 37;
    internal const ushort IflaPropList = 52;
    internal const ushort IflaAltIfName = 53;

    /// <summary>RTEXT_FILTER_BRVLAN_COMPRESSED.</summary>
    internal const uint BridgeVlansCompressed = 4;

    /// <summary>RTEXT_FILTER_SKIP_STATS: leaves out the long ones, of IPv6; those of the link itself come all the same.</summary>
    internal const uint SkipStatistics = 8;

    internal const ushort IflaInfoKind = 1;
    internal const ushort IflaInfoData = 2;
    internal const ushort IflaInfoSlaveKind = 4;
    internal const ushort IflaInfoSlaveData = 5;

    internal const ushort VethInfoPeer = 1;

    internal const ushort IflaVxlanId = 1;
    internal const ushort IflaVxlanGroup = 2;
    internal const ushort IflaVxlanLink = 3;
    internal const ushort IflaVxlanLocal = 4;
    internal const ushort IflaVxlanTtl = 5;
    internal const ushort IflaVxlanTos = 6;
    internal const ushort IflaVxlanLearning = 7;
    internal const ushort IflaVxlanAgeing = 8;
    internal const ushort IflaVxlanLimit = 9;
    internal const ushort IflaVxlanPortRange = 10;
    internal const ushort IflaVxlanProxy = 11;
    internal const ushort IflaVxlanL2Miss = 13;
    internal const ushort IflaVxlanL3Miss = 14;
    internal const ushort IflaVxlanPort = 15;
    internal const ushort IflaVxlanGroup6 = 16;
    internal const ushort IflaVxlanLocal6 = 17;
    internal const ushort IflaVxlanUdpChecksum = 18;
    internal const ushort IflaVxlanUdpZeroChecksum6Tx = 19;
    internal const ushort IflaVxlanUdpZeroChecksum6Rx = 20;
    internal const ushort IflaVxlanCollectMetadata = 25;
    internal const ushort IflaVxlanTtlInherit = 28;
    internal const ushort IflaVxlanDf = 29;

    internal const ushort IflaMacvlanMode = 1;
    internal const ushort IflaMacvlanBroadcastQueueLength = 7;
    internal const ushort IflaIpvlanMode = 1;
    internal const ushort IflaIpvlanFlags = 2;
    internal const ushort IflaVlanId = 1;
    internal const ushort IflaVlanProtocol = 5;
    internal const ushort IflaVrfTable = 1;

    internal const ushort IflaTunOwner = 1;
    internal const ushort IflaTunGroup = 2;
    internal const ushort IflaTunType = 3;
    internal const ushort IflaTunPacketInformation = 4;
    internal const ushort IflaTunVnetHeader = 5;
    internal const ushort IflaTunPersist = 6;
    internal const ushort IflaTunMultiQueue = 7;

    internal const ushort IflaBrForwardDelay = 1;
    internal const ushort IflaBrHelloTime = 2;
    internal const ushort IflaBrMaxAge = 3;
    internal const ushort IflaBrAgeingTime = 4;
    internal const ushort IflaBrStpState = 5;
    internal const ushort IflaBrPriority = 6;
    internal const ushort IflaBrVlanFiltering = 7;
    internal const ushort IflaBrVlanProtocol = 8;
    internal const ushort IflaBrGroupForwardMask = 9;
    internal const ushort IflaBrMulticastSnooping = 23;
    internal const ushort IflaBrNfCallIptables = 36;
    internal const ushort IflaBrNfCallIp6tables = 37;
    internal const ushort IflaBrNfCallArptables = 38;
    internal const ushort IflaBrVlanDefaultPvid = 39;

    internal const ushort IflaBrPortState = 1;
    internal const ushort IflaBrPortPriority = 2;
    internal const ushort IflaBrPortCost = 3;
    internal const ushort IflaBrPortHairpin = 4;
    internal const ushort IflaBrPortGuard = 5;
    internal const ushort IflaBrPortProtect = 6;
    internal const ushort IflaBrPortFastLeave = 7;
    internal const ushort IflaBrPortLearning = 8;
    internal const ushort IflaBrPortUnicastFlood = 9;
    internal const ushort IflaBrPortProxyArp = 10;
    internal const ushort IflaBrPortMulticastFlood = 27;
    internal const ushort IflaBrPortBroadcastFlood = 30;
    internal const ushort IflaBrPortNeighbourSuppress = 32;
    internal const ushort IflaBrPortIsolated = 33;

    internal const ushort IflaBridgeFlags = 0;
    internal const ushort IflaBridgeVlanInfo = 2;
    internal const ushort BridgeFlagsSelf = 2;
    internal const ushort BridgeVlanPvid = 2;
    internal const ushort BridgeVlanUntagged = 4;
    internal const ushort BridgeVlanRangeBegin = 8;
    internal const ushort BridgeVlanRangeEnd = 16;

    internal const ushort IflaInet6AddrGenMode = 8;

    internal const uint IffUp = 1;
    internal const uint IffPromiscuous = 0x100;
    internal const uint IffAllMulticast = 0x200;
    internal const uint IffLowerUp = 0x10000;
}
