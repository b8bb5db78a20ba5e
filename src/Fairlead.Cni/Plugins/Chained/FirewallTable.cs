using System.Collections.Immutable;
using Fairlead.Cni.Protocol;
using Fairlead.Linux;
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
/// </remarks>
internal static class FirewallTable
{
    public const string Table = "fairlead-cni-firewall";
    private const string Hook = "forward";
    private const string ForwardOfIptables = "FORWARD";
    private const string FilterOfIptables = "filter";
    private const uint AdmittedBit = 0x0100_0000;
    private const int BeforeFilters = -1;
    private const int Attempts = 1000;
    private const string RuleComment = "fairlead-cni: admitted containers";

    private static readonly NftSet s_containers4 = new("containers", [NftType.Ipv4Address]);
    private static readonly NftSet s_containers6 = new("containers6", [NftType.Ipv6Address]);
    private static readonly NftSet s_kept = new("kept-bridges", [NftType.InterfaceName]);
    private static readonly NftSet s_open = new("open-within", [NftType.InterfaceName, NftType.InterfaceName]);

    private static ImmutableArray<NftSet> ContainerSets => [s_containers4, s_containers6];

    /// <summary>Admits a container's addresses and keeps its bridge.</summary>
    /// <param name="bridge">The bridge to keep apart from others; null for none.</param>
    /// <param name="openWithin">Whether its containers may speak with each other through the host.</param>
    public static void Add(AttachmentMark mark, IReadOnlyList<CniAddress> addresses, string? bridge, bool openWithin, string adminChain)
    {
        using var socket = NftablesSocket.Open();
        Retry(() =>
        {
            var generation = socket.Generation();
            var change = Ensure(adminChain);
            foreach (var set in ContainerSets)
            {
                // The address is this container's, so whatever is said of it is left from one that was not removed.
                var own = addresses.Where(a => AddressText.IsIPv4(a.Address) == (set == s_containers4)).Select(a => new NftElement([a.Address]) { Comment = mark.Comment }).ToList();
                var stale = socket.Elements(NftFamily.Inet, Table, set).Where(e => own.Any(o => o.Key == e.Key) || mark.IsSameAs(AttachmentMark.OfComment(e.Comment)));
                change.AddRange(Deletion(set, stale)).Add(new AddElements(set, own));
            }

            if (bridge is not null)
            {
                change.AddRange(Deletion(s_kept, socket.Elements(NftFamily.Inet, Table, s_kept).Where(e => e.Key[0] == bridge)))
                    .Add(new AddElements(s_kept, new NftElement([bridge]) { Comment = mark.Comment }))
                    .AddRange(Deletion(s_open, socket.Elements(NftFamily.Inet, Table, s_open).Where(e => e.Key[0] == bridge)));
                if (openWithin)
                {
                    change.Add(new AddElements(s_open, new NftElement([bridge, bridge]) { Comment = mark.Comment }));
                }
            }

            socket.Commit(change, generation);
        });
        AdmitInIptables(socket);
    }

    /// <summary>What of an attachment's is missing.</summary>
    public static string? Missing(AttachmentMark mark, IReadOnlyList<CniAddress> addresses, string? bridge)
    {
        using var socket = NftablesSocket.Open();
        var present = ContainerSets.SelectMany(set => socket.Elements(NftFamily.Inet, Table, set))
            .Where(e => mark.IsSameAs(AttachmentMark.OfComment(e.Comment))).Select(e => e.Key[0].Address).ToHashSet();
        return addresses.FirstOrDefault(a => !present.Contains(a.Address)) is { } missing ? $"{missing.Address} is not admitted any more"
            : bridge is not null && !socket.Elements(NftFamily.Inet, Table, s_kept).Any(e => e.Key[0] == bridge) ? $"bridge '{bridge}' is not kept from others any more"
            : IptablesChains(socket).Any(family => !HasRule(socket, family)) ? $"the chain {ForwardOfIptables} of iptables does not admit containers any more"
            : null;
    }

    /// <summary>Removes the containers of the marks that match, and lets bridges go whose last one that was.</summary>
    public static void Remove(string network, Func<AttachmentMark?, bool> matches)
    {
        using var socket = NftablesSocket.Open();
        Retry(() =>
        {
            var generation = socket.Generation();
            var change = new NftTransaction(NftFamily.Inet, Table);
            var othersOfNetwork = 0;
            foreach (var set in ContainerSets)
            {
                var elements = socket.Elements(NftFamily.Inet, Table, set).ToLookup(e => matches(AttachmentMark.OfComment(e.Comment)));
                othersOfNetwork += elements[false].Count(e => IsOf(network, e));
                change.AddRange(Deletion(set, elements[true]));
            }

            if (othersOfNetwork == 0)
            {
                foreach (var set in (ImmutableArray<NftSet>)[s_kept, s_open])
                {
                    change.AddRange(Deletion(set, socket.Elements(NftFamily.Inet, Table, set).Where(e => IsOf(network, e))));
                }
            }

            if (!change.IsEmpty)
            {
                socket.Commit(change, generation);
            }
        });
    }

    private static bool IsOf(string network, NftElement element) => AttachmentMark.OfComment(element.Comment)?.IsStale(network, []) == true;

    private static NftTransaction Ensure(string adminChain) => new NftTransaction(NftFamily.Inet, Table)
        .Add(new AddTable("CNI: who may speak with containers through this host"))
        .Add(new AddSet(s_containers4))
        .Add(new AddSet(s_containers6))
        .Add(new AddSet(s_kept))
        .Add(new AddSet(s_open))
        .Add(new AddChain(adminChain))
        .Add(new AddChain(Hook, new NftBaseChain(NftChainType.Filter, NftHook.Forward, BeforeFilters)))
        .Add(new FlushChain(Hook))
        .Add(new AddRule(Hook, Act.Jump(adminChain)))
        .Add(new AddRule(
            Hook, Match.In(Load.IifName, s_kept), Match.In(Load.OifName, s_kept), Match.NotIn(Load.Concat(Load.IifName, Load.OifName), s_open), Act.Drop))
        .AddRange(ContainerSets.SelectMany(set =>
        {
            var (source, destination) = set == s_containers4 ? (Load.IpSaddr, Load.IpDaddr) : (Load.Ip6Saddr, Load.Ip6Daddr);
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
        => new[] { NftFamily.Ip, NftFamily.Ip6 }.Where(family => socket.Chains(family, FilterOfIptables).Any(c => c.Name == ForwardOfIptables));

    private static bool HasRule(NftablesSocket socket, NftFamily family)
        => socket.Rules(family, FilterOfIptables, ForwardOfIptables).Any(r => r.Comment == RuleComment);

    private static void AdmitInIptables(NftablesSocket socket) => Retry(() =>
    {
        foreach (var family in IptablesChains(socket))
        {
            var generation = socket.Generation();
            if (!HasRule(socket, family))
            {
                socket.Commit(
                    new NftTransaction(family, FilterOfIptables)
                        .Add(new InsertRule(ForwardOfIptables, [Match.Bits(Load.Mark, AdmittedBit, AdmittedBit), Act.Accept], RuleComment)),
                    generation);
            }
        }
    });

    private static void Retry(Action change)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                change();
                return;
            }
            catch (LinuxException e) when (e.Errno == Errno.Restart && attempt < Attempts)
            {
                // Somebody committed in between, which is progress: theirs now, ours next.
            }
        }
    }
}
