using System.Text;

namespace Fairlead.Linux.Nftables;

/// <summary>A table with all that is in it.</summary>
public sealed record NftTable(NftTableEntry Entry)
{
    public ValueArray<NftChainEntry> Chains { get; init; }

    /// <summary>The rules of all chains, those of one chain in order.</summary>
    public ValueArray<NftRuleEntry> Rules { get; init; }

    public ValueArray<NftSet> Sets { get; init; }

    /// <summary>The elements of each of <see cref="Sets"/>.</summary>
    public ValueArray<ValueArray<NftElement>> Elements { get; init; }

    public ValueArray<NftObject> Objects { get; init; }

    public ValueArray<NftFlowtable> Flowtables { get; init; }

    /// <summary>As <c>nft list table</c> shows it, one element a line.</summary>
    public override string ToString() => NftListing.Of(this);
}

/// <summary>The nftables of a namespace at one moment.</summary>
/// <param name="Generation">The number of changes until then (<see cref="NftablesSocket.Generation"/>).</param>
public sealed record NftRuleset(uint Generation, ValueArray<NftTable> Tables)
{
    /// <summary>As <c>nft list ruleset</c> shows it, one element a line.</summary>
    public override string ToString() => string.Concat(Tables.Items.Select(t => t.ToString()));
}

/// <summary>Tables in the form of <c>nft list</c>, which <c>nft -f</c> reads.</summary>
internal static class NftListing
{
    private static readonly (string Name, int Priority, NftFamily[] Families)[] s_priorities =
    [
        ("raw", -300, [NftFamily.Ip, NftFamily.Ip6, NftFamily.Inet]),
        ("mangle", -150, [NftFamily.Ip, NftFamily.Ip6, NftFamily.Inet]),
        ("dstnat", -100, [NftFamily.Ip, NftFamily.Ip6, NftFamily.Inet]),
        ("filter", 0, [NftFamily.Ip, NftFamily.Ip6, NftFamily.Inet, NftFamily.Arp, NftFamily.Netdev]),
        ("security", 50, [NftFamily.Ip, NftFamily.Ip6, NftFamily.Inet]),
        ("srcnat", 100, [NftFamily.Ip, NftFamily.Ip6, NftFamily.Inet]),
        ("dstnat", -300, [NftFamily.Bridge]),
        ("filter", -200, [NftFamily.Bridge]),
        ("out", 100, [NftFamily.Bridge]),
        ("srcnat", 300, [NftFamily.Bridge]),
    ];

    internal static string Of(NftTable table)
    {
        var text = new StringBuilder();
        var entry = table.Entry;
        _ = text.Append($"table {NftText.Family(entry.Family)} {entry.Name} {{\n");
        Line(text, 1, entry.Flags == NftTableFlags.None ? null : $"flags {NftText.Flags(entry.Flags)}");
        Line(text, 1, entry.Comment is { } comment ? $"comment \"{comment}\"" : null);
        List<Action> blocks = [];
        blocks.AddRange(table.Objects.Items.Select(o => (Action)(() => Append(text, o))));
        blocks.AddRange(table.Sets.Items.Zip(table.Elements.Items, (s, e) => (Action)(() => Append(text, s, e))));
        blocks.AddRange(table.Flowtables.Items.Select(f => (Action)(() => Append(text, f))));
        blocks.AddRange(table.Chains.Items.Select(c => (Action)(() => Append(text, entry.Family, c, table.Rules.Items.Where(r => r.Chain == c.Name)))));
        for (var i = 0; i < blocks.Count; i++)
        {
            _ = text.Append(i > 0 || entry.Flags != NftTableFlags.None ? "\n" : "");
            blocks[i]();
        }

        return text.Append("}\n").ToString();
    }

    internal static string Priority(NftFamily family, NftHook hook, int priority)
    {
        // Names reach ten to either side, but for those that are a number anyway.
        foreach (var (name, middle, families) in s_priorities)
        {
            var isOfHook = name switch
            {
                "dstnat" => hook == NftHook.Prerouting,
                "srcnat" => hook == NftHook.Postrouting,
                "out" => hook == NftHook.Output,
                _ => true,
            };
            if (isOfHook && families.Contains(family) && Math.Abs(priority - middle) <= 10)
            {
                var off = priority - middle;
                return off == 0 ? name : NftText.Invariant($"{name} {(off < 0 ? '-' : '+')} {Math.Abs(off)}");
            }
        }

        return NftText.Invariant($"{priority}");
    }

    private static void Append(StringBuilder text, NftObject named)
    {
        Line(text, 1, $"{named.Kind} {named.Name} {{");
        Line(text, 2, named.Comment is { } comment ? $"comment \"{comment}\"" : null);
        Line(text, 2, named.Words);
        Line(text, 1, "}");
    }

    private static void Append(StringBuilder text, NftSet set, ValueArray<NftElement> elements)
    {
        var byExample = set.NeedsTypeof;
        Line(text, 1, $"{(set.IsMap ? "map" : "set")} {set.Name} {{");
        Line(text, 2, $"{(byExample ? "typeof" : "type")} {AddSet.Types(set.Key, byExample)}{set.DataWords}");
        Line(text, 2, set.Size is { } size ? NftText.Invariant($"size {size}") : null);
        Line(text, 2, set.FlagWords.Length > 0 ? $"flags {set.FlagWords}" : null);
        Line(text, 2, set.HasCounters ? "counter" : null);
        Line(text, 2, set.Timeout is { } timeout ? $"timeout {NftText.Duration(timeout)}" : null);
        Line(text, 2, set.GcInterval is { } pause ? $"gc-interval {NftText.Duration(pause)}" : null);
        Line(text, 2, set.Comment is { } comment ? $"comment \"{comment}\"" : null);
        Line(text, 2, elements.Count > 0 ? $"elements = {{ {string.Join(",\n\t\t\t     ", elements.Items.Select(e => e.Format(set)))} }}" : null);
        Line(text, 1, "}");
    }

    private static void Append(StringBuilder text, NftFlowtable flowtable)
    {
        Line(text, 1, $"flowtable {flowtable.Name} {{");
        Line(text, 2, $"hook ingress priority {Priority(NftFamily.Netdev, NftHook.Ingress, flowtable.Priority)}");
        Line(text, 2, $"devices = {{ {string.Join(", ", flowtable.Devices.Items.Select(d => $"\"{d}\""))} }}");
        Line(text, 1, "}");
    }

    private static void Append(StringBuilder text, NftFamily family, NftChainEntry chain, IEnumerable<NftRuleEntry> rules)
    {
        Line(text, 1, $"chain {chain.Name} {{");
        Line(text, 2, chain.Comment is { } comment ? $"comment \"{comment}\"" : null);
        Line(text, 2, chain.Base is { } tied
            ? $"type {NftText.Word(tied.Type)} hook {NftText.Word(tied.Hook)}{NftHooks.DevicesText(tied.Devices)} priority {Priority(family, tied.Hook, tied.Priority)}; policy {(tied.AcceptByDefault ? "accept" : "drop")};"
            : null);
        foreach (var rule in rules)
        {
            Line(text, 2, rule.Comment is { } about ? $"{rule.Text} comment \"{about}\"" : rule.Text);
        }

        Line(text, 1, "}");
    }

    private static void Line(StringBuilder text, int depth, string? line)
        => _ = line is null ? text : text.Append('\t', depth).Append(line).Append('\n');
}
