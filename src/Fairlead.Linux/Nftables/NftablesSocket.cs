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
        WriteMark(batch, NftConstants.BatchBegin, generation);
        Encode(transactions, batch, origins);
        if (batch.Count == 1)
        {
            return;
        }

        batch.AskAcknowledgement();
        WriteMark(batch, NftConstants.BatchEnd, null);
        var refusals = _socket.Commit(batch, out var acknowledged);
        if (refusals.Count > 0)
        {
            // The first in order: later ones often only follow from it.
            var (index, refusal) = refusals.MinBy(r => r.Index);
            throw refusal.ToException(Describe(index < origins.Count ? origins[index] : null));
        }

        if (!acknowledged)
        {
            throw new IOException("nftables: the kernel has not answered a transaction");
        }
    }

    /// <summary>The tables of all families.</summary>
    public IReadOnlyList<NftTableEntry> Tables()
        => _socket.Dump("nftables table list", b => WriteDump(b, NftConstants.GetTable, 0), NftDump.ReadTable);

    public bool HasTable(NftFamily family, string table) => Tables().Any(t => t.Family == family && t.Name == table);

    /// <summary>The chains of a table; none where there is no such table.</summary>
    public IReadOnlyList<NftChainEntry> Chains(NftFamily family, string table)
        => [.. _socket.Dump("nftables chain list", b => WriteDump(b, NftConstants.GetChain, family), m => NftDump.ReadChain(m, table))];

    /// <summary>The rules of a table, or of one chain of it, in order.</summary>
    public IReadOnlyList<NftRuleEntry> Rules(NftFamily family, string table, string? chain = null)
        => OrNone(() => _socket.Dump(
            $"nftables rules of {table}",
            b => WriteDump(b, NftConstants.GetRule, family, table, NftConstants.RuleChain, chain),
            m => NftDump.ReadRule(m, table, chain)));

    /// <summary>The named sets and maps of a table; none where there is no such table.</summary>
    public IReadOnlyList<NftSet> Sets(NftFamily family, string table)
        => OrNone(() => _socket.Dump($"nftables sets of {table}", b => WriteDump(b, NftConstants.GetSet, family, table), m => NftDump.ReadSet(m, table)));

    /// <summary>The elements of a set or map, in order of their keys; none where there is no such set. What a rule added may have run out meanwhile.</summary>
    public IReadOnlyList<NftElement> Elements(NftFamily family, string table, NftSet set)
        => NftDump.Join(set, OrNone(() => _socket.Dump(
            $"nftables elements of {table} {set.Name}",
            b => WriteDump(b, NftConstants.GetSetElem, family, table, NftConstants.ElemListSet, set.Name),
            m => NftDump.ReadElements(m, set)))
            .SelectMany(chunk => chunk));

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

    private static string Describe((NftTransaction Transaction, NftOperation Operation)? origin)
    {
        const int Enough = 300;
        var text = origin is { } known ? known.Operation.Render(known.Transaction.Name) : "nftables transaction";
        return text.Length <= Enough ? text : $"{text[..Enough]}…";
    }

    private static void WriteMark(NetlinkBatch batch, ushort type, uint? generation)
    {
        var w = batch.Begin(type, NetlinkFlags.None);
        w.Header(NftEncoder.Header(0, NftConstants.Subsystem));
        if (generation is { } expected)
        {
            w.BigEndian(NftConstants.BatchGenId, expected);
        }

        batch.End(w);
    }

    private static void WriteDump(NetlinkBatch batch, ushort type, NftFamily family, string? table = null, ushort nameType = 0, string? name = null)
    {
        var w = batch.Begin(NftConstants.Message(type), NetlinkFlags.Dump);
        w.Header(NftEncoder.Header(family));
        if (table is not null)
        {
            w.Attribute(NftConstants.TableName, table);
        }

        if (name is not null)
        {
            w.Attribute(nameType, name);
        }

        batch.End(w);
    }

    private static IReadOnlyList<T> OrNone<T>(Func<List<T>> list)
    {
        try
        {
            return list();
        }
        catch (LinuxException e) when (e.Errno == Errno.NoEntry)
        {
            return ImmutableArray<T>.Empty;
        }
    }
}
