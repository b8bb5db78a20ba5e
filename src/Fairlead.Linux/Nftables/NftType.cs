using System.Collections.Immutable;

namespace Fairlead.Linux.Nftables;

/// <summary>What kind of text and number a type of value is.</summary>
internal enum NftValueKind : byte
{
    Number,
    Address4,
    Address6,
    Mac,
    Name,
}

/// <summary>A type of key or value: of a field of a packet, and of the elements of sets and maps.</summary>
/// <remarks>
/// The kernel knows only lengths; the numbers are nft's own (include/datatype.h there) and tell <c>nft list</c> how to print.
/// A concatenation is a list of types, each in its own four-byte slots.
/// </remarks>
public sealed record NftType
{
    private const int BitsPerType = 6;

    /// <summary>EXPR_PAYLOAD, EXPR_META, EXPR_NUMGEN and EXPR_CONCAT in nft's own numbering (include/expression.h there).</summary>
    private const byte ExprPayload = 7;
    private const byte ExprMeta = 9;
    private const byte ExprNumgen = 23;

    private NftType(uint id, int length, string name, NftValueKind kind, bool bigEndian)
        => (Id, Length, Name, Kind, IsBigEndian) = (id, length, name, kind, bigEndian);

    public static NftType Ipv4Address { get; } = new(7, 4, "ipv4_addr", NftValueKind.Address4, true) { Typeof = "ip daddr", TypeofData = Payload(12, 12) };

    public static NftType Ipv6Address { get; } = new(8, 16, "ipv6_addr", NftValueKind.Address6, true) { Typeof = "ip6 daddr", TypeofData = Payload(13, 9) };

    public static NftType EtherAddress { get; } = new(9, 6, "ether_addr", NftValueKind.Mac, true);

    public static NftType InetProtocol { get; } = new(12, 1, "inet_proto", NftValueKind.Number, true) { Typeof = "meta l4proto", TypeofData = Meta(16) };

    public static NftType InetService { get; } = new(13, 2, "inet_service", NftValueKind.Number, true) { Typeof = "th dport", TypeofData = Payload(11, 2) };

    public static NftType Mark { get; } = new(19, 4, "mark", NftValueKind.Number, false) { Typeof = "meta mark", TypeofData = Meta(3) };

    public static NftType InterfaceName { get; } = new(41, 16, "ifname", NftValueKind.Name, false) { Typeof = "meta iifname", TypeofData = Meta(6) };

    /// <summary>The number that <see cref="Load.Random"/> and <see cref="Load.Hash"/> give. nft has no name for it: a set with it is declared by example (<c>typeof</c>).</summary>
    public static NftType Index { get; } = new(4, 4, "integer", NftValueKind.Number, false)
    {
        Typeof = "numgen random mod 2",
        TypeofData = Udata(ExprNumgen, 1, 2, 0),
        NeedsTypeof = true,
    };

    internal static NftType CtState { get; } = new(26, 4, "ct_state", NftValueKind.Number, false);

    internal static NftType CtStatus { get; } = new(28, 4, "ct_status", NftValueKind.Number, false);

    internal static NftType CtDirection { get; } = new(27, 1, "ct_dir", NftValueKind.Number, false);

    internal static NftType FibAddressType { get; } = new(38, 4, "fib_addrtype", NftValueKind.Number, false);

    internal static NftType NfProto { get; } = new(2, 1, "nf_proto", NftValueKind.Number, false);

    internal static NftType TcpFlags { get; } = new(15, 1, "tcp_flag", NftValueKind.Number, true);

    internal static NftType IcmpType { get; } = new(14, 1, "icmp_type", NftValueKind.Number, true);

    internal static NftType Icmp6Type { get; } = new(29, 1, "icmpv6_type", NftValueKind.Number, true);

    internal static NftType EtherType { get; } = new(10, 2, "ether_type", NftValueKind.Number, true);

    internal static NftType InterfaceIndex { get; } = new(20, 4, "iface_index", NftValueKind.Number, false);

    internal static NftType LinkType { get; } = new(21, 2, "iface_type", NftValueKind.Number, false);

    internal static NftType UserId { get; } = new(24, 4, "uid", NftValueKind.Number, false);

    internal static NftType GroupId { get; } = new(25, 4, "gid", NftValueKind.Number, false);

    internal static NftType PacketType { get; } = new(31, 1, "pkt_type", NftValueKind.Number, false);

    internal static NftType DeviceGroup { get; } = new(35, 4, "devgroup", NftValueKind.Number, false);

    internal static NftType Boolean { get; } = new(39, 1, "boolean", NftValueKind.Number, false);

    // Below the types themselves: static members get their values in the order they are written in.
    private static readonly ImmutableArray<NftType> s_all =
    [
        Ipv4Address, Ipv6Address, EtherAddress, InetProtocol, InetService, Mark, InterfaceName, Index, CtState, CtStatus, CtDirection,
        FibAddressType, NfProto, TcpFlags, IcmpType, Icmp6Type, EtherType, InterfaceIndex, LinkType, UserId, GroupId, PacketType, DeviceGroup, Boolean,
    ];

    public string Name { get; }

    /// <summary>Bytes of a value.</summary>
    public int Length { get; }

    internal uint Id { get; }

    internal NftValueKind Kind { get; }

    internal bool IsBigEndian { get; }

    /// <summary>An expression of this type, for declarations by example.</summary>
    internal string? Typeof { get; private init; }

    /// <summary>The same in the form that nft leaves with the set, to print it.</summary>
    internal ImmutableArray<byte> TypeofData { get; private init; } = [];

    internal bool NeedsTypeof { get; private init; }

    /// <summary>Four-byte registers a value takes.</summary>
    internal int Slots => (Length + 3) / 4;

    public override string ToString() => Name;

    internal static uint IdOf(ValueArray<NftType> types) => types.Items.Aggregate(0u, (id, type) => (id << BitsPerType) | type.Id);

    /// <summary>Bytes of a concatenation; a single value is not padded.</summary>
    internal static int LengthOf(ValueArray<NftType> types)
    {
        // A loop: this runs for each element of a set, and a query would allocate.
        var length = 0;
        foreach (var type in types)
        {
            length += types.Count == 1 ? type.Length : 4 * type.Slots;
        }

        return length;
    }

    /// <summary>Reads types back from what the kernel keeps. Where one is not known here, the whole is one number of that length.</summary>
    internal static ValueArray<NftType> Decode(uint id, int length)
    {
        var types = new List<NftType>();
        for (; id != 0; id >>= BitsPerType)
        {
            if (s_all.FirstOrDefault(t => t.Id == (id & ((1 << BitsPerType) - 1))) is not { } type)
            {
                return [Other(length)];
            }

            types.Insert(0, type);
        }

        ValueArray<NftType> result = [.. types];
        return types.Count > 0 && LengthOf(result) == length ? result : [Other(length)];
    }

    /// <summary>The same, once the order of its bytes was turned.</summary>
    internal NftType InNetworkOrder => Kind == NftValueKind.Number && !IsBigEndian ? new(Id, Length, Name, Kind, true) : this;

    /// <summary>A number of some length, for what has no type here.</summary>
    internal static NftType Other(int length, bool bigEndian = true) => new(4, Math.Clamp(length, 1, 16), "integer", NftValueKind.Number, bigEndian);

    private static ImmutableArray<byte> Payload(byte protocol, byte field) => Udata(ExprPayload, protocol, field);

    private static ImmutableArray<byte> Meta(byte key) => Udata(ExprMeta, key);

    /// <summary>NFTNL_UDATA_SET_TYPEOF_EXPR and _DATA: the kind of expression, and its parts, each a 32-bit number.</summary>
    private static ImmutableArray<byte> Udata(byte expression, params ReadOnlySpan<byte> parts)
    {
        var data = new NftUserData();
        for (var i = 0; i < parts.Length; i++)
        {
            data.Number((byte)i, parts[i]);
        }

        var whole = new NftUserData();
        whole.Number(0, expression);
        whole.Bytes(1, data.Written);
        return [.. whole.Written];
    }
}
