using System.Globalization;
using System.Net;
using Fairlead.Core.Nodes;
using Fairlead.Core.Nodes.Blocks;
using Fairlead.Kube.Client;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Microsoft.Extensions.Logging;

namespace Fairlead.Agent.Ipam;

/// <summary>Takes blocks for one node and gives back those of nodes that are gone, with no coordinator but the API.</summary>
/// <remarks>
/// The one thing that must hold is that no block is held twice. The API holds it: a block's object has the block's name, so that of
/// two creations one is refused; a change names the version that it is of; a deletion names uid and version. Whether a node is gone is
/// asked of the API server then and there, never of a cache: a cache may be older than a node that has just come back.
/// </remarks>
internal sealed partial class BlockClaims(KubeClient client, string node, TimeProvider time, ILogger logger)
{
    private const string SizeAnnotation = "fairlead.dev/block-size";

    /// <summary>Makes sure that every node divides the cluster's ranges alike: blocks of two sizes could overlap under different names.</summary>
    /// <exception cref="BlockException">Others divide them otherwise.</exception>
    public async Task AgreeAsync(IEnumerable<BlockPool> pools, CancellationToken ct)
    {
        var wanted = string.Join(',', pools.Select(p => string.Create(CultureInfo.InvariantCulture, $"{p.Family}/{p.BlockPrefix}")).Order(StringComparer.Ordinal));
        while (true)
        {
            if (await client.FindAsync(KubeResources.Leases, BlockRecord.Namespace, BlockRecord.PoolName, ct) is { } there)
            {
                var agreed = (there.Metadata.Annotations.Find(SizeAnnotation) ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries);
                var missing = wanted.Split(',').Where(w => !agreed.Contains(w)).ToList();
                if (missing.Count == 0)
                {
                    return;
                }

                if (missing.Find(m => agreed.Any(a => a.Split('/')[0] == m.Split('/')[0])) is { } other)
                {
                    throw new BlockException(
                        "BlockSizeDiffers",
                        $"this node's --block-size asks for {other}, but Lease {BlockRecord.Namespace}/{BlockRecord.PoolName} says {string.Join(", ", agreed)}: "
                        + "start all agents with the same --block-size");
                }

                // A family that was added later.
                var both = there with { Metadata = there.Metadata with { Annotations = there.Metadata.Annotations.With(SizeAnnotation, string.Join(',', agreed.Concat(missing).Order(StringComparer.Ordinal))) } };
                if (await TryAsync(() => client.UpdateAsync(KubeResources.Leases, both, ct)) is not null)
                {
                    return;
                }
            }
            else if (await TryAsync(() => client.CreateAsync(KubeResources.Leases, new Lease
            {
                Metadata = new()
                {
                    Name = BlockRecord.PoolName,
                    Namespace = BlockRecord.Namespace,
                    Labels = EquatableMap.Of((BlockRecord.KindLabel, "pool")),
                    Annotations = EquatableMap.Of((SizeAnnotation, wanted)),
                },
            }, ct)) is not null)
            {
                return;
            }
        }
    }

    /// <summary>The blocks that this node holds. Those of a Node object of the same name that is no more are taken over.</summary>
    public async Task<IReadOnlyList<BlockRecord>> MineAsync(string uid, CancellationToken ct)
    {
        var mine = new List<BlockRecord>();
        foreach (var record in await ListAsync(BlockRecord.SelectorOf(node), ct))
        {
            if (record.Node != node)
            {
                continue;
            }

            if (record.NodeUid == uid)
            {
                mine.Add(record);
            }
            else if (await TakeOverAsync(record, uid, ct) is { } taken)
            {
                mine.Add(taken);
            }
        }

        return mine;
    }

    /// <summary>Takes one more block of a pool: a free one, else one of a node that is gone.</summary>
    /// <param name="avoid">Ranges that must not be given to pods here, such as the node's own networks.</param>
    /// <returns>Null where the range is exhausted.</returns>
    public async Task<BlockRecord?> TakeAsync(BlockPool pool, string uid, IReadOnlyCollection<IPNetwork> avoid, CancellationToken ct)
    {
        // A block that somebody else takes meanwhile is known to be taken from then on; so this ends.
        var held = await ListAsync(BlockRecord.Selector, ct);
        var taken = held.Select(r => r.Block).Concat(avoid).ToList();
        foreach (var block in pool.Candidates(node, taken))
        {
            if (await CreateAsync(block, uid, ct) is { } created)
            {
                return created;
            }
        }

        foreach (var record in held.Where(r => pool.Range.Contains(r.Block.BaseAddress) && r.Block.PrefixLength == pool.BlockPrefix && !avoid.Any(a => PodRanges.Overlap(a, r.Block))))
        {
            if (await FreeAsync(record, ct) && await CreateAsync(record.Block, uid, ct) is { } created)
            {
                return created;
            }
        }

        return null;
    }

    /// <summary>Takes this block and no other; null where another node holds it.</summary>
    public async Task<BlockRecord?> TakeExactlyAsync(IPNetwork block, string uid, CancellationToken ct)
    {
        var held = await ListAsync(BlockRecord.Selector, ct);
        return held.Any(r => PodRanges.Overlap(r.Block, block)) ? null : await CreateAsync(block, uid, ct);
    }

    /// <summary>Frees a block if the node that holds it is gone.</summary>
    public async Task<bool> FreeAsync(BlockRecord record, CancellationToken ct)
    {
        if (!await IsGoneAsync(record, ct))
        {
            return false;
        }

        try
        {
            await client.DeleteAsync(
                KubeResources.Leases, BlockRecord.Namespace, record.Lease.Metadata.Name,
                new DeleteOptions { Uid = record.Lease.Metadata.Uid, ResourceVersion = record.Lease.Metadata.ResourceVersion }, ct);
            LogFreed(record.Block, record.Node);
            return true;
        }
        catch (KubeException e) when (e.IsConflict)
        {
            return false;       // somebody took it over since it was read
        }
    }

    /// <summary>Whether the Node object that holds a block is no more.</summary>
    public async Task<bool> IsGoneAsync(BlockRecord record, CancellationToken ct)
        => record.Node.Length == 0 || await client.FindAsync(KubeResources.Nodes, null, record.Node, ct) is not { } holder || holder.Metadata.Uid != record.NodeUid;

    /// <summary>All blocks of the cluster that the selector finds.</summary>
    public async Task<IReadOnlyList<BlockRecord>> ListAsync(string selector, CancellationToken ct)
        => [.. (await client.ListAsync(KubeResources.Leases, BlockRecord.Namespace, new ListOptions(selector), ct)).Items.Select(BlockRecord.TryRead).OfType<BlockRecord>()];

    private async Task<BlockRecord?> CreateAsync(IPNetwork block, string uid, CancellationToken ct)
    {
        var record = BlockRecord.Of(block, node, uid, time.GetUtcNow());
        if (await TryAsync(() => client.CreateAsync(KubeResources.Leases, record.Lease, ct)) is not { } created)
        {
            return null;
        }

        LogTaken(block, node);
        return record with { Lease = created };
    }

    private async Task<BlockRecord?> TakeOverAsync(BlockRecord record, string uid, CancellationToken ct)
    {
        var lease = record.Lease with { Metadata = record.Lease.Metadata with { Annotations = record.Lease.Metadata.Annotations.With(BlockRecord.UidAnnotation, uid) } };
        if (await TryAsync(() => client.UpdateAsync(KubeResources.Leases, lease, ct)) is not { } written)
        {
            return null;
        }

        LogTakenOver(record.Block, node);
        return record with { NodeUid = uid, Lease = written };
    }

    /// <summary>Null where somebody was quicker.</summary>
    private static async Task<Lease?> TryAsync(Func<Task<Lease>> write)
    {
        try
        {
            return await write();
        }
        catch (KubeException e) when (e.IsAlreadyExists || e.IsConflict || e.IsNotFound)
        {
            return null;
        }
    }

    [LoggerMessage(LogLevel.Information, "Took block {Block} for node {Node}")]
    private partial void LogTaken(IPNetwork block, string node);

    [LoggerMessage(LogLevel.Information, "Took block {Block} over from an earlier Node object {Node}")]
    private partial void LogTakenOver(IPNetwork block, string node);

    [LoggerMessage(LogLevel.Information, "Freed block {Block} of node {Node}, which is gone")]
    private partial void LogFreed(IPNetwork block, string node);
}

/// <summary>Why a node cannot take blocks, though the API answers.</summary>
internal sealed class BlockException(string reason, string message) : Exception(message)
{
    public string Reason { get; } = reason;
}
