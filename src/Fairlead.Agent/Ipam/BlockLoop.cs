using System.Net;
using System.Text.Json.Nodes;
using Fairlead.Agent.Problems;
using Fairlead.Core.Nodes;
using Fairlead.Core.Nodes.Blocks;
using Fairlead.Core.Services;
using Fairlead.Kube.Client;
using Fairlead.Kube.Informers;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;

namespace Fairlead.Agent.Ipam;

/// <summary>Keeps this node in pod addresses, with <c>--ipam fairlead</c>: takes a block, takes another before it is full, and publishes them on the Node.</summary>
/// <remarks>
/// What is published is taken already, and what pods get addresses from is published already, because the configuration of the plugin
/// is made from the Node object. So a crash in between loses nothing: the next start finds its blocks in the API.
/// </remarks>
internal sealed class BlockLoop(
    KubeClient client, BlockClaims claims, string node, IReadOnlyList<BlockPool> pools, Snapshot<Store<Node>> nodes,
    Func<IReadOnlyCollection<IPNetwork>> avoid, Func<IReadOnlyCollection<IPAddress>> held, ProblemBoard board, TimeProvider time)
{
    private const string Source = "ipam";
    private const string Exhausted = "RangeExhausted";

    /// <summary>How often the node's own store is looked into: a folder is read, nothing is asked of the API.</summary>
    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(2);

    /// <summary>How often the API is asked whether the blocks are still this node's.</summary>
    private static readonly TimeSpan s_verify = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan s_maxBackoff = TimeSpan.FromSeconds(30);

    private Kept? _kept;

    public async Task RunAsync(CancellationToken ct)
    {
        var backoff = s_look;
        while (true)
        {
            ct.ThrowIfCancellationRequested();
            var store = nodes.Current;
            try
            {
                if (IsDue(store))
                {
                    _kept = await KeepAsync(ct);
                }

                backoff = s_look;
            }
            catch (BlockException e)
            {
                board.Set(Source, new Problem(e.Reason, e.Message, Blocks: _kept is null));
            }
            catch (Exception e) when (e is KubeException or HttpRequestException or IOException && !ct.IsCancellationRequested)
            {
                board.Set(Source, new Problem(
                    "BlocksNotTaken",
                    $"node {node} cannot take pod addresses: {e.Message}; the agent needs to get, list, create, update and delete Leases in {BlockRecord.Namespace}, and to get Nodes",
                    Blocks: _kept is null));
                backoff = TimeSpan.FromTicks(Math.Min(backoff.Ticks * 2, s_maxBackoff.Ticks));
            }

            await nodes.ChangedAsync(store).WaitAsync(backoff, time, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Whether the API must be asked: for a first or further block, after the Node object was replaced or edited, and now and then.</summary>
    private bool IsDue(Store<Node> store)
        => _kept is not { } kept
            || time.GetElapsedTime(kept.At) >= s_verify
            || ((!kept.Exhausted || IsSettled(kept)) && BlockUse.Wanting(pools, kept.Blocks, held()).Any())
            || (store.Synced && store.Find("", node) is { } me
                && (me.Metadata.Uid != kept.Uid || (IsSettled(kept) && (me.Metadata.Annotations.Find(PublishedRanges.Annotation) ?? "") != PublishedRanges.Format(kept.Blocks))));

    /// <summary>Whether the informer must have seen by now what was written: an older state of the node says nothing.</summary>
    private bool IsSettled(Kept kept) => time.GetElapsedTime(kept.At) > s_maxBackoff;

    private async Task<Kept> KeepAsync(CancellationToken ct)
    {
        var at = time.GetTimestamp();
        var me = await client.FindAsync(KubeResources.Nodes, null, node, ct)
            ?? throw new BlockException("NodeNotFound", $"there is no Node object {node} to take pod addresses for: register the node, or start the agent with the name of one that is");
        var uid = me.Metadata.Uid;
        await claims.AgreeAsync(pools, ct);
        var mine = (await claims.MineAsync(uid, ct)).Select(r => r.Block).ToList();
        var problems = new List<Problem>();
        foreach (var lost in Published(me).Except(mine).ToList())
        {
            // Its object was deleted by hand, or the node was away for so long that it was given to another.
            if (await claims.TakeExactlyAsync(lost, uid, ct) is not null)
            {
                mine.Add(lost);
            }
            else if (held().Any(lost.Contains))
            {
                problems.Add(new("BlockLost", $"pods of node {node} have addresses of block {lost}, which another node holds now; delete those pods: their successors get addresses of this node's own blocks"));
            }
        }

        foreach (var pool in BlockUse.Wanting(pools, PodRanges.Sorted(mine), held()).ToList())
        {
            if (await claims.TakeAsync(pool, uid, avoid(), ct) is { } taken)
            {
                mine.Add(taken.Block);
            }
            else
            {
                var left = BlockUse.Free(mine.Where(b => b.BaseAddress.Family == pool.Family), held());
                problems.Add(new(
                    Exhausted,
                    $"no block of /{pool.BlockPrefix} is free in {pool.Range} for node {node}; remove nodes that are no more (fairlead ipam check names their blocks), or give a larger --cluster-cidr",
                    Blocks: left == 0));
            }
        }

        var blocks = PodRanges.Sorted(mine);
        if ((me.Metadata.Annotations.Find(PublishedRanges.Annotation) ?? "") != PublishedRanges.Format(blocks))
        {
            await client.PatchAsync(
                KubeResources.Nodes, null, node,
                new JsonObject { ["metadata"] = new JsonObject { ["annotations"] = new JsonObject { [PublishedRanges.Annotation] = PublishedRanges.Format(blocks) } } }, ct: ct);
        }

        board.Set(Source, problems);
        return new Kept(uid, blocks, problems.Exists(p => p.Reason == Exhausted), at);
    }

    private static IEnumerable<IPNetwork> Published(Node me)
        => PublishedRanges.AsSpec(me).Spec.PodCIDRs.Select(t => IPNetwork.TryParse(t, out var range) ? range : (IPNetwork?)null).OfType<IPNetwork>();

    /// <summary>What the node held when the API was last asked.</summary>
    private sealed record Kept(string Uid, EquatableArray<IPNetwork> Blocks, bool Exhausted, long At);
}
