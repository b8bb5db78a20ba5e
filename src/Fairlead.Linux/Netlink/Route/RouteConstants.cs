using System.Runtime.InteropServices;

namespace Fairlead.Linux.Netlink.Route;

/// <summary>Numbers of rtnetlink (linux/rtnetlink.h, if_addr.h, neighbour.h, fib_rules.h, net_namespace.h), under the kernel's names.</summary>
internal static partial class RouteConstants
{
    internal const byte AfUnspec = 0;
    internal const byte AfInet = 2;
    internal const byte AfBridge = 7;
    internal const byte AfInet6 = 10;

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
    internal const ushort RtmNewNetConf = 80;
    internal const ushort RtmNewNsId = 88;
    internal const ushort RtmGetNsId = 90;

    internal const ushort NetConfIfIndex = 1;
    internal const ushort NetConfForwarding = 2;

    internal const ushort IfaAddress = 1;
    internal const ushort IfaLocal = 2;
    internal const ushort IfaLabel = 3;
    internal const ushort IfaBroadcast = 4;
    internal const ushort IfaCacheInfo = 6;
    internal const ushort IfaFlags = 8;
    internal const ushort IfaRtPriority = 9;
    internal const ushort IfaProto = 11;

    internal const ushort RtaDst = 1;
    internal const ushort RtaSrc = 2;
    internal const ushort RtaIif = 3;
    internal const ushort RtaOif = 4;
    internal const ushort RtaGateway = 5;
    internal const ushort RtaPriority = 6;
    internal const ushort RtaPrefSrc = 7;
    internal const ushort RtaMetrics = 8;
    internal const ushort RtaMultipath = 9;
    internal const ushort RtaCacheInfo = 12;
    internal const ushort RtaTable = 15;
    internal const ushort RtaVia = 18;
    internal const ushort RtaPref = 20;
    internal const ushort RtaExpires = 23;
    internal const ushort RtaxLock = 1;
    internal const ushort RtaxMtu = 2;
    internal const ushort RtaxWindow = 3;
    internal const ushort RtaxRtt = 4;
    internal const ushort RtaxAdvMss = 8;
    internal const ushort RtaxHopLimit = 10;
    internal const ushort RtaxInitCwnd = 11;
    internal const ushort RtaxRtoMin = 13;
    internal const ushort RtaxInitRwnd = 14;
    internal const ushort RtaxQuickAck = 15;
    internal const ushort RtaxCcAlgo = 16;
    internal const uint RtnhDead = 1;
    internal const uint RtnhOnLink = 4;
    internal const uint RtnhLinkDown = 16;
    internal const uint RtmCloned = 0x200;

    internal const ushort NdaDst = 1;
    internal const ushort NdaLladdr = 2;
    internal const ushort NdaVlan = 5;
    internal const ushort NdaPort = 6;
    internal const ushort NdaVni = 7;
    internal const ushort NdaIfIndex = 8;
    internal const ushort NdaMaster = 9;
    internal const ushort NdaSrcVni = 11;
    internal const ushort NdaProtocol = 12;

    internal const ushort NetnsaPid = 2;
    internal const ushort NetnsaNsId = 1;
    internal const ushort NetnsaFd = 3;

    internal const ushort FraDst = 1;
    internal const ushort FraSrc = 2;
    internal const ushort FraIifName = 3;
    internal const ushort FraGoto = 4;
    internal const ushort FraPriority = 6;
    internal const ushort FraMark = 10;
    internal const ushort FraSuppressPrefixLength = 14;
    internal const ushort FraTable = 15;
    internal const ushort FraMask = 16;
    internal const ushort FraOifName = 17;
    internal const ushort FraUidRange = 20;
    internal const ushort FraProtocol = 21;
    internal const ushort FraIpProto = 22;
    internal const ushort FraSportRange = 23;
    internal const ushort FraDportRange = 24;
    internal const uint FibRuleInvert = 2;
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

/// <summary>struct bridge_vlan_info.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct BridgeVlan
{
    public ushort Flags;
    public ushort Id;
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

/// <summary>struct ifa_cacheinfo: lifetimes in seconds, then times in hundredths.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct AddressLifetimes
{
    public uint Preferred;
    public uint Valid;
    public uint Created;
    public uint Updated;
}

/// <summary>struct rtnexthop.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NextHopHeader
{
    public ushort Length;
    public byte Flags;
    public byte Hops;
    public int Index;
}
