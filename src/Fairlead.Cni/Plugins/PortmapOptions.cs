using System.Collections.Immutable;
using Fairlead.Cni.Protocol;
using Fairlead.Linux.Nftables;

namespace Fairlead.Cni.Plugins;

/// <summary>The options of <c>portmap</c>.</summary>
/// <param name="Masquerade">Whether packets of the container's own network and of the host's loopback get the host's address.</param>
/// <param name="MasqueradeAll">Whether all do.</param>
/// <param name="IPv4">What packets must be for a port to lead them on.</param>
/// <param name="IPv6">The same for the other family.</param>
internal sealed record PortmapOptions(
    bool Masquerade, bool MasqueradeAll, ImmutableArray<NftStatement> IPv4, ImmutableArray<NftStatement> IPv6)
{
    private const int DefaultBit = 13;

    public ImmutableArray<NftStatement> Conditions(NftFamilyTerms terms) => terms.IsIPv4 ? IPv4 : IPv6;

    public static PortmapOptions Read(ConfigNode root)
    {
        if (root["externalSetMarkChain"].Text().Length > 0)
        {
            throw root["markMasqBit"].Exists
                ? root["externalSetMarkChain"].Fault("cannot be set together with markMasqBit")
                : CniException.NotImplemented("externalSetMarkChain", "leave it out; it names a chain of iptables, and packets are marked in the plugin's own table");
        }

        if (root["markMasqBit"].Number(DefaultBit, 0, 31) != DefaultBit)
        {
            throw CniException.NotImplemented("markMasqBit other than 13", "leave it out");
        }

        return root["backend"].Text("nftables") switch
        {
            "" or "nftables" => new PortmapOptions(
                root["snat"].Flag(absent: true),
                root["masqAll"].Flag(),
                PortConditions.Read(root["conditionsV4"], NftFamilyTerms.IPv4),
                PortConditions.Read(root["conditionsV6"], NftFamilyTerms.IPv6)),
            "iptables" => throw CniException.NotImplemented("backend: iptables", "leave it out; nftables does the same"),
            var other => throw root["backend"].Fault($"'{other}' is neither iptables nor nftables"),
        };
    }
}
