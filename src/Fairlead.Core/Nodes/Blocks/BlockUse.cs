using System.Net;
using Fairlead.Core.Services;
using Fairlead.Kube.State;

namespace Fairlead.Core.Nodes.Blocks;

/// <summary>How much of a node's blocks is in use, and whether that is a reason to take another.</summary>
public static class BlockUse
{
    /// <summary>How many addresses pods can still get of the blocks.</summary>
    public static long Free(IEnumerable<IPNetwork> blocks, IEnumerable<IPAddress> held)
    {
        var all = blocks.Distinct().ToList();
        var used = held.Distinct().Count(a => all.Exists(b => b.Contains(a)));
        return all.Aggregate(0L, (sum, block) => sum > long.MaxValue - BlockPool.Capacity(block) ? long.MaxValue : sum + BlockPool.Capacity(block)) - used;
    }

    /// <summary>
    /// The pools of which a node with these blocks must take one more: it has none, or an eighth of a block is all that is left, so that
    /// the next one is there before the pod that needs it.
    /// </summary>
    public static IEnumerable<BlockPool> Wanting(IEnumerable<BlockPool> pools, EquatableArray<IPNetwork> blocks, IReadOnlyCollection<IPAddress> held)
        => pools.Where(pool => blocks.Of(pool.Family).ToList() is var mine
            && (mine.Count == 0 || Free(mine, held.Where(a => a.Family == pool.Family)) <= Math.Max(1, BlockPool.Capacity(pool[0]) / 8)));
}
