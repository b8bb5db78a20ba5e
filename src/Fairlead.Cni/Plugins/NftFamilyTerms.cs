using System.Collections.Immutable;
using System.Net;
using Fairlead.Cni.Protocol;
using Fairlead.Linux.Nftables;

namespace Fairlead.Cni.Plugins;

/// <summary>The words of nftables that differ between IPv4 and IPv6.</summary>
internal sealed record NftFamilyTerms(
    NftFamily Family, NftType Address, NftExpression Source, NftExpression Destination, IPNetwork Multicast, IPNetwork Loopback)
{
    public static readonly NftFamilyTerms IPv4 = new(
        NftFamily.Ip, NftType.Ipv4Address, Load.IpSaddr, Load.IpDaddr, IPNetwork.Parse("224.0.0.0/4"), IPNetwork.Parse("127.0.0.0/8"));

    public static readonly NftFamilyTerms IPv6 = new(
        NftFamily.Ip6, NftType.Ipv6Address, Load.Ip6Saddr, Load.Ip6Daddr, IPNetwork.Parse("ff00::/8"), IPNetwork.Parse("::1/128"));

    public static readonly ImmutableArray<NftFamilyTerms> Both = [IPv4, IPv6];

    public bool IsIPv4 => Family == NftFamily.Ip;

    public static NftFamilyTerms Of(IPAddress address) => AddressText.IsIPv4(address) ? IPv4 : IPv6;

    /// <summary>A chain's name for a network; nft takes no colons in names.</summary>
    public static string ChainOf(IPNetwork network) => $"from-{network.ToString().Replace(':', '_')}";
}
