using System.Collections.Immutable;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink;

namespace Fairlead.Linux.Nftables;

/// <summary>The nftables of one network namespace: commits transactions and reads what is there.</summary>
/// <remarks>Safe from several threads. Nothing here starts the <c>nft</c> program or takes a lock of its own.</remarks>
public sealed class NftablesSocket : IDisposable
{
    private readonly NetlinkSocket _socket;

    private NftablesSocket(NetlinkSocket socket) => _socket = socket;

    /// <summary>What the kernel knows this socket by; <see cref="NftablesMonitor"/> names it with each change made here.</summary>
    public uint PortId => _socket.PortId;

    /// <summary>Opens a socket in a namespace, or in the calling thread's.</summary>
    public static NftablesSocket Open(NetworkNamespace? network = null) => new(NetlinkSocket.Open(NetlinkProtocol.Netfilter, network));

    /// <summary>The number of changes so far, of anybody: what was read at one number is true while the number is the same.</summary>
    public uint Generation()
    {
        using var batch = _socket.NewBatch();
        var w = batch.Begin(NftConstants.Message(NftConstants.GetGen), NetlinkFlags.Ack);
        w.Header(NftEncoder.Header(0));
        batch.End(w);
        var generation = 0u;
        _socket.Request("nftables generation", batch, message =>
        {
            var attributes = message.Attributes<uint>(out _);
            while (attributes.TryRead(out var a))
            {
                generation = a.Type == NftConstants.GenId ? a.BigEndian32 : generation;
            }
        });
        return generation;
    }

    /// <summary>Commits one transaction.</summary>
    /// <exception cref="LinuxException">
    /// The kernel refused an operation, which the message names; nothing is changed then.
    /// With <see cref="Errno.Restart"/>, the generation was no more the one given: read again and plan anew.
    /// </exception>
    public void Commit(NftTransaction transaction, uint? generation = null) => Commit([transaction], generation);

    /// <summary>Commits several transactions as one.</summary>
    public void Commit(ReadOnlySpan<NftTransaction> transactions, uint? generation = null)
    {
        using var batch = _socket.NewBatch();
        var origins = new List<(NftTransaction Transaction, NftOperation Operation)?> { null };
        NftRequests.Mark(batch, NftConstants.BatchBegin, generation);
        Encode(transactions, batch, origins);
        if (batch.Count == 1)
        {
            return;
        }

        batch.AskAcknowledgement();
        NftRequests.Mark(batch, NftConstants.BatchEnd, null);
        var refusals = _socket.Commit(batch, out var acknowledged);
        if (refusals.Count > 0)
        {
            // The first in order: later ones often only follow from it.
            var (index, refusal) = refusals.MinBy(r => r.Index);
            throw NftRefusal.ToException(refusal, batch.Message(index), index < origins.Count ? origins[index] : null, transactions);
        }

        if (!acknowledged)
        {
            throw new IOException("nftables: the kernel has not answered a transaction");
        }
    }

    /// <summary>The tables of all families.</summary>
    public IReadOnlyList<NftTableEntry> Tables()
        => _socket.Dump("nftables table list", b => NftRequests.Dump(b, NftConstants.GetTable, 0), NftDump.ReadTable);

    public bool HasTable(NftFamily family, string table) => Tables().Any(t => t.Family == family && t.Name == table);

    /// <summary>The chains of a table; none where there is no such table.</summary>
    public IReadOnlyList<NftChainEntry> Chains(NftFamily family, string table)
        => [.. _socket.Dump("nftables chain list", b => NftRequests.Dump(b, NftConstants.GetChain, family), m => NftDump.ReadChain(m, family, table))];

    /// <summary>The rules of a table, or of one chain of it, in order.</summary>
    public IReadOnlyList<NftRuleEntry> Rules(NftFamily family, string table, string? chain = null)
    {
        var rules = OrNone(() => _socket.Dump(
            $"nftables rules of {table}",
            b => NftRequests.Dump(b, NftConstants.GetRule, family, table, NftConstants.RuleChain, chain),
            m => NftDump.ReadRule(m, table, chain)));
        var sets = rules.Any(r => r.UsesSets) ? ByName(Sets(family, table), family, table) : [];
        return [.. rules.Select(r => r.Entry with { Text = NftRuleText.Of(family, r.Program, sets.GetValueOrDefault) })];
    }

    /// <summary>Whether the chains that a transaction empties hold the rules that it would put there, in order, and nothing else.</summary>
    /// <remarks>Whoever puts rules in the place of equal ones removes some, and waits for the kernel to forget them when the socket is closed.</remarks>
    public bool HasRules(NftTransaction transaction)
    {
        ArgumentNullException.ThrowIfNull(transaction);
        var (family, table) = (transaction.Family, transaction.Table);
        var sets = transaction.Operations.OfType<AddSet>().ToDictionary(o => o.Set.Name, o => new NftSetContents(o.Set, []), StringComparer.Ordinal);
        var wanted = Lines(NftRewrite.RulesOf(transaction));
        var present = Lines(OrNone(() => _socket.Dump(
            $"nftables rules of {table}", b => NftRequests.Dump(b, NftConstants.GetRule, family, table), m => NftDump.ReadRule(m, table, null)))
            .Select(r => r.Entry with { Text = NftRuleText.Of(family, r.Program, sets.GetValueOrDefault) }));
        return transaction.Operations.OfType<FlushChain>().All(chain => wanted[chain.Name].SequenceEqual(present[chain.Name]));

        // Both are read back from what the kernel speaks, so that they are of one wording.
        static ILookup<string, (string, string?)> Lines(IEnumerable<NftRuleEntry> rules) => rules.ToLookup(r => r.Chain, r => (r.Text, r.Comment), StringComparer.Ordinal);
    }

    /// <summary>The named sets and maps of a table; none where there is no such table.</summary>
    public IReadOnlyList<NftSet> Sets(NftFamily family, string table) => Sets(family, table, areAnonymous: false);

    /// <summary>The elements of a set or map, in order of their keys; none where there is no such set. What a rule added may have run out meanwhile.</summary>
    /// <remarks>
    /// The kernel grows the table of a set some time after elements came, and a list that is read meanwhile has some twice and others
    /// not at all, with nothing in it that says so: one that has any twice is read again.
    /// </remarks>
    public IReadOnlyList<NftElement> Elements(NftFamily family, string table, NftSet set)
    {
        const int Attempts = 50;
        for (var attempt = 1; ; attempt++)
        {
            var elements = NftSetDump.Join(set, OrNone(() => _socket.Dump(
                $"nftables elements of {table} {set.Name}",
                b => NftRequests.Dump(b, NftConstants.GetSetElem, family, table, NftConstants.ElemListSet, set.Name),
                m => NftSetDump.ReadElements(m, set)))
                .SelectMany(chunk => chunk));
            if (set.IsInterval || !NftSetDump.HasTwice(elements))
            {
                return elements;
            }

            if (attempt == Attempts)
            {
                throw new LinuxException($"nftables elements of {table} {set.Name}", Errno.Again, $"the set was in motion {Attempts} times");
            }
        }
    }

    /// <summary>The named counters, quotas and limits of a table; none where there is no such table.</summary>
    public IReadOnlyList<NftObject> Objects(NftFamily family, string table)
        => OrNone(() => _socket.Dump(
            $"nftables objects of {table}", b => NftRequests.Dump(b, NftConstants.GetObject, family, table), m => NftDump.ReadObject(m, table)));

    /// <summary>The flowtables of a table; none where there is no such table, or the kernel has no such feature.</summary>
    public IReadOnlyList<NftFlowtable> Flowtables(NftFamily family, string table)
        => OrNone(() => _socket.Dump(
            $"nftables flowtables of {table}", b => NftRequests.Dump(b, NftConstants.GetFlowtable, family, table), m => NftDump.ReadFlowtable(m, table)));

    /// <summary>Everything there is, or one table of it, as it was at one moment: read again where somebody changed something meanwhile.</summary>
    /// <exception cref="LinuxException">With <see cref="Errno.Again"/>: it changes faster than it can be read.</exception>
    public NftRuleset Ruleset(NftFamily? family = null, string? table = null)
    {
        const int Attempts = 50;
        for (var attempt = 1; attempt <= Attempts; attempt++)
        {
            var generation = Generation();
            var tables = Tables()
                .Where(t => (family ?? t.Family) == t.Family && (table ?? t.Name) == t.Name)
                .Select(Read)
                .ToList();
            if (Generation() == generation)
            {
                return new(generation, [.. tables]);
            }
        }

        throw new LinuxException("nftables list", Errno.Again, $"the ruleset changed {Attempts} times while it was read");
    }

    /// <summary>Makes a table without sets what a transaction would make of an empty one; writes nothing where it is that already, so that counters count on.</summary>
    /// <param name="wanted">Adds a table, chains and rules, and nothing else.</param>
    /// <returns>Whether anything was written.</returns>
    /// <exception cref="LinuxException">With <see cref="Errno.Restart"/>: others change the ruleset faster than it can be read.</exception>
    public bool Rewrite(NftTransaction wanted)
    {
        ArgumentNullException.ThrowIfNull(wanted);
        const int Attempts = 50;
        for (var attempt = 1; ; attempt++)
        {
            var generation = Generation();
            var (chains, sets) = (Chains(wanted.Family, wanted.Table), Sets(wanted.Family, wanted.Table));
            if (HasTable(wanted.Family, wanted.Table) && NftRewrite.IsInForce(wanted, chains, sets, Rules(wanted.Family, wanted.Table)))
            {
                return false;
            }

            try
            {
                Commit(NftRewrite.Plan(wanted, chains, sets), generation);
                return true;
            }
            catch (LinuxException e) when (e.Errno == Errno.Restart && attempt < Attempts)
            {
                // Somebody changed something between the reading and the writing.
            }
        }
    }

    private NftTable Read(NftTableEntry entry)
    {
        var (family, name) = (entry.Family, entry.Name);
        var sets = Sets(family, name);
        return new(entry)
        {
            Chains = [.. Chains(family, name)],
            Rules = [.. Rules(family, name)],
            Sets = [.. sets],
            Elements = [.. sets.Select(s => new ValueArray<NftElement>([.. Elements(family, name, s)]))],
            Objects = [.. Objects(family, name)],
            Flowtables = [.. Flowtables(family, name)],
        };
    }

    private IReadOnlyList<NftSet> Sets(NftFamily family, string table, bool areAnonymous)
        => OrNone(() => _socket.Dump(
            $"nftables sets of {table}",
            b => NftRequests.Dump(b, NftConstants.GetSet, family, table),
            m => NftSetDump.ReadSet(m, table, areAnonymous)));

    /// <summary>All sets by name; those that stand in place in a rule with their elements, the named without.</summary>
    private Dictionary<string, NftSetContents> ByName(IReadOnlyList<NftSet> named, NftFamily family, string table)
    {
        var all = named.ToDictionary(s => s.Name, s => new NftSetContents(s, []), StringComparer.Ordinal);
        foreach (var set in Sets(family, table, areAnonymous: true))
        {
            all[set.Name] = new(set, Elements(family, table, set));
        }

        return all;
    }

    public void Dispose() => _socket.Dispose();

    /// <summary>Encodes without a kernel: for measurements and for tests of the encoding.</summary>
    internal static byte[] Encode(NftTransaction transaction)
    {
        using var batch = new NetlinkBatch(0);
        transaction.Encode(batch, new(), []);
        return batch.Bytes.ToArray();
    }

    private static void Encode(
        ReadOnlySpan<NftTransaction> transactions, NetlinkBatch batch, List<(NftTransaction Transaction, NftOperation Operation)?> origins)
    {
        var ids = new NftSetIds();
        foreach (var transaction in transactions)
        {
            transaction.Encode(batch, ids, origins);
        }
    }

    private static IReadOnlyList<T> OrNone<T>(Func<List<T>> list)
    {
        try
        {
            return list();
        }
        catch (LinuxException e) when (e.Errno is Errno.NoEntry or Errno.NotSupported)
        {
            return ImmutableArray<T>.Empty;
        }
    }
}
