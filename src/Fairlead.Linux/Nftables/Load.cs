namespace Fairlead.Linux.Nftables;

/// <summary>What a rule can look at, under nft's names.</summary>
public static class Load
{
    /// <summary>The sender's hardware address; in tables of family bridge, or behind a match of the interface's type.</summary>
    public static NftExpression EtherSaddr { get; } = new PayloadExpression("ether saddr", NftType.EtherAddress, PayloadBase.Link, 6, null, null);

    public static NftExpression IpSaddr { get; } = Network("ip saddr", NftType.Ipv4Address, 12, NftRuleContext.Ipv4);

    public static NftExpression IpDaddr { get; } = Network("ip daddr", NftType.Ipv4Address, 16, NftRuleContext.Ipv4);

    public static NftExpression IpProtocol { get; } = Network("ip protocol", NftType.InetProtocol, 9, NftRuleContext.Ipv4);

    public static NftExpression Ip6Saddr { get; } = Network("ip6 saddr", NftType.Ipv6Address, 8, NftRuleContext.Ipv6);

    public static NftExpression Ip6Daddr { get; } = Network("ip6 daddr", NftType.Ipv6Address, 24, NftRuleContext.Ipv6);

    public static NftExpression TcpSport { get; } = Transport("tcp sport", NftType.InetService, 0, NftValue.Tcp);

    public static NftExpression TcpDport { get; } = Transport("tcp dport", NftType.InetService, 2, NftValue.Tcp);

    public static NftExpression TcpFlags { get; } = Transport("tcp flags", NftType.TcpFlags, 13, NftValue.Tcp);

    public static NftExpression UdpSport { get; } = Transport("udp sport", NftType.InetService, 0, NftValue.Udp);

    public static NftExpression UdpDport { get; } = Transport("udp dport", NftType.InetService, 2, NftValue.Udp);

    public static NftExpression IcmpType { get; } = Transport("icmp type", NftType.IcmpType, 0, 1);

    public static NftExpression Icmp6Type { get; } = Transport("icmpv6 type", NftType.Icmp6Type, 0, 58);

    /// <summary>The source port of TCP, UDP or SCTP alike.</summary>
    public static NftExpression ThSport { get; } = Transport("th sport", NftType.InetService, 0, null);

    /// <summary>The destination port of TCP, UDP or SCTP alike.</summary>
    public static NftExpression ThDport { get; } = Transport("th dport", NftType.InetService, 2, null);

    public static NftExpression L4Proto { get; } = new MetaExpression("meta l4proto", NftType.InetProtocol, NftExpressions.MetaL4Proto);

    /// <summary>2 for IPv4, 10 for IPv6.</summary>
    public static NftExpression NfProto { get; } = new MetaExpression("meta nfproto", NftType.NfProto, NftExpressions.MetaNfProto);

    public static NftExpression Mark { get; } = new MetaExpression("meta mark", NftType.Mark, NftExpressions.MetaMark);

    public static NftExpression IifName { get; } = new MetaExpression("iifname", NftType.InterfaceName, NftExpressions.MetaIifName);

    public static NftExpression OifName { get; } = new MetaExpression("oifname", NftType.InterfaceName, NftExpressions.MetaOifName);

    public static NftExpression CtState { get; } = new CtExpression("ct state", NftType.CtState, NftExpressions.CtStateKey);

    public static NftExpression CtStatus { get; } = new CtExpression("ct status", NftType.CtStatus, NftExpressions.CtStatusKey);

    public static NftExpression CtMark { get; } = new CtExpression("ct mark", NftType.Mark, NftExpressions.CtMarkKey);

    /// <summary>0 for packets of the side that began, 1 for answers.</summary>
    public static NftExpression CtDirection { get; } = new CtExpression("ct direction", NftType.CtDirection, NftExpressions.CtDirectionKey);

    /// <summary>The destination that the connection was begun with, before any change of address.</summary>
    public static NftExpression CtOriginalIpDaddr { get; } = new CtExpression("ct original ip daddr", NftType.Ipv4Address, NftExpressions.CtDestinationIpKey, 0);

    /// <summary>As <see cref="CtOriginalIpDaddr"/>, for IPv6.</summary>
    public static NftExpression CtOriginalIp6Daddr { get; } = new CtExpression("ct original ip6 daddr", NftType.Ipv6Address, NftExpressions.CtDestinationIp6Key, 0);

    /// <summary>The destination port that the connection was begun with.</summary>
    public static NftExpression CtOriginalDport { get; } = new CtExpression("ct original proto-dst", NftType.InetService, NftExpressions.CtProtoDestinationKey, 0);

    /// <summary>Whether the packet's destination is an address of this machine, and so on.</summary>
    public static NftExpression FibDaddrType { get; } = new FibExpression("fib daddr type", 2);

    /// <summary>The same of its source.</summary>
    public static NftExpression FibSaddrType { get; } = new FibExpression("fib saddr type", 1);

    /// <summary>A number from 0 to below the modulus, by chance.</summary>
    public static NftExpression Random(int modulus)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(modulus, 1);
        return new RandomExpression(modulus);
    }

    /// <summary>A number from 0 to below the modulus that is always the same for the same value.</summary>
    public static NftExpression Hash(NftExpression of, int modulus)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(modulus, 1);
        return new HashExpression(of, modulus);
    }

    /// <summary>Several values, to look up together.</summary>
    public static NftExpression Concat(params ReadOnlySpan<NftExpression> parts) => new ConcatExpression([.. parts]);

    /// <summary>What a key leads to in a data map.</summary>
    public static NftExpression Map(NftExpression key, NftSet map)
        => map.Data.Count > 0 ? new MapExpression(key, map) : throw new ArgumentException($"{map.Name} leads to no data", nameof(map));

    private static PayloadExpression Network(string name, NftType type, int offset, byte family)
        => new(name, type, PayloadBase.Network, offset, family, null);

    private static PayloadExpression Transport(string name, NftType type, int offset, int? protocol)
        => new(name, type, PayloadBase.Transport, offset, name switch
        {
            "icmp type" => NftRuleContext.Ipv4,
            "icmpv6 type" => NftRuleContext.Ipv6,
            _ => null,
        }, (byte?)protocol);
}
