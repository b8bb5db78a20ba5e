using System.Runtime.InteropServices;

namespace Fairlead.Linux.Netlink.Route;

/// <summary>Numbers of rtnetlink (linux/rtnetlink.h, if_link.h, if_addr.h, neighbour.h, fib_rules.h), under the kernel's names.</summary>
internal static class RouteConstants
{
    internal const byte AfUnspec = 0;
    internal const byte AfInet = 2;
    internal const byte AfBridge = 7;
    internal const byte AfInet6 = 10;

    internal const ushort RtmNewLink = 16;
    internal const ushort RtmDelLink = 17;
    internal const ushort RtmGetLink = 18;
    internal const ushort RtmNewAddr = 20;
    internal const ushort RtmDelAddr = 21;
    internal const ushort RtmGetAddr = 22;
    internal const ushort RtmNewRoute = 24;
    internal const ushort RtmDelRoute = 25;
    internal const ushort RtmGetRoute = 26;
    internal const ushort RtmNewNeigh = 28;
    internal const ushort RtmDelNeigh = 29;
    internal const ushort RtmGetNeigh = 30;
    internal const ushort RtmNewRule = 32;
    internal const ushort RtmDelRule = 33;
    internal const ushort RtmGetRule = 34;
    internal const ushort RtmNewLinkProp = 108;
    internal const ushort RtmDelLinkProp = 109;

    internal const ushort IflaAddress = 1;
    internal const ushort IflaIfName = 3;
    internal const ushort IflaMtu = 4;
    internal const ushort IflaLink = 5;
    internal const ushort IflaMaster = 10;
    internal const ushort IflaTxQueueLength = 13;
    internal const ushort IflaLinkInfo = 18;
    internal const ushort IflaIfAlias = 20;
    internal const ushort IflaAfSpec = 26;
    internal const ushort IflaGroup = 27;
    internal const ushort IflaNetNsFd = 28;
    internal const ushort IflaExtMask = 29;
    internal const ushort IflaLinkNetNsId = 37;
    internal const ushort IflaPropList = 52;
    internal const ushort IflaAltIfName = 53;
    internal const uint SkipStatistics = 8;

    internal const ushort IflaInfoKind = 1;
    internal const ushort IflaInfoData = 2;
    internal const ushort IflaInfoSlaveKind = 4;
    internal const ushort IflaInfoSlaveData = 5;

    internal const ushort VethInfoPeer = 1;

    internal const ushort IflaVxlanId = 1;
    internal const ushort IflaVxlanLink = 3;
    internal const ushort IflaVxlanLocal = 4;
    internal const ushort IflaVxlanLearning = 7;
    internal const ushort IflaVxlanPort = 15;
    internal const ushort IflaVxlanLocal6 = 17;

    internal const ushort IflaMacvlanMode = 1;
    internal const ushort IflaBrForwardDelay = 1;
    internal const ushort IflaBrStpState = 5;

    internal const ushort IflaBrPortHairpin = 4;
    internal const ushort IflaBrPortLearning = 8;
    internal const ushort IflaBrPortUnicastFlood = 9;
    internal const ushort IflaBrPortIsolated = 33;

    internal const ushort IflaInet6AddrGenMode = 8;

    internal const uint IffUp = 1;
    internal const uint IffLowerUp = 0x10000;

    internal const ushort IfaAddress = 1;
    internal const ushort IfaLocal = 2;
    internal const ushort IfaLabel = 3;
    internal const ushort IfaBroadcast = 4;
    internal const ushort IfaFlags = 8;

    internal const ushort RtaDst = 1;
    internal const ushort RtaOif = 4;
    internal const ushort RtaGateway = 5;
    internal const ushort RtaPriority = 6;
    internal const ushort RtaPrefSrc = 7;
    internal const ushort RtaMetrics = 8;
    internal const ushort RtaMultipath = 9;
    internal const ushort RtaTable = 15;
    internal const ushort RtaVia = 18;
    internal const ushort RtaxMtu = 2;
    internal const uint RtnhOnLink = 4;
    internal const uint RtmCloned = 0x200;

    internal const ushort NdaDst = 1;
    internal const ushort NdaLladdr = 2;
    internal const ushort NdaVlan = 5;
    internal const ushort NdaPort = 6;
    internal const ushort NdaVni = 7;
    internal const ushort NdaIfIndex = 8;
    internal const ushort NdaMaster = 9;

    internal const ushort FraDst = 1;
    internal const ushort FraSrc = 2;
    internal const ushort FraIifName = 3;
    internal const ushort FraPriority = 6;
    internal const ushort FraMark = 10;
    internal const ushort FraTable = 15;
    internal const ushort FraMask = 16;
    internal const ushort FraOifName = 17;
    internal const ushort FraProtocol = 21;
    internal const byte FrActToTable = 1;
}

/// <summary>struct ifinfomsg.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct LinkHeader
{
    public byte Family;
    public byte Pad;
    public ushort Type;
    public int Index;
    public uint Flags;
    public uint Change;
}

/// <summary>struct ifaddrmsg.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct AddressHeader
{
    public byte Family;
    public byte PrefixLength;
    public byte Flags;
    public byte Scope;
    public int Index;
}

/// <summary>struct rtmsg; fib_rule_hdr has the same shape, with an action in the place of the type.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct RouteHeader
{
    public byte Family;
    public byte DestinationLength;
    public byte SourceLength;
    public byte Tos;
    public byte Table;
    public byte Protocol;
    public byte Scope;
    public byte Type;
    public uint Flags;
}

/// <summary>struct ndmsg.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NeighbourHeader
{
    public byte Family;
    public byte Pad1;
    public ushort Pad2;
    public int Index;
    public ushort State;
    public byte Flags;
    public byte Type;
}
