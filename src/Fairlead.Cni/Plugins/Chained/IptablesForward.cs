using System.Net;
using Fairlead.Linux;
using Fairlead.Linux.Nftables;

namespace Fairlead.Cni.Plugins.Chained;

/// <summary>Containers in the tables of iptables (nft), rule by rule as the reference plugin has <c>iptables</c> write them.</summary>
/// <remarks>
/// So <c>iptables</c> lists them, the administrator's chain there is asked first, and either plugin checks and removes what the other
/// added. One rule a container is ours alone: a published port leads to it also where the policy of FORWARD is DROP.
/// </remarks>
internal static class IptablesForward
{
    public const string Table = "filter";
    public const string Hook = "FORWARD";
    private const string Containers = "CNI-FORWARD";

    /// <summary>Whether containers are admitted in these tables already, as the reference plugin leaves them.</summary>
    public static bool IsInUse(NftablesSocket socket)
        => NftFamilyTerms.Both.Any(terms => socket.Chains(terms.Family, Table).Any(c => c.Name == Containers));

    /// <summary>What is missing for addresses of one family to be admitted.</summary>
    public static NftTransaction Admit(NftablesSocket socket, NftFamilyTerms terms, IEnumerable<IPAddress> addresses, string adminChain)
    {
        var chains = socket.Chains(terms.Family, Table);
        var rules = socket.Rules(terms.Family, Table);
        var change = new NftTransaction(terms.Family, Table);
        if (!chains.Any(c => c.Name == Hook))
        {
            // Only where it is missing: to add it again would set its policy.
            change.Add(new AddTable()).Add(new AddChain(Hook, new NftBaseChain(NftChainType.Filter, NftHook.Forward, 0)));
        }

        change.AddRange(new[] { Containers, adminChain }.Where(name => !chains.Any(c => c.Name == name)).Select(name => new AddChain(name)));
        foreach (var (chain, rule) in Jumps(adminChain).Where(jump => Find(rules, jump.Chain, jump.Rule) is null))
        {
            change.Add(new InsertRule(chain, rule, null));
        }

        return change.AddRange(addresses.SelectMany(a => RulesOf(terms, a)).Where(rule => Find(rules, Containers, rule) is null).Select(rule => new AddRule(Containers, rule, null)));
    }

    /// <summary>The removal of addresses of one family, as far as they are there.</summary>
    public static NftTransaction Withdraw(NftablesSocket socket, NftFamilyTerms terms, IReadOnlyCollection<IPAddress> addresses)
    {
        var change = new NftTransaction(terms.Family, Table);
        if (addresses.Count == 0)
        {
            return change;
        }

        var rules = socket.Rules(terms.Family, Table, Containers);
        return change.AddRange(addresses.SelectMany(a => RulesOf(terms, a)).Select(rule => Find(rules, Containers, rule)).OfType<NftRuleEntry>()
            .Select(rule => new DeleteRule(Containers, rule.Handle)));
    }

    /// <summary>The first thing that is not there of what admits addresses of one family.</summary>
    public static string? Missing(NftablesSocket socket, NftFamilyTerms terms, IReadOnlyCollection<IPAddress> addresses, string adminChain)
    {
        var rules = addresses.Count == 0 ? [] : socket.Rules(terms.Family, Table);
        return addresses.Count == 0 ? null
            : Jumps(adminChain).Where(jump => Find(rules, jump.Chain, jump.Rule) is null).Select(jump => $"the chain {jump.Chain} of iptables has lost its rule for containers").FirstOrDefault()
            ?? addresses.Where(a => ReferenceRulesOf(terms, a).Any(rule => Find(rules, Containers, rule) is null)).Select(a => $"{a} is not admitted by {Containers} any more").FirstOrDefault();
    }

    private static IEnumerable<(string Chain, ValueArray<NftStatement> Rule)> Jumps(string adminChain) =>
    [
        (Hook, [XtMatch.Comment("CNI firewall plugin rules"), Act.Counter, Act.Jump(Containers)]),
        (Containers, [XtMatch.Comment("CNI firewall plugin admin overrides"), Act.Counter, Act.Jump(adminChain)]),
    ];

    private static IEnumerable<ValueArray<NftStatement>> RulesOf(NftFamilyTerms terms, IPAddress address) =>
    [
        .. ReferenceRulesOf(terms, address),
        [Match.Equal(terms.Destination, address), XtMatch.State(XtStates.DestinationNat), Act.Counter, Act.Accept],
    ];

    private static IEnumerable<ValueArray<NftStatement>> ReferenceRulesOf(NftFamilyTerms terms, IPAddress address) =>
    [
        [Match.Equal(terms.Destination, address), XtMatch.State(XtStates.Related | XtStates.Established), Act.Counter, Act.Accept],
        [Match.Equal(terms.Source, address), Act.Counter, Act.Accept],
    ];

    /// <summary>A rule that says the same, whatever it has counted.</summary>
    private static NftRuleEntry? Find(IEnumerable<NftRuleEntry> rules, string chain, ValueArray<NftStatement> wanted)
    {
        var text = string.Join(' ', wanted.Items.Select(s => s.ToString()));
        return rules.FirstOrDefault(rule => rule.Chain == chain && Words(rule) == text);
    }

    private static string Words(NftRuleEntry rule)
        => rule.Counts is { } counts ? rule.Text.Replace($"counter {counts}", "counter", StringComparison.Ordinal) : rule.Text;
}
