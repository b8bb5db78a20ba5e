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
        var named = wanted.Operations.OfType<AddSet>().ToDictionary(s => s.Set.Name, s => new NftSetContents(s.Set, []), StringComparer.Ordinal);
        return Same(wanted.Operations.OfType<AddChain>().Select(c => Shape(wanted, c)), chains.Select(c => Shape(wanted, c)))
            && Same(wanted.Operations.OfType<AddSet>().Select(s => Shape(wanted, s)), sets.Select(s => Shape(wanted, s)))
            && InOrder(wanted.Operations.OfType<AddRule>().Select(r => (r.Chain, Kept(r.Comment), Listed(wanted, r, named))))
                .SequenceEqual(InOrder(rules.Select(r => (r.Chain, r.Comment, Uncounted(r.Text)))));
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

    private static IEnumerable<(string Chain, string? Comment, string Text)> InOrder(IEnumerable<(string Chain, string? Comment, string Text)> rules)
        => rules.OrderBy(r => r.Chain, StringComparer.Ordinal);

    /// <summary>A comment as the kernel keeps it for us.</summary>
    internal static string? Kept(string? comment) => comment is null ? null : NftUserData.Clean(comment);

    /// <summary>A rule in the words in which it would be listed if the kernel had it.</summary>
    internal static string Listed(NftTransaction table, AddRule rule, Dictionary<string, NftSetContents> sets)
    {
        using var batch = new NetlinkBatch(1);
        new NftTransaction(table.Family, table.Table).Add(rule).Encode(batch, new(), []);
        var reader = new NetlinkReader(batch.Message(batch.Count - 1));
        return reader.TryRead(out var message) && NftDump.ReadRule(message, table.Table, rule.Chain) is { } read
            ? Uncounted(NftRuleText.Of(table.Family, read.Program, sets.GetValueOrDefault))
            : throw new InvalidOperationException($"no rule in {table}");
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
