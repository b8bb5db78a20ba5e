using System.Text;
using Fairlead.Linux.Conntrack;
using Fairlead.Linux.Netlink;
using Fairlead.Linux.Netlink.Generic;
using Fairlead.Linux.Nftables;
using Fairlead.Tests.Fixtures;

namespace Fairlead.Tests.Linux;

/// <summary>What a kernel answered once, decoded to what stands beside it; and the same answers spoilt.</summary>
public sealed class NetfilterCorpusTests
{
    private static readonly string[] s_kinds = ["nft-", "conntrack-", "generic-"];

    public static TheoryData<string> All => [.. s_kinds.SelectMany(kind => Corpus.Named(kind)).Select(row => row.Data)];

    [Theory, MemberData(nameof(All))]
    public void A_recorded_answer_decodes_to_what_it_says(string name)
    {
        var text = string.Concat(Corpus.Read(name).Select(bytes => Decode(name, bytes)));

        Assert.NotEqual("", text);
        Golden.Match(text, Corpus.Expected(name));
    }

    [Theory, MemberData(nameof(All))]
    public void No_cut_answer_is_read_past_its_end(string name) => Fuzz.RunCut(Corpus.Read(name), bytes => Decode(name, bytes));

    [Theory, MemberData(nameof(All))]
    public void No_changed_answer_throws_hangs_or_is_read_past_its_end(string name) => Fuzz.Run(Corpus.Read(name), bytes => Decode(name, bytes), rounds: 3_000);

    /// <summary>What each reader makes of the messages; the file's name says which.</summary>
    private static string Decode(string name, ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder();
        if (name == "nft-events")
        {
            return string.Concat(NftablesMonitor.Read(bytes).Select(c => c with { PortId = 0 }).Select(c => $"{c}\n"));
        }

        var reader = new NetlinkReader(bytes);
        while (reader.TryRead(out var message))
        {
            if (Read(name, message) is { } item)
            {
                _ = text.Append(item).Append('\n');
            }
        }

        return text.ToString();
    }

    private static string? Read(string name, NetlinkMessage message) => name switch
    {
        "nft-tables" => NftDump.ReadTable(message)?.ToString(),
        "nft-chains" => NftDump.ReadChain(message, NftFamily.Inet, "corpus")?.ToString(),
        "nft-rules" => NftDump.ReadRule(message, "corpus", null) is { } rule ? $"{rule.Entry.Handle} {Rule(rule)}" : null,
        "nft-sets" => (NftSetDump.ReadSet(message, "corpus") ?? NftSetDump.ReadSet(message, "corpus", isAnonymous: true)) is { } set ? Set(set) : null,
        "nft-objects" => NftDump.ReadObject(message, "corpus") is { } named ? $"{named.Kind} {named.Name}: {named.Words} {named.Comment}" : null,
        "conntrack-entries" => ConntrackMessages.Read(message)?.ToString(),
        "generic-families" => GenericMessages.ReadFamily(message)?.ToString(),
        _ => Elements(name["nft-elements-".Length..], message),
    };

    private static string Set(NftSet set) => $"{new AddSet(set).Render("inet corpus")}";

    private static string Rule(NftReadRule rule)
        => $"{rule.Entry.Chain}: {NftRuleText.Of(NftFamily.Inet, rule.Program, name => s_sets.TryGetValue(name, out var set) ? new(set, []) : null)} # {rule.Entry.Comment} {rule.Entry.Counts}";

    private static string Elements(string name, NetlinkMessage message)
        => string.Join('\n', NftSetDump.Join(s_sets[name], NftSetDump.ReadElements(message, s_sets[name]) ?? []).Select(e => e.Format(s_sets[name])));

    private static readonly Dictionary<string, NftSet> s_sets = new NftSet[]
    {
        new("services", [NftType.Ipv4Address, NftType.InetProtocol, NftType.InetService]) { IsVerdictMap = true },
        new("endpoints", [NftType.Ipv4Address, NftType.Index]) { Data = [NftType.Ipv4Address, NftType.InetService] },
        new("objects", [NftType.Ipv4Address]) { ObjectKind = "counter" },
        new("networks", [NftType.Ipv4Address]) { IsInterval = true },
        new("pairs", [NftType.Ipv6Address, NftType.InetService]) { IsInterval = true, HasCounters = true },
        new("timed", [NftType.EtherAddress]) { IsDynamic = true, Timeout = TimeSpan.FromMinutes(5) },
        new("names", [NftType.InterfaceName]),
    }.ToDictionary(s => s.Name, StringComparer.Ordinal);
}
