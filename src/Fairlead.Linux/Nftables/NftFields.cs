namespace Fairlead.Linux.Nftables;

/// <summary>The names of fields of packets, of facts about them and about their connections, by the kernel's numbers.</summary>
internal static class NftFields
{
    internal const byte Icmp = 1;
    internal const byte Icmp6 = 58;

    /// <summary>A field's name, its type, and what must be known of the packet for it to have that name.</summary>
    internal sealed record Field(string Name, NftType Type, PayloadBase Base, int Offset, byte? Network = null, byte? Transport = null);

    private static readonly Field[] s_payload =
    [
        new("ip saddr", NftType.Ipv4Address, PayloadBase.Network, 12, NftRuleContext.Ipv4),
        new("ip daddr", NftType.Ipv4Address, PayloadBase.Network, 16, NftRuleContext.Ipv4),
        new("ip protocol", NftType.InetProtocol, PayloadBase.Network, 9, NftRuleContext.Ipv4),
        new("ip ttl", NftType.Other(1), PayloadBase.Network, 8, NftRuleContext.Ipv4),
        new("ip length", NftType.Other(2), PayloadBase.Network, 2, NftRuleContext.Ipv4),
        new("ip id", NftType.Other(2), PayloadBase.Network, 4, NftRuleContext.Ipv4),
        new("ip6 saddr", NftType.Ipv6Address, PayloadBase.Network, 8, NftRuleContext.Ipv6),
        new("ip6 daddr", NftType.Ipv6Address, PayloadBase.Network, 24, NftRuleContext.Ipv6),
        new("ip6 nexthdr", NftType.InetProtocol, PayloadBase.Network, 6, NftRuleContext.Ipv6),
        new("ip6 hoplimit", NftType.Other(1), PayloadBase.Network, 7, NftRuleContext.Ipv6),
        new("ip6 length", NftType.Other(2), PayloadBase.Network, 4, NftRuleContext.Ipv6),
        new("ether daddr", NftType.EtherAddress, PayloadBase.Link, 0),
        new("ether saddr", NftType.EtherAddress, PayloadBase.Link, 6),
        new("ether type", NftType.EtherType, PayloadBase.Link, 12),
        .. Ports("tcp", NftValue.Tcp),
        new("tcp sequence", NftType.Other(4), PayloadBase.Transport, 4, Transport: NftValue.Tcp),
        new("tcp flags", NftType.TcpFlags, PayloadBase.Transport, 13, Transport: NftValue.Tcp),
        new("tcp window", NftType.Other(2), PayloadBase.Transport, 14, Transport: NftValue.Tcp),
        .. Ports("udp", NftValue.Udp),
        new("udp length", NftType.Other(2), PayloadBase.Transport, 4, Transport: NftValue.Udp),
        .. Ports("sctp", NftValue.Sctp),
        .. Ports("dccp", 33),
        .. Ports("udplite", 136),
        new("icmp type", NftType.IcmpType, PayloadBase.Transport, 0, Transport: Icmp),
        new("icmp code", NftType.Other(1), PayloadBase.Transport, 1, Transport: Icmp),
        new("icmp id", NftType.Other(2), PayloadBase.Transport, 4, Transport: Icmp),
        new("icmp sequence", NftType.Other(2), PayloadBase.Transport, 6, Transport: Icmp),
        new("icmpv6 type", NftType.Icmp6Type, PayloadBase.Transport, 0, Transport: Icmp6),
        new("icmpv6 code", NftType.Other(1), PayloadBase.Transport, 1, Transport: Icmp6),
        new("icmpv6 id", NftType.Other(2), PayloadBase.Transport, 4, Transport: Icmp6),

        // Of any transport: last, so that a known protocol's own name comes first.
        new("th sport", NftType.InetService, PayloadBase.Transport, 0),
        new("th dport", NftType.InetService, PayloadBase.Transport, 2),
    ];

    private static readonly Dictionary<uint, (string Name, NftType Type)> s_meta = new()
    {
        [0] = ("meta length", NftType.Other(4, bigEndian: false)),
        [1] = ("meta protocol", NftType.EtherType),
        [2] = ("meta priority", NftType.Mark),
        [NftExpressions.MetaMark] = ("meta mark", NftType.Mark),
        [4] = ("iif", NftType.InterfaceIndex),
        [5] = ("oif", NftType.InterfaceIndex),
        [NftExpressions.MetaIifName] = ("iifname", NftType.InterfaceName),
        [NftExpressions.MetaOifName] = ("oifname", NftType.InterfaceName),
        [8] = ("meta iiftype", NftType.LinkType),
        [9] = ("meta oiftype", NftType.LinkType),
        [10] = ("meta skuid", NftType.UserId),
        [11] = ("meta skgid", NftType.GroupId),
        [12] = ("meta nftrace", NftType.Other(1)),
        [NftExpressions.MetaNfProto] = ("meta nfproto", NftType.NfProto),
        [NftExpressions.MetaL4Proto] = ("meta l4proto", NftType.InetProtocol),
        [17] = ("meta ibrname", NftType.InterfaceName),
        [18] = ("meta obrname", NftType.InterfaceName),
        [19] = ("meta pkttype", NftType.PacketType),
        [20] = ("meta cpu", NftType.Other(4, bigEndian: false)),
        [21] = ("iifgroup", NftType.DeviceGroup),
        [22] = ("oifgroup", NftType.DeviceGroup),
        [23] = ("meta cgroup", NftType.Other(4, bigEndian: false)),
    };

    private static readonly Dictionary<uint, (string Name, NftType Type)> s_ct = new()
    {
        [NftExpressions.CtStateKey] = ("state", NftType.CtState),
        [NftExpressions.CtDirectionKey] = ("direction", NftType.CtDirection),
        [NftExpressions.CtStatusKey] = ("status", NftType.CtStatus),
        [NftExpressions.CtMarkKey] = ("mark", NftType.Mark),
        [7] = ("l3proto", NftType.NfProto),
        [8] = ("saddr", NftType.Other(4)),
        [9] = ("daddr", NftType.Other(4)),
        [10] = ("protocol", NftType.InetProtocol),
        [11] = ("proto-src", NftType.InetService),
        [NftExpressions.CtProtoDestinationKey] = ("proto-dst", NftType.InetService),
        [14] = ("packets", NftType.Other(8, bigEndian: false)),
        [15] = ("bytes", NftType.Other(8, bigEndian: false)),
        [17] = ("zone", NftType.Other(2, bigEndian: false)),
        [19] = ("ip saddr", NftType.Ipv4Address),
        [NftExpressions.CtDestinationIpKey] = ("ip daddr", NftType.Ipv4Address),
        [21] = ("ip6 saddr", NftType.Ipv6Address),
        [NftExpressions.CtDestinationIp6Key] = ("ip6 daddr", NftType.Ipv6Address),
        [23] = ("id", NftType.Other(4)),
    };

    /// <summary>The field at a place of a packet of which this much is known; whole, or where <paramref name="length"/> is less, its beginning.</summary>
    internal static Field? Payload(PayloadBase from, int offset, int length, byte? network, byte? transport)
        => Array.Find(s_payload, f => f.Base == from && f.Offset == offset && f.Type.Length == length && Fits(f, network, transport))
            ?? Array.Find(
                s_payload,
                f => f.Base == from && f.Offset == offset && f.Type.Length > length
                    && f.Type.Kind is NftValueKind.Address4 or NftValueKind.Address6 && Fits(f, network, transport));

    internal static (string Name, NftType Type) Meta(uint key)
        => s_meta.TryGetValue(key, out var found) ? found : (NftText.Invariant($"meta {key}"), NftType.Other(4, bigEndian: false));

    internal static (string Name, NftType Type) Ct(uint key, byte? direction)
    {
        var (name, type) = s_ct.TryGetValue(key, out var found) ? found : (NftText.Invariant($"{key}"), NftType.Other(4));
        return (direction switch
        {
            null => $"ct {name}",
            0 => $"ct original {name}",
            _ => $"ct reply {name}",
        }, type);
    }

    private static bool Fits(Field field, byte? network, byte? transport)
        => (field.Network is null || field.Network == network) && (field.Transport is null || field.Transport == transport);

    private static IEnumerable<Field> Ports(string protocol, byte number) =>
    [
        new($"{protocol} sport", NftType.InetService, PayloadBase.Transport, 0, Transport: number),
        new($"{protocol} dport", NftType.InetService, PayloadBase.Transport, 2, Transport: number),
    ];
}
