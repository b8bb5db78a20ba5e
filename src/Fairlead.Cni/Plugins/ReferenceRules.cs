using Fairlead.Linux;
using Fairlead.Linux.Nftables;

namespace Fairlead.Cni.Plugins;

/// <summary>Takes away what the reference plugins made for a container by iptables, so that a node changes to ours without draining.</summary>
/// <remarks>
/// iptables (nft) keeps its rules in tables of nftables. The reference plugins call a container's chains after a digest of network and
/// container id: <c>CNI-…</c> for the masquerade, <c>CNI-DN-…</c> for the ports.
/// A rule that stayed would lead the host's port to whoever has the address next. The tables of iptables-legacy cannot be seen.
/// </remarks>
internal static class ReferenceRules
{
    private const int LongestChain = 28; // what iptables takes
    private const int LongestDetour = 15; // linux/if.h: IFNAMSIZ with its terminator
    private const int Attempts = 20;
    private const string Nat = "nat";

    public static void RemoveMasquerade(PluginCall call) => RemoveChain(call.Nftables, Name("CNI-", LongestChain, call), "POSTROUTING");

    public static void RemovePorts(PluginCall call) => RemoveChain(call.Nftables, Name("CNI-DN-", LongestChain, call), "CNI-HOSTPORT-DNAT");

    /// <summary>The interface that the reference plugin <c>bandwidth</c> leads a container's packets to.</summary>
    public static string Detour(PluginCall call) => Name("bwp", LongestDetour, call);

    private static string Name(string prefix, int longest, PluginCall call)
        => (prefix + Sha512.Text(call.Config.Name + call.Attachment.ContainerId))[..longest];

    private static void RemoveChain(NftablesSocket socket, string chain, string parent)
    {
        foreach (var terms in NftFamilyTerms.Both)
        {
            Commit(socket, terms.Family, change =>
            {
                if (socket.Rules(terms.Family, Nat, chain).Count > 0)
                {
                    change.AddRange(socket.Rules(terms.Family, Nat, parent)
                        .Where(rule => rule.Text.EndsWith($" {chain}", StringComparison.Ordinal)).Select(rule => new DeleteRule(parent, rule.Handle)));
                    change.Add(new FlushChain(chain)).Add(new DeleteChain(chain));
                }
            });
        }
    }

    private static void Commit(NftablesSocket socket, NftFamily family, Action<NftTransaction> fill)
    {
        for (var attempt = 1; ; attempt++)
        {
            var change = new NftTransaction(family, Nat);
            fill(change);
            if (change.IsEmpty)
            {
                return;
            }

            try
            {
                socket.Commit(change);
                return;
            }
            catch (LinuxException e) when (e.IsNotFound && attempt < Attempts)
            {
                // Another call, or iptables, removed one of them in between.
            }
        }
    }
}
