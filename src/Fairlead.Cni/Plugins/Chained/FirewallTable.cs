using System.Collections.Immutable;
using System.Net;
using Fairlead.Cni.Protocol;
using Fairlead.Linux.Nftables;

namespace Fairlead.Cni.Plugins.Chained;

/// <summary>Which containers may be spoken with through the host, in nftables.</summary>
/// <remarks>
/// One table of family inet with constant rules before everybody else's filters; containers and bridges are elements of sets.
/// <list type="bullet">
/// <item>The administrator's chain comes first. It is made, and never written to.</item>
/// <item>Packets from one kept bridge to another are dropped; so Docker keeps its bridges apart.</item>
/// <item>Packets that are of a container get a bit of the mark: those it sends, answers to it, and those a published port led to it.
/// A table cannot undo another's drop. So where there is a chain FORWARD of iptables, it gets one rule, first: what bears the bit is
/// accepted. iptables reads and shows that rule.</item>
/// </list>
/// With the backends iptables and firewalld what admits is <see cref="IptablesForward"/>'s and <see cref="Firewalld"/>'s, and sets here
/// only say whose the addresses are.
/// </remarks>
internal static class FirewallTable
{
    public const string Table = "fairlead-cni-firewall";
    private const string Hook = "forward";
    private const uint AdmittedBit = 0x0100_0000;
    private const int BeforeFilters = -1;
    private const string RuleComment = "fairlead-cni: admitted containers";

    private static readonly (FirewallBackend Backend, NftSet IPv4, NftSet IPv6)[] s_containers =
    [
        (FirewallBackend.Nftables, new("containers", [NftType.Ipv4Address]), new("containers6", [NftType.Ipv6Address])),
        (FirewallBackend.Iptables, new("iptables-containers", [NftType.Ipv4Address]), new("iptables-containers6", [NftType.Ipv6Address])),
        (FirewallBackend.Firewalld, new("firewalld-containers", [NftType.Ipv4Address]), new("firewalld-containers6", [NftType.Ipv6Address])),
    ];

    private static readonly NftSet s_kept = new("kept-bridges", [NftType.InterfaceName]);
    private static readonly NftSet s_open = new("open-within", [NftType.InterfaceName, NftType.InterfaceName]);

    private static IEnumerable<(FirewallBackend Backend, NftSet Set, bool IsIPv4)> ContainerSets
        => s_containers.SelectMany(c => new[] { (c.Backend, c.IPv4, true), (c.Backend, c.IPv6, false) });

    /// <summary>Admits a container's addresses and keeps its bridge.</summary>
    public static void Add(NftablesSocket socket, AttachmentMark mark, IReadOnlyList<CniAddress> addresses, Admission how)
    {
        NftRetry.Run(() =>
        {
            var generation = socket.Generation();
            var change = ConstantRules.Begin(socket, Constant(how.AdminChain));
            var left = new List<IPAddress>();
            foreach (var (backend, set, isIPv4) in ContainerSets)
            {
                // The address is this container's, so whatever is said of it is left from one that was not removed.
                var own = addresses.Where(a => backend == how.Backend && AddressText.IsIPv4(a.Address) == isIPv4).Select(a => new NftElement([a.Address]) { Comment = mark.Comment }).ToList();
                var stale = socket.Elements(NftFamily.Inet, Table, set)
                    .Where(e => addresses.Any(a => a.Address.Equals(e.Key[0].Address)) || mark.IsSameAs(AttachmentMark.OfComment(e.Comment))).ToList();
                change.AddRange(Deletion(set, stale)).Add(new AddElements(set, own));
                left.AddRange(backend == FirewallBackend.Iptables
                    ? stale.Select(e => e.Key[0].Address!).Where(a => how.Backend != backend || !addresses.Any(own => own.Address.Equals(a)))
                    : []);
            }

            if (how.Bridge is { } bridge)
            {
                change.AddRange(Deletion(s_kept, socket.Elements(NftFamily.Inet, Table, s_kept).Where(e => e.Key[0] == bridge)))
                    .Add(new AddElements(s_kept, new NftElement([bridge]) { Comment = mark.Comment }))
                    .AddRange(Deletion(s_open, socket.Elements(NftFamily.Inet, Table, s_open).Where(e => e.Key[0] == bridge)));
                if (how.OpenWithin)
                {
                    change.Add(new AddElements(s_open, new NftElement([bridge, bridge]) { Comment = mark.Comment }));
                }
            }

            var admitted = how.Backend == FirewallBackend.Iptables ? addresses.Select(a => a.Address).ToList() : [];
            socket.Commit(
                [
                    change,
                    .. NftFamilyTerms.Both.Select(terms => IptablesForward.Withdraw(socket, terms, Of(terms, left))),
                    .. NftFamilyTerms.Both.Where(terms => Of(terms, admitted).Count > 0)
                        .Select(terms => IptablesForward.Admit(socket, terms, Of(terms, admitted), how.AdminChain)),
                ],
                generation);
        });
        if (how.Backend == FirewallBackend.Nftables)
        {
            AdmitInIptables(socket);
        }
    }

    /// <summary>What of an attachment's is missing.</summary>
    public static string? Missing(NftablesSocket socket, AttachmentMark mark, IReadOnlyList<CniAddress> addresses, Admission how)
    {
        if (how.Bridge is { } bridge && !socket.Elements(NftFamily.Inet, Table, s_kept).Any(e => e.Key[0] == bridge))
        {
            return $"bridge '{bridge}' is not kept from others any more";
        }

        return how.Backend switch
        {
            FirewallBackend.Iptables => NftFamilyTerms.Both
                .Select(terms => IptablesForward.Missing(socket, terms, Of(terms, addresses.Select(a => a.Address)), how.AdminChain)).FirstOrDefault(m => m is not null),
            FirewallBackend.Nftables => MissingHere(socket, mark, addresses),
            _ => null,
        };
    }

    private static string? MissingHere(NftablesSocket socket, AttachmentMark mark, IReadOnlyList<CniAddress> addresses)
    {
        var present = ContainerSets.Where(c => c.Backend == FirewallBackend.Nftables).SelectMany(c => socket.Elements(NftFamily.Inet, Table, c.Set))
            .Where(e => mark.IsSameAs(AttachmentMark.OfComment(e.Comment))).Select(e => e.Key[0].Address).ToHashSet();
        return addresses.FirstOrDefault(a => !present.Contains(a.Address)) is { } missing ? $"{missing.Address} is not admitted any more"
            : IptablesChains(socket).Any(family => !HasRule(socket, family)) ? $"the chain {IptablesForward.Hook} of iptables does not admit containers any more"
            : null;
    }

    /// <summary>Removes the containers of the marks that match, and lets bridges go whose last one that was.</summary>
    /// <param name="known">Addresses that are the container's, whatever is noted here: the reference plugin may have admitted them.</param>
    /// <returns>The addresses that firewalld was told.</returns>
    public static IReadOnlyCollection<IPAddress> Remove(NftablesSocket socket, string network, Func<AttachmentMark?, bool> matches, IEnumerable<IPAddress>? known = null)
    {
        HashSet<IPAddress> told = [];
        NftRetry.Run(() =>
        {
            told.Clear();
            var generation = socket.Generation();
            var change = new NftTransaction(NftFamily.Inet, Table);
            var othersOfNetwork = 0;
            var (left, others) = (known?.ToHashSet() ?? [], new HashSet<IPAddress>());
            foreach (var (backend, set, _) in ContainerSets)
            {
                var elements = socket.Elements(NftFamily.Inet, Table, set).ToLookup(e => matches(AttachmentMark.OfComment(e.Comment)));
                othersOfNetwork += elements[false].Count(e => IsOf(network, e));
                change.AddRange(Deletion(set, elements[true]));
                var addresses = elements[true].Select(e => e.Key[0].Address!).ToList();
                left.UnionWith(backend == FirewallBackend.Iptables ? addresses : []);
                told.UnionWith(backend == FirewallBackend.Firewalld ? addresses : []);
                others.UnionWith(elements[false].Select(e => e.Key[0].Address!));
            }

            if (othersOfNetwork == 0)
            {
                foreach (var set in (ImmutableArray<NftSet>)[s_kept, s_open])
                {
                    change.AddRange(Deletion(set, socket.Elements(NftFamily.Inet, Table, set).Where(e => IsOf(network, e))));
                }
            }

            // An address may have been given to the next container before the last one's DEL comes.
            left.ExceptWith(others);
            told.ExceptWith(others);
            NftTransaction[] all = [change, .. NftFamilyTerms.Both.Select(terms => IptablesForward.Withdraw(socket, terms, Of(terms, left)))];
            if (all.Any(c => !c.IsEmpty))
            {
                socket.Commit([.. all.Where(c => !c.IsEmpty)], generation);
            }
        });
        return told;
    }

    private static List<IPAddress> Of(NftFamilyTerms terms, IEnumerable<IPAddress> addresses) => [.. addresses.Where(a => AddressText.IsIPv4(a) == terms.IsIPv4).Distinct()];

    private static bool IsOf(string network, NftElement element) => AttachmentMark.OfComment(element.Comment)?.IsStale(network, []) == true;

    private static NftTransaction Constant(string adminChain) => new NftTransaction(NftFamily.Inet, Table)
        .Add(new AddTable("CNI: who may speak with containers through this host"))
        .AddRange(ContainerSets.Select(c => new AddSet(c.Set)))
        .Add(new AddSet(s_kept))
        .Add(new AddSet(s_open))
        .Add(new AddChain(adminChain))
        .Add(new AddChain(Hook, new NftBaseChain(NftChainType.Filter, NftHook.Forward, BeforeFilters)))
        .Add(new FlushChain(Hook))
        .Add(new AddRule(Hook, Act.Jump(adminChain)))
        .Add(new AddRule(
            Hook, Match.In(Load.IifName, s_kept), Match.In(Load.OifName, s_kept), Match.NotIn(Load.Concat(Load.IifName, Load.OifName), s_open), Act.Drop))
        .AddRange(ContainerSets.Where(c => c.Backend == FirewallBackend.Nftables).SelectMany(c =>
        {
            var set = c.Set;
            var (source, destination) = c.IsIPv4 ? (Load.IpSaddr, Load.IpDaddr) : (Load.Ip6Saddr, Load.Ip6Daddr);
            return (NftOperation[])
            [
                new AddRule(Hook, Match.In(source, set), Act.SetMarkBits(AdmittedBit, AdmittedBit)),
                new AddRule(Hook, Match.In(destination, set), Match.State(CtState.Established | CtState.Related), Act.SetMarkBits(AdmittedBit, AdmittedBit)),
                new AddRule(Hook, Match.In(destination, set), Match.Status(CtStatus.DestinationNat), Act.SetMarkBits(AdmittedBit, AdmittedBit)),
            ];
        }));

    private static IEnumerable<NftOperation> Deletion(NftSet set, IEnumerable<NftElement> elements)
        => elements.ToImmutableArray() is { IsEmpty: false } some ? [new DeleteElements(set, some)] : [];

    private static IEnumerable<NftFamily> IptablesChains(NftablesSocket socket)
        => new[] { NftFamily.Ip, NftFamily.Ip6 }.Where(family => socket.Chains(family, IptablesForward.Table).Any(c => c.Name == IptablesForward.Hook));

    private static bool HasRule(NftablesSocket socket, NftFamily family)
        => socket.Rules(family, IptablesForward.Table, IptablesForward.Hook).Any(r => r.Comment == RuleComment);

    private static void AdmitInIptables(NftablesSocket socket) => NftRetry.Run(() =>
    {
        foreach (var family in IptablesChains(socket))
        {
            var generation = socket.Generation();
            if (!HasRule(socket, family))
            {
                socket.Commit(
                    new NftTransaction(family, IptablesForward.Table)
                        .Add(new InsertRule(IptablesForward.Hook, [Match.Bits(Load.Mark, AdmittedBit, AdmittedBit), Act.Accept], RuleComment)),
                    generation);
            }
        }
    });
}

/// <summary>How a container is admitted.</summary>
/// <param name="Bridge">The bridge to keep apart from others; null for none.</param>
/// <param name="OpenWithin">Whether its containers may speak with each other through the host.</param>
/// <param name="AdminChain">The administrator's chain.</param>
/// <param name="Backend">What admits.</param>
internal sealed record Admission(string? Bridge, bool OpenWithin, string AdminChain, FirewallBackend Backend);

/// <summary>What admits containers.</summary>
internal enum FirewallBackend
{
    /// <summary>Our own table.</summary>
    Nftables,

    /// <summary>The tables of iptables (nft).</summary>
    Iptables,

    /// <summary>A zone of firewalld.</summary>
    Firewalld,
}
