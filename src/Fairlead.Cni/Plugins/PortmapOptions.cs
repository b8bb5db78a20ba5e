using System.Collections.Immutable;
using Fairlead.Cni.Protocol;
using Fairlead.Linux.Nftables;

namespace Fairlead.Cni.Plugins;

/// <summary>The options of <c>portmap</c>.</summary>
/// <param name="Masquerade">Whether packets of the container's own network and of the host's loopback get the host's address.</param>
/// <param name="MasqueradeAll">Whether all do.</param>
/// <param name="MarkBits">The bit of the mark that tells those packets.</param>
/// <param name="IPv4">What packets must be for a port to lead them on.</param>
/// <param name="IPv6">The same for the other family.</param>
/// <remarks>
/// Either backend of the reference plugin is this one table; the name only says in whose words the conditions are. What
/// <c>externalSetMarkChain</c> is for, another's rule that masquerades, the table does itself.
/// </remarks>
internal sealed record PortmapOptions(
    bool Masquerade, bool MasqueradeAll, uint MarkBits, ImmutableArray<NftStatement> IPv4, ImmutableArray<NftStatement> IPv6)
{
    /// <summary>Not the reference plugin's 13: its rules stay after its last container, and give every packet with that bit the host's address.</summary>
    private const int DefaultBit = 25;

    public ImmutableArray<NftStatement> Conditions(NftFamilyTerms terms) => terms.IsIPv4 ? IPv4 : IPv6;

    public static PortmapOptions Read(ConfigNode root)
    {
        var (chain, backend) = (root["externalSetMarkChain"], root["backend"]);
        if (chain.Text().Length > 0 && root["markMasqBit"].Exists)
        {
            throw chain.Fault("cannot be set together with markMasqBit");
        }

        switch (backend.Text())
        {
            case "nftables" when chain.Text().Length > 0:
                throw chain.Fault("names a chain of iptables, and the backend is nftables");
            case "nftables" when FirstOf(root, isIptables: true) is { } words:
                throw words.Fault("is in words of iptables, and the backend is nftables");
            case "iptables" when FirstOf(root, isIptables: false) is { } words:
                throw words.Fault("is in words of nft, and the backend is iptables");
            case "" or "nftables" or "iptables":
                break;
            case var other:
                throw backend.Fault($"'{other}' is neither iptables nor nftables");
        }

        return new PortmapOptions(
            root["snat"].Flag(absent: true),
            root["masqAll"].Flag(),
            1u << root["markMasqBit"].Number(DefaultBit, 0, 31),
            PortConditions.Read(root["conditionsV4"], NftFamilyTerms.IPv4),
            PortConditions.Read(root["conditionsV6"], NftFamilyTerms.IPv6));
    }

    /// <summary>The first option that is in the words of one of the two, as the reference tells them apart.</summary>
    private static ConfigNode? FirstOf(ConfigNode root, bool isIptables)
    {
        foreach (var node in (ReadOnlySpan<ConfigNode>)[root["conditionsV4"], root["conditionsV6"]])
        {
            if (node.Texts() is [{ Length: > 0 } word, ..] && (word[0] is '-' or '!') == isIptables)
            {
                return node;
            }
        }

        return null;
    }
}
