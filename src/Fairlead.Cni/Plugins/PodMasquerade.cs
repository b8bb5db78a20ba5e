using Fairlead.Cni.Protocol;
using Fairlead.Linux.Nftables;

namespace Fairlead.Cni.Plugins;

/// <summary>Gives packets of containers that leave their network the host's address, as <c>ipMasq</c> asks.</summary>
/// <remarks>
/// One table for each family, with one rule at the hook: a verdict map leads from a container's address to the chain of its
/// network. A container is one element, whose comment says whose it is; the rules never change, so ADD and DEL of different
/// containers cannot get into each other's way.
/// </remarks>
internal static class PodMasquerade
{
    public const string Table = "fairlead-cni-masquerade";
    private const string Hook = "postrouting";
    private const int SourceNatPriority = 100;

    public static void Add(NftablesSocket socket, AttachmentMark mark, IEnumerable<CniAddress> addresses)
    {
        foreach (var address in addresses)
        {
            var terms = NftFamilyTerms.Of(address.Address);
            var map = MapOf(terms);
            var element = new NftElement([address.Address])
            {
                Verdict = NftVerdict.Goto(NftFamilyTerms.ChainOf(address.Network)),
                Comment = mark.Comment,
            };
            var change = ConstantRules.Begin(socket, Constant(terms, address));

            // The address is this container's, so whatever is said of it is left from one that was not removed.
            if (socket.Elements(terms.Family, Table, map).Any(e => e.Key[0] == element.Key[0]))
            {
                change.Add(new DeleteElements(map, element));
            }

            socket.Commit(change.Add(new AddElements(map, element)));
        }
    }

    public static bool Has(NftablesSocket socket, AttachmentMark mark)
        => NftFamilyTerms.Both.Any(terms =>
            socket.Elements(terms.Family, Table, MapOf(terms)).Any(e => mark.IsSameAs(AttachmentMark.OfComment(e.Comment))));

    /// <summary>Removes the elements of the marks that match; none is fine.</summary>
    public static void Remove(NftablesSocket socket, Func<AttachmentMark?, bool> matches)
    {
        foreach (var terms in NftFamilyTerms.Both)
        {
            OwnedElements.Remove(socket, terms.Family, Table, [MapOf(terms)], (_, e) => matches(AttachmentMark.OfComment(e.Comment)));
        }
    }

    /// <summary>All that does not depend on the container but on its network.</summary>
    private static NftTransaction Constant(NftFamilyTerms terms, CniAddress address)
    {
        var chain = NftFamilyTerms.ChainOf(address.Network);
        return new NftTransaction(terms.Family, Table)
            .Add(new AddTable("CNI: containers' packets that leave their network"))
            .Add(new AddSet(MapOf(terms)))
            .Add(new AddChain(Hook, new NftBaseChain(NftChainType.Nat, NftHook.Postrouting, SourceNatPriority)))
            .Add(new AddChain(chain))
            .Add(new FlushChain(Hook))
            .Add(new AddRule(Hook, Act.Verdict(terms.Source, MapOf(terms))))
            .Add(new FlushChain(chain))
            .Add(new AddRule(chain, Match.Equal(terms.Destination, address.Network), Act.Return))
            .Add(new AddRule(chain, Match.Equal(terms.Destination, terms.Multicast), Act.Return))
            .Add(new AddRule(chain, Nat.Masquerade(fullyRandom: true)));
    }

    private static NftSet MapOf(NftFamilyTerms terms) => new("containers", [terms.Address]) { IsVerdictMap = true };
}
