using System.Runtime.InteropServices;

namespace Fairlead.Linux.Netlink.Route;

/// <summary>The kernel's names of rtnetlink's attributes, to say which of a request was refused.</summary>
internal static class RouteAttributeNames
{
    /// <inheritdoc cref="AttributeNames.Of"/>
    internal static string Of(ReadOnlySpan<byte> request, int offset, int? missing)
    {
        var (table, header) = request.Length < NetlinkConstants.HeaderLength ? ("", 0) : TopOf(MemoryMarshal.Read<ushort>(request[4..]), request);
        return AttributeNames.Of(request, offset, missing, table, header, Inside);
    }

    /// <summary>The attributes of a kind of request, and the length of what stands before them.</summary>
    private static (string Table, int Header) TopOf(ushort type, ReadOnlySpan<byte> request) => type switch
    {
        >= RouteConstants.RtmNewLink and < RouteConstants.RtmNewAddr or RouteConstants.RtmNewLinkProp or RouteConstants.RtmDelLinkProp
            => (request is [_, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, RouteConstants.AfBridge, ..] ? BridgeLink : Link, 16),
        >= RouteConstants.RtmNewAddr and < RouteConstants.RtmNewRoute => (Address, 8),
        >= RouteConstants.RtmNewRoute and < RouteConstants.RtmNewNeigh => (Route, 12),
        >= RouteConstants.RtmNewNeigh and < RouteConstants.RtmNewRule => (Neighbour, 12),
        >= RouteConstants.RtmNewRule and <= RouteConstants.RtmGetRule => (Rule, 12),
        RouteConstants.RtmGetNsId => (NamespaceId, 4),
        _ => ("", 0),
    };

    /// <summary>The attributes within a nest, and the length of what stands before them.</summary>
    private static (string Table, int Header) Inside(string table, int type, ReadOnlySpan<byte> level) => (table, type) switch
    {
        (Link, RouteConstants.IflaLinkInfo) => (LinkInfo, 0),
        (Link, RouteConstants.IflaPropList) => (Link, 0),
        (Link, RouteConstants.IflaAfSpec) => (Families, 0),
        (Families, RouteConstants.AfInet6) => (Inet6, 0),
        (BridgeLink, RouteConstants.IflaAfSpec) => (BridgeAf, 0),
        (LinkInfo, RouteConstants.IflaInfoSlaveData) => (BridgePort, 0),
        (LinkInfo, RouteConstants.IflaInfoData) => (AttributeNames.TextOf(level, RouteConstants.IflaInfoKind) switch
        {
            "bridge" => Bridge,
            "vlan" => Vlan,
            "macvlan" => Macvlan,
            "ipvlan" => Ipvlan,
            "vrf" => Vrf,
            "vxlan" => Vxlan,
            "tun" => Tun,
            "veth" => Veth,
            _ => "",
        }, 0),
        (Veth, RouteConstants.VethInfoPeer) => (Link, 16),
        (Route, RouteConstants.RtaMetrics) => (Metrics, 0),

        // The first hop of several; one that comes later is not told apart.
        (Route, RouteConstants.RtaMultipath) => (Route, 8),
        _ => ("", 0),
    };

    private const string Veth = "VETH_INFO_ UNSPEC PEER";
    private const string Families = "AF_ UNSPEC UNIX INET - - - - BRIDGE - - INET6";

    /// <summary>As a link's, but what is in IFLA_AF_SPEC is of the bridge.</summary>
    private const string BridgeLink = " " + Link;

    private const string Link = """
        IFLA_
        UNSPEC ADDRESS BROADCAST IFNAME MTU LINK QDISC STATS COST PRIORITY MASTER WIRELESS PROTINFO TXQLEN MAP WEIGHT
        OPERSTATE LINKMODE LINKINFO NET_NS_PID IFALIAS NUM_VF VFINFO_LIST STATS64 VF_PORTS PORT_SELF AF_SPEC GROUP NET_NS_FD
        EXT_MASK PROMISCUITY NUM_TX_QUEUES NUM_RX_QUEUES CARRIER PHYS_PORT_ID CARRIER_CHANGES PHYS_SWITCH_ID LINK_NETNSID
        PHYS_PORT_NAME PROTO_DOWN GSO_MAX_SEGS GSO_MAX_SIZE PAD XDP EVENT NEW_NETNSID TARGET_NETNSID CARRIER_UP_COUNT
        CARRIER_DOWN_COUNT NEW_IFINDEX MIN_MTU MAX_MTU PROP_LIST ALT_IFNAME PERM_ADDRESS PROTO_DOWN_REASON PARENT_DEV_NAME
        PARENT_DEV_BUS_NAME GRO_MAX_SIZE TSO_MAX_SIZE TSO_MAX_SEGS ALLMULTI DEVLINK_PORT GSO_IPV4_MAX_SIZE GRO_IPV4_MAX_SIZE
        DPLL_PIN MAX_PACING_OFFLOAD_HORIZON NETNS_IMMUTABLE
        """;

    private const string LinkInfo = """
        IFLA_INFO_
        UNSPEC KIND DATA XSTATS SLAVE_KIND SLAVE_DATA
        """;

    private const string Bridge = """
        IFLA_BR_
        UNSPEC FORWARD_DELAY HELLO_TIME MAX_AGE AGEING_TIME STP_STATE PRIORITY VLAN_FILTERING VLAN_PROTOCOL GROUP_FWD_MASK
        ROOT_ID BRIDGE_ID ROOT_PORT ROOT_PATH_COST TOPOLOGY_CHANGE TOPOLOGY_CHANGE_DETECTED HELLO_TIMER TCN_TIMER
        TOPOLOGY_CHANGE_TIMER GC_TIMER GROUP_ADDR FDB_FLUSH MCAST_ROUTER MCAST_SNOOPING MCAST_QUERY_USE_IFADDR MCAST_QUERIER
        MCAST_HASH_ELASTICITY MCAST_HASH_MAX MCAST_LAST_MEMBER_CNT MCAST_STARTUP_QUERY_CNT MCAST_LAST_MEMBER_INTVL
        MCAST_MEMBERSHIP_INTVL MCAST_QUERIER_INTVL MCAST_QUERY_INTVL MCAST_QUERY_RESPONSE_INTVL MCAST_STARTUP_QUERY_INTVL
        NF_CALL_IPTABLES NF_CALL_IP6TABLES NF_CALL_ARPTABLES VLAN_DEFAULT_PVID PAD VLAN_STATS_ENABLED MCAST_STATS_ENABLED
        MCAST_IGMP_VERSION MCAST_MLD_VERSION VLAN_STATS_PER_PORT MULTI_BOOLOPT MCAST_QUERIER_STATE FDB_N_LEARNED
        FDB_MAX_LEARNED
        """;

    private const string BridgePort = """
        IFLA_BRPORT_
        UNSPEC STATE PRIORITY COST MODE GUARD PROTECT FAST_LEAVE LEARNING UNICAST_FLOOD PROXYARP LEARNING_SYNC PROXYARP_WIFI
        ROOT_ID BRIDGE_ID DESIGNATED_PORT DESIGNATED_COST ID NO TOPOLOGY_CHANGE_ACK CONFIG_PENDING MESSAGE_AGE_TIMER
        FORWARD_DELAY_TIMER HOLD_TIMER FLUSH MULTICAST_ROUTER PAD MCAST_FLOOD MCAST_TO_UCAST VLAN_TUNNEL BCAST_FLOOD
        GROUP_FWD_MASK NEIGH_SUPPRESS ISOLATED BACKUP_PORT MRP_RING_OPEN MRP_IN_OPEN MCAST_EHT_HOSTS_LIMIT MCAST_EHT_HOSTS_CNT
        LOCKED
        """;

    private const string Vlan = """
        IFLA_VLAN_
        UNSPEC ID FLAGS EGRESS_QOS INGRESS_QOS PROTOCOL
        """;

    private const string Macvlan = """
        IFLA_MACVLAN_
        UNSPEC MODE FLAGS MACADDR_MODE MACADDR MACADDR_DATA MACADDR_COUNT BC_QUEUE_LEN BC_QUEUE_LEN_USED
        """;

    private const string Ipvlan = """
        IFLA_IPVLAN_
        UNSPEC MODE FLAGS
        """;

    private const string Vrf = """
        IFLA_VRF_
        UNSPEC TABLE
        """;

    private const string Vxlan = """
        IFLA_VXLAN_
        UNSPEC ID GROUP LINK LOCAL TTL TOS LEARNING AGEING LIMIT PORT_RANGE PROXY RSC L2MISS L3MISS PORT GROUP6 LOCAL6
        UDP_CSUM UDP_ZERO_CSUM6_TX UDP_ZERO_CSUM6_RX REMCSUM_TX REMCSUM_RX GBP REMCSUM_NOPARTIAL COLLECT_METADATA LABEL GPE
        TTL_INHERIT DF VNIFILTER
        """;

    private const string Tun = """
        IFLA_TUN_
        UNSPEC OWNER GROUP TYPE PI VNET_HDR PERSIST MULTI_QUEUE NUM_QUEUES NUM_DISABLED_QUEUES
        """;

    private const string Inet6 = """
        IFLA_INET6_
        UNSPEC FLAGS CONF STATS MCAST CACHEINFO ICMP6STATS TOKEN ADDR_GEN_MODE RA_MTU
        """;

    private const string Address = """
        IFA_
        UNSPEC ADDRESS LOCAL LABEL BROADCAST ANYCAST CACHEINFO MULTICAST FLAGS RT_PRIORITY TARGET_NETNSID PROTO
        """;

    private const string Route = """
        RTA_
        UNSPEC DST SRC IIF OIF GATEWAY PRIORITY PREFSRC METRICS MULTIPATH PROTOINFO FLOW CACHEINFO SESSION MP_ALGO TABLE MARK
        MFC_STATS VIA NEWDST PREF ENCAP_TYPE ENCAP EXPIRES PAD UID TTL_PROPAGATE IP_PROTO SPORT DPORT NH_ID
        """;

    private const string Neighbour = """
        NDA_
        UNSPEC DST LLADDR CACHEINFO PROBES VLAN PORT VNI IFINDEX MASTER LINK_NETNSID SRC_VNI PROTOCOL NH_ID FDB_EXT_ATTRS
        FLAGS_EXT NDM_STATE_MASK NDM_FLAGS_MASK
        """;

    private const string Rule = """
        FRA_
        UNSPEC DST SRC IIFNAME GOTO UNUSED2 PRIORITY UNUSED3 UNUSED4 UNUSED5 FWMARK FLOW TUN_ID SUPPRESS_IFGROUP
        SUPPRESS_PREFIXLEN TABLE FWMASK OIFNAME PAD L3MDEV UID_RANGE PROTOCOL IP_PROTO SPORT_RANGE DPORT_RANGE
        """;

    private const string BridgeAf = """
        IFLA_BRIDGE_
        FLAGS MODE VLAN_INFO VLAN_TUNNEL_INFO
        """;

    private const string NamespaceId = """
        NETNSA_
        NONE NSID PID FD TARGET_NSID CURRENT_NSID
        """;

    private const string Metrics = """
        RTAX_
        - LOCK MTU WINDOW RTT RTTVAR SSTHRESH CWND ADVMSS REORDERING HOPLIMIT INITCWND FEATURES RTO_MIN INITRWND QUICKACK
        CC_ALGO FASTOPEN_NO_COOKIE
        """;
}
