using System.Net;
using Fairlead.Agent.Ipam;
using Fairlead.Core.Nodes;
using Fairlead.Core.Nodes.Blocks;
using Fairlead.Kube.Client;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Fairlead.Tests.ApiServer;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fairlead.Tests.Ipam;

/// <summary>Many nodes take blocks of one range with nothing between them but the API server: no block has two owners.</summary>
public sealed class BlockClaimsTests : IAsyncLifetime
{
    private static readonly BlockPool s_pool = new(IPNetwork.Parse("10.32.0.0/22"), 28);       // 64 blocks
    private readonly TestServer _server = new();
    private readonly CancellationToken _ct = TestContext.Current.CancellationToken;
    private KubeClient _client = null!;

    public async ValueTask InitializeAsync()
    {
        await _server.InitializeAsync();
        _client = new KubeClient(KubeConfig.UnixSocket(_server.Host.UnixSocket!));
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task Fifty_nodes_that_start_at_once_and_grow_never_hold_one_block_twice()
    {
        var taken = await Task.WhenAll(Enumerable.Range(0, 50).Select(async i =>
        {
            var (node, uid) = ($"node{i}", await RegisterAsync($"node{i}"));
            await Claims(node).AgreeAsync([s_pool], _ct);
            return new[] { await Claims(node).TakeAsync(s_pool, uid, [], _ct), await Claims(node).TakeAsync(s_pool, uid, [], _ct) };
        }));

        // 64 blocks for 100 wishes: all are given, each once, and who got none was told so.
        var blocks = taken.SelectMany(t => t).OfType<BlockRecord>().ToList();
        Assert.Equal(64, blocks.Count);
        Assert.Equal(64, blocks.Select(b => b.Block).Distinct().Count());
        var stored = await Claims("x").ListAsync(BlockRecord.Selector, _ct);
        Assert.Equal(blocks.Select(b => (b.Block.ToString(), b.Node)).Order(), stored.Select(b => (b.Block.ToString(), b.Node)).Order());
    }

    [Fact]
    public async Task A_full_range_gives_the_block_of_a_node_that_is_gone_to_one_of_many_and_never_that_of_a_silent_one()
    {
        var pool = new BlockPool(IPNetwork.Parse("10.40.0.0/27"), 28);      // two blocks
        var (gone, silent) = (await RegisterAsync("gone"), await RegisterAsync("silent"));
        var first = await Claims("gone").TakeAsync(pool, gone, [], _ct);
        Assert.NotNull(await Claims("silent").TakeAsync(pool, silent, [], _ct));
        var waiting = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => RegisterAsync($"w{i}")));
        Assert.All(await Task.WhenAll(waiting.Select((uid, i) => Claims($"w{i}").TakeAsync(pool, uid, [], _ct))), Assert.Null);

        await _client.DeleteAsync(KubeResources.Nodes, null, "gone", ct: _ct);
        var taken = await Task.WhenAll(waiting.Select((uid, i) => Claims($"w{i}").TakeAsync(pool, uid, [], _ct)));

        Assert.Equal(first!.Block, Assert.Single(taken.OfType<BlockRecord>()).Block);
    }

    [Fact]
    public async Task A_node_that_is_registered_anew_takes_its_blocks_over_or_finds_them_given_away()
    {
        var before = await RegisterAsync("n1");
        var block = await Claims("n1").TakeAsync(s_pool, before, [], _ct);
        await _client.DeleteAsync(KubeResources.Nodes, null, "n1", ct: _ct);
        var after = await RegisterAsync("n1");
        Assert.True(await Claims("n2").IsGoneAsync(block!, _ct));

        var mine = await Claims("n1").MineAsync(after, _ct);

        Assert.Equal((block!.Block, after), (Assert.Single(mine).Block, mine[0].NodeUid));
        Assert.False(await Claims("n2").IsGoneAsync(mine[0], _ct));

        // What was read before the take-over can free nothing any more.
        Assert.False(await Claims("n2").FreeAsync(block, _ct));
        Assert.Single(await Claims("n1").MineAsync(after, _ct));
    }

    [Fact]
    public async Task Blocks_avoid_what_the_node_itself_needs_and_what_is_taken_by_hand()
    {
        var uid = await RegisterAsync("n1");
        var avoid = new[] { IPNetwork.Parse("10.32.0.0/23") };

        for (var i = 0; i < 32; i++)
        {
            Assert.False(PodRanges.Overlap((await Claims("n1").TakeAsync(s_pool, uid, avoid, _ct))!.Block, avoid[0]));
        }

        Assert.Null(await Claims("n1").TakeAsync(s_pool, uid, avoid, _ct));
    }

    [Fact]
    public async Task The_first_node_says_how_large_blocks_are_and_another_size_is_refused_with_the_place()
    {
        await Task.WhenAll(Enumerable.Range(0, 10).Select(i => Claims($"n{i}").AgreeAsync([s_pool], _ct)));
        await Claims("n1").AgreeAsync([s_pool, new BlockPool(IPNetwork.Parse("fd00:32::/48"), 64)], _ct);
        await Claims("n1").AgreeAsync([s_pool], _ct);

        var refused = await Assert.ThrowsAsync<BlockException>(() => Claims("n2").AgreeAsync([new BlockPool(s_pool.Range, 26)], _ct));

        Assert.Equal("BlockSizeDiffers", refused.Reason);
        Assert.Contains("kube-system/fairlead-blocks", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_agent_of_a_node_may_do_all_this_with_the_nodes_own_credentials()
    {
        var uid = await RegisterAsync("n1");
        var file = Path.Combine(_server.Folder, "node");
        _server.Host.Pki.WriteKubeconfig(file, "test", new Uri($"https://{_server.Host.Endpoints[0]}"), "system:node:n1", "system:nodes");
        using var client = new KubeClient(KubeConfig.Load(file));
        var claims = new BlockClaims(client, "n1", TimeProvider.System, NullLogger.Instance);

        await claims.AgreeAsync([s_pool], _ct);
        var taken = await claims.TakeAsync(s_pool, uid, [], _ct);
        await _client.DeleteAsync(KubeResources.Nodes, null, "n1", ct: _ct);

        Assert.True(await claims.FreeAsync(taken!, _ct));
        var lease = new Lease { Metadata = new() { Name = "someone-elses", Namespace = "kube-system" } };
        await _client.CreateAsync(KubeResources.Leases, lease, _ct);
        Assert.Equal(403, (await Assert.ThrowsAsync<KubeException>(() => client.DeleteAsync(KubeResources.Leases, "kube-system", "someone-elses", ct: _ct))).Code);
    }

    private BlockClaims Claims(string node) => new(_client, node, TimeProvider.System, NullLogger.Instance);

    private async Task<string> RegisterAsync(string name) => (await _client.CreateAsync(KubeResources.Nodes, new Node { Metadata = new() { Name = name } }, _ct)).Metadata.Uid;
}
