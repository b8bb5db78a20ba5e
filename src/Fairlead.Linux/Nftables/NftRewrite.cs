using Fairlead.Linux.Netlink;

namespace Fairlead.Linux.Nftables;

/// <summary>Brings a table from whatever it holds to what it shall hold, so that every packet meets the old rules or the new ones.</summary>
/// <remarks>
/// To delete a table and to make it again in one transaction is not enough: the kernel puts the hooks of new chains before those of
/// the old, and a packet on its way while the change comes into force passes the new chains while they are still empty and the old
/// ones when they already are; likewise a rule of the old kind finds nothing in a set that is replaced. So chains and sets that
/// stay are kept as they are, and only their rules and elements are exchanged.
/// </remarks>
public static class NftRewrite
{
    /// <summary>Whether chains, sets and rules of a table are what a transaction would make in an empty one; elements are not looked at.</summary>
    /// <param name="wanted">Adds a table, sets, chains, rules and elements, and nothing else.</param>
    public static bool IsInForce(NftTransaction wanted, IReadOnlyList<NftChainEntry> chains, IReadOnlyList<NftSet> sets, IReadOnlyList<NftRuleEntry> rules)
    {
        ArgumentNullException.ThrowIfNull(wanted);
        return Same(wanted.Operations.OfType<AddChain>().Select(c => Shape(wanted, c)), chains.Select(c => Shape(wanted, c)))
            && Same(wanted.Operations.OfType<AddSet>().Select(s => Shape(wanted, s)), sets.Select(s => Shape(wanted, s)))
            && InOrder(RulesOf(wanted)).SequenceEqual(InOrder(rules));
    }

    /// <summary>The operations that bring a table there which holds these chains and sets, or does not exist where there are none.</summary>
    /// <param name="wanted">Adds a table, sets, chains, rules and elements, and nothing else.</param>
    public static NftTransaction Plan(NftTransaction wanted, IReadOnlyList<NftChainEntry> chains, IReadOnlyList<NftSet> sets)
    {
        ArgumentNullException.ThrowIfNull(wanted);
        var wantedSets = wanted.Operations.OfType<AddSet>().Select(s => Shape(wanted, s)).ToHashSet(StringComparer.Ordinal);
        var wantedChains = wanted.Operations.OfType<AddChain>().Select(c => Shape(wanted, c)).ToHashSet(StringComparer.Ordinal);

        // Rules first and elements next, for they hold sets and chains that others of them name.
        return new NftTransaction(wanted.Family, wanted.Table)
            .AddRange(wanted.Operations.OfType<AddTable>())
            .Add(new FlushTable())
            .AddRange(sets.Select(s => wantedSets.Contains(Shape(wanted, s)) ? (NftOperation)new FlushSet(s) : new DeleteSet(s)))
            .AddRange(chains.Where(c => !wantedChains.Contains(Shape(wanted, c))).Select(c => new DeleteChain(c.Name)))
            .AddRange(wanted.Operations.Where(o => o is not AddTable));
    }

    internal static string Shape(NftTransaction table, NftChainEntry chain) => Shape(table, new AddChain(chain.Name, chain.Base, chain.Comment));

    internal static string Shape(NftTransaction table, NftSet set) => Shape(table, new AddSet(set));

    private static string Shape(NftTransaction table, NftOperation operation) => operation.Render(table.Name);

    private static bool Same(IEnumerable<string> a, IEnumerable<string> b)
        => a.Order(StringComparer.Ordinal).SequenceEqual(b.Order(StringComparer.Ordinal), StringComparer.Ordinal);

    private static IEnumerable<(string Chain, string? Comment, string Text)> InOrder(IEnumerable<NftRuleEntry> rules)
        => rules.Select(r => (r.Chain, r.Comment, Uncounted(r.Text))).OrderBy(r => r.Chain, StringComparer.Ordinal);

    /// <summary>The rules that a transaction adds, worded as they would be if they were read back from the kernel.</summary>
    internal static IReadOnlyList<NftRuleEntry> RulesOf(NftTransaction transaction)
    {
        // To add a set twice is allowed.
        var sets = transaction.Operations.OfType<AddSet>().DistinctBy(o => o.Set.Name, StringComparer.Ordinal).ToDictionary(o => o.Set.Name, o => new NftSetContents(o.Set, []), StringComparer.Ordinal);
        using var batch = new NetlinkBatch(0);
        new NftTransaction(transaction.Family, transaction.Table).AddRange(transaction.Operations.Where(o => o is not AddElements)).Encode(batch, new(), []);
        var rules = new List<NftRuleEntry>();
        for (var i = 0; i < batch.Count; i++)
        {
            if (NftDump.ReadRule(new NetlinkMessage(batch.Message(i)), transaction.Table, null) is { } rule)
            {
                rules.Add(rule.Entry with { Text = NftRuleText.Of(transaction.Family, rule.Program, sets.GetValueOrDefault) });
            }
        }

        return rules;
    }

    /// <summary>Without what its counters have counted.</summary>
    internal static string Uncounted(string text)
    {
        var words = text.Split(' ').ToList();
        for (var i = words.Count - 5; i >= 0; i--)
        {
            if (words[i] == "counter" && words[i + 1] == "packets" && words[i + 3] == "bytes")
            {
                words.RemoveRange(i + 1, 4);
            }
        }

        return string.Join(' ', words);
    }
}
