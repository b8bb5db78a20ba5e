namespace Fairlead.Linux.Nftables;

/// <summary>What a table holds, or shall hold, in a form in which two can be compared.</summary>
internal sealed class NftTableContent
{
    private readonly NftTransaction _table;
    private readonly bool _exists;
    private readonly IReadOnlyList<NftOperation> _tableOperations;
    private readonly Dictionary<string, (string Shape, NftSet Set, Dictionary<ValueArray<NftValue>, NftElement> Elements)> _sets = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (string Shape, AddChain Chain, List<(string Text, AddRule? Rule)> Rules)> _chains = new(StringComparer.Ordinal);

    private NftTableContent(NftTransaction table, bool exists, IReadOnlyList<NftOperation> tableOperations)
        => (_table, _exists, _tableOperations) = (table, exists, tableOperations);

    /// <summary>What a transaction makes of an empty table.</summary>
    public static NftTableContent Of(NftTransaction wanted)
    {
        var content = new NftTableContent(wanted, exists: true, [.. wanted.Operations.OfType<AddTable>()]);
        foreach (var add in wanted.Operations.OfType<AddSet>())
        {
            content._sets[add.Set.Name] = (NftRewrite.Shape(wanted, add.Set), add.Set, []);
        }

        foreach (var add in wanted.Operations.OfType<AddElements>())
        {
            var elements = content._sets[add.Set.Name].Elements;
            foreach (var element in add.Elements)
            {
                elements[element.Key] = element.Comment is { } comment ? element with { Comment = NftUserData.Clean(comment) } : element;
            }
        }

        foreach (var add in wanted.Operations.OfType<AddChain>())
        {
            content._chains[add.Name] = (NftRewrite.Shape(wanted, new NftChainEntry(add.Name, add.Base, add.Comment)), add, []);
        }

        foreach (var (add, rule) in wanted.Operations.OfType<AddRule>().Zip(NftRewrite.RulesOf(wanted)))
        {
            content._chains[add.Chain].Rules.Add((Line(rule), add));
        }

        return content;
    }

    /// <summary>What the kernel holds; empty where there is no such table.</summary>
    public static NftTableContent Read(NftablesSocket socket, NftFamily family, string table)
    {
        var name = new NftTransaction(family, table);
        var content = new NftTableContent(name, socket.HasTable(family, table), []);
        foreach (var set in socket.Sets(family, table))
        {
            content._sets[set.Name] = (NftRewrite.Shape(name, set), set, socket.Elements(family, table, set).ToDictionary(e => e.Key));
        }

        foreach (var chain in socket.Chains(family, table))
        {
            content._chains[chain.Name] = (NftRewrite.Shape(name, chain), new AddChain(chain.Name, chain.Base, chain.Comment), []);
        }

        foreach (var rule in socket.Rules(family, table))
        {
            content._chains[rule.Chain].Rules.Add((Line(rule), null));
        }

        return content;
    }

    /// <summary>The transactions that lead here, one after the other; none where nothing differs.</summary>
    public IReadOnlyList<IReadOnlyList<NftOperation>> StepsFrom(NftTableContent actual)
    {
        // A set or chain of the same name and another shape can only be replaced.
        if (_sets.Any(s => actual._sets.TryGetValue(s.Key, out var there) && there.Shape != s.Value.Shape)
            || _chains.Any(c => actual._chains.TryGetValue(c.Key, out var there) && there.Shape != c.Value.Shape))
        {
            return [NftRewrite.Plan(
                _table, [.. actual._chains.Values.Select(c => new NftChainEntry(c.Chain.Name, c.Chain.Base, c.Chain.Comment))], [.. actual._sets.Values.Select(s => s.Set)]).Operations];
        }

        return [.. new[] { Made(actual), Changed(actual), Removed(actual) }.Where(step => step.Count > 0)];
    }

    private static string Line(NftRuleEntry rule) => $"{NftRewrite.Uncounted(rule.Text)} # {rule.Comment}";

    private List<NftOperation> Made(NftTableContent actual)
    {
        var sets = _sets.Where(s => !actual._sets.ContainsKey(s.Key)).Select(s => s.Value).ToList();
        var chains = _chains.Where(c => !actual._chains.ContainsKey(c.Key)).Select(c => c.Value).ToList();
        return
        [
            .. actual._exists ? [] : _tableOperations,
            .. sets.Select(s => new AddSet(s.Set)),
            .. chains.Select(c => c.Chain),
            .. sets.Where(s => s.Elements.Count > 0).Select(s => new AddElements(s.Set, [.. s.Elements.Values])),
            .. chains.SelectMany(c => c.Rules).Select(r => r.Rule!),
        ];
    }

    private List<NftOperation> Changed(NftTableContent actual)
    {
        var step = new List<NftOperation>();
        foreach (var (name, wanted) in _sets)
        {
            if (!actual._sets.TryGetValue(name, out var there))
            {
                continue;
            }

            var gone = there.Elements.Where(e => !wanted.Elements.TryGetValue(e.Key, out var keep) || !keep.Equals(e.Value)).Select(e => new NftElement(e.Key)).ToList();
            var come = wanted.Elements.Where(e => !there.Elements.TryGetValue(e.Key, out var known) || !known.Equals(e.Value)).Select(e => e.Value).ToList();
            if (gone.Count > 0)
            {
                step.Add(new DeleteElements(wanted.Set, gone));
            }

            if (come.Count > 0)
            {
                step.Add(new AddElements(wanted.Set, come));
            }
        }

        foreach (var (name, wanted) in _chains)
        {
            if (actual._chains.TryGetValue(name, out var there) && !there.Rules.Select(r => r.Text).SequenceEqual(wanted.Rules.Select(r => r.Text), StringComparer.Ordinal))
            {
                step.Add(new FlushChain(name));
                step.AddRange(wanted.Rules.Select(r => r.Rule!));
            }
        }

        return step;
    }

    private List<NftOperation> Removed(NftTableContent actual)
    {
        var chains = actual._chains.Keys.Where(name => !_chains.ContainsKey(name)).ToList();
        var sets = actual._sets.Where(s => !_sets.ContainsKey(s.Key)).Select(s => s.Value.Set).ToList();
        return
        [
            .. chains.Select(name => new FlushChain(name)),
            .. sets.Select(set => new FlushSet(set)),
            .. chains.Select(name => new DeleteChain(name)),
            .. sets.Select(set => new DeleteSet(set)),
        ];
    }
}
