using System.Globalization;

namespace Fairlead.Linux.Nftables;

/// <summary>The words that nft has for numbers of some types.</summary>
internal static class NftWords
{
    private static readonly Dictionary<uint, Dictionary<uint, string>> s_words = new()
    {
        [NftType.InetProtocol.Id] = new()
        {
            [1] = "icmp", [2] = "igmp", [6] = "tcp", [17] = "udp", [33] = "dccp", [47] = "gre", [50] = "esp", [51] = "ah",
            [58] = "ipv6-icmp", [108] = "ipcomp", [132] = "sctp", [136] = "udplite",
        },
        [NftType.FibAddressType.Id] = Enum.GetValues<FibAddressType>().ToDictionary(t => (uint)t, t => t == FibAddressType.Unspecified ? "unspec" : NftText.Word(t)),
        [NftType.CtDirection.Id] = new() { [0] = "original", [1] = "reply" },
        [NftType.NfProto.Id] = new() { [2] = "ipv4", [10] = "ipv6" },
        [NftType.EtherType.Id] = new() { [0x800] = "ip", [0x806] = "arp", [0x86dd] = "ip6", [0x8100] = "vlan" },
        [NftType.PacketType.Id] = new() { [0] = "host", [1] = "broadcast", [2] = "multicast", [3] = "other" },
        [NftType.Boolean.Id] = new() { [0] = "missing", [1] = "exists" },
        [NftType.LinkType.Id] = new() { [1] = "ether", [772] = "loopback" },
        [NftType.IcmpType.Id] = new()
        {
            [0] = "echo-reply", [3] = "destination-unreachable", [4] = "source-quench", [5] = "redirect", [8] = "echo-request",
            [9] = "router-advertisement", [10] = "router-solicitation", [11] = "time-exceeded", [12] = "parameter-problem",
            [13] = "timestamp-request", [14] = "timestamp-reply", [15] = "info-request", [16] = "info-reply",
            [17] = "address-mask-request", [18] = "address-mask-reply",
        },
        [NftType.Icmp6Type.Id] = new()
        {
            [1] = "destination-unreachable", [2] = "packet-too-big", [3] = "time-exceeded", [4] = "parameter-problem",
            [128] = "echo-request", [129] = "echo-reply", [130] = "mld-listener-query", [131] = "mld-listener-report",
            [132] = "mld-listener-done", [133] = "nd-router-solicit", [134] = "nd-router-advert", [135] = "nd-neighbor-solicit",
            [136] = "nd-neighbor-advert", [137] = "nd-redirect", [143] = "mld2-listener-report",
        },
    };

    /// <summary>Types whose values are sets of bits, with the word of each, in nft's order.</summary>
    private static readonly Dictionary<uint, (uint Bit, string Word)[]> s_bits = new()
    {
        [NftType.CtState.Id] = [(1, "invalid"), (2, "established"), (4, "related"), (8, "new"), (64, "untracked")],
        [NftType.CtStatus.Id] =
        [
            (1, "expected"), (2, "seen-reply"), (4, "assured"), (8, "confirmed"), (0x10, "snat"), (0x20, "dnat"), (0x200, "dying"),
        ],
        [NftType.TcpFlags.Id] = [(1, "fin"), (2, "syn"), (4, "rst"), (8, "psh"), (16, "ack"), (32, "urg"), (64, "ecn"), (128, "cwr")],
    };

    internal static bool IsBits(NftType type) => s_bits.ContainsKey(type.Id);

    internal static string Of(NftType type, UInt128 value)
    {
        if (value <= uint.MaxValue)
        {
            var number = (uint)value;
            if (type.Id == NftType.Mark.Id)
            {
                return string.Create(CultureInfo.InvariantCulture, $"0x{number:x8}");
            }

            if (s_words.TryGetValue(type.Id, out var words) && words.TryGetValue(number, out var word))
            {
                return word;
            }

            if (s_bits.TryGetValue(type.Id, out var bits) && number != 0 && bits.Aggregate(number, (rest, b) => rest & ~b.Bit) == 0)
            {
                return Bits(type, number);
            }
        }

        return value.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>The words of the bits that are set.</summary>
    internal static string Bits(NftType type, uint number, char between = ',')
        => string.Join(between, s_bits[type.Id].Where(b => (number & b.Bit) != 0).Select(b => b.Word));
}
