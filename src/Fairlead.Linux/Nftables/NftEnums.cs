namespace Fairlead.Linux.Nftables;

/// <summary>Which packets a table sees (NFPROTO_*).</summary>
public enum NftFamily : byte
{
    /// <summary>IPv4 and IPv6.</summary>
    Inet = 1,
    Ip = 2,
    Arp = 3,
    Netdev = 5,
    Bridge = 7,
    Ip6 = 10,
}

/// <summary>Where in its way through the kernel a packet meets a base chain (NF_INET_*; other families number them otherwise).</summary>
public enum NftHook
{
    Prerouting = 0,
    Input = 1,
    Forward = 2,
    Output = 3,
    Postrouting = 4,

    /// <summary>As it comes from an interface; the chain names the interfaces.</summary>
    Ingress = 5,

    /// <summary>As it goes to an interface; the chain names the interfaces.</summary>
    Egress = 6,
}

/// <summary>What a base chain may do.</summary>
public enum NftChainType
{
    Filter,
    Nat,
    Route,
}

/// <summary>States of a connection, as a packet finds it (NF_CT_STATE_BIT).</summary>
[Flags]
public enum CtState
{
    None = 0,
    Invalid = 1,
    Established = 2,
    Related = 4,
    New = 8,
    Untracked = 64,
}

/// <summary>What is known of a connection (IPS_*).</summary>
[Flags]
public enum CtStatus
{
    None = 0,
    Expected = 1,
    SeenReply = 2,
    Assured = 4,
    Confirmed = 8,

    /// <summary>Its source was changed.</summary>
    SourceNat = 0x10,

    /// <summary>Its destination was changed.</summary>
    DestinationNat = 0x20,
    Dying = 0x200,
}

/// <summary>What the routing table says of an address (RTN_*).</summary>
public enum FibAddressType
{
    Unspecified = 0,
    Unicast = 1,
    Local = 2,
    Broadcast = 3,
    Anycast = 4,
    Multicast = 5,
    Blackhole = 6,
    Unreachable = 7,
    Prohibit = 8,
}

/// <summary>How a value is compared (NFT_CMP_*).</summary>
public enum NftComparison
{
    Equal = 0,
    NotEqual = 1,
    Less = 2,
    LessOrEqual = 3,
    Greater = 4,
    GreaterOrEqual = 5,
}
