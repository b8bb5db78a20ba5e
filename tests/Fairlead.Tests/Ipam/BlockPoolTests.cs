using System.Net;
using Fairlead.Core.Nodes;
using Fairlead.Core.Nodes.Blocks;
using Fairlead.Kube.Objects;
using FsCheck;
using FsCheck.Fluent;

namespace Fairlead.Tests.Ipam;

/// <summary>How a range is divided into blocks, and which one a node tries first.</summary>
public sealed class BlockPoolTests
{
    private static readonly BlockPool s_small = new(IPNetwork.Parse("10.32.0.0/24"), 28);
    private static readonly BlockPool s_six = new(IPNetwork.Parse("fd00:32::/48"), 64);

    [Fact]
    public void Blocks_divide_the_whole_range_and_do_not_overlap()
    {
        var blocks = s_small.Candidates("n1", []).ToList();

        Assert.Equal(16, blocks.Count);
        Assert.All(blocks, b => Assert.True(PodRanges.Holds(s_small.Range, b)));
        Assert.DoesNotContain(blocks, a => blocks.Exists(b => a != b && PodRanges.Overlap(a, b)));
        Assert.Equal("fd00:32:0:ffff::/64", s_six[0xffff].ToString());
    }

    [Fact]
    public void What_is_tried_is_what_is_free_whatever_else_is_taken()
        => Prop.ForAll(Taken().ToArbitrary(), taken =>
        {
            var candidates = s_small.Candidates("n1", taken).ToList();
            var free = s_small.Candidates("n2", []).Where(b => !taken.Any(t => PodRanges.Overlap(t, b)));
            return candidates.Distinct().Count() == candidates.Count && candidates.ToHashSet().SetEquals(free);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_node_comes_back_to_its_block_and_two_nodes_begin_apart()
    {
        var pool = new BlockPool(IPNetwork.Parse("10.32.0.0/12"), 24);
        var first = Enumerable.Range(0, 50).Select(i => pool.Candidates($"node{i}", []).First()).ToList();

        Assert.Equal(first[7], pool.Candidates("node7", []).First());
        Assert.True(first.Distinct().Count() > 45);
        Assert.NotEqual(first[7], pool.Candidates("node7", [first[7]]).First());
    }

    [Fact]
    public void The_next_block_of_a_node_lies_beside_its_first()
    {
        var pool = new BlockPool(IPNetwork.Parse("10.32.0.0/12"), 24);
        var two = pool.Candidates("n1", []).Take(2).Select(b => b.BaseAddress.GetAddressBytes()).ToList();

        Assert.Equal(1, (two[1][1] << 8) + two[1][2] - (two[0][1] << 8) - two[0][2]);
    }

    [Fact]
    public void Every_block_has_a_name_of_its_own_that_an_object_can_have()
    {
        Assert.Equal("10.32.5.0-24", BlockPool.NameOf(IPNetwork.Parse("10.32.5.0/24")));
        Assert.Equal("fd00-0032-0000-0001-0000-0000-0000-0000-64", BlockPool.NameOf(IPNetwork.Parse("fd00:32:0:1::/64")));

        var record = BlockRecord.Of(IPNetwork.Parse("10.32.5.0/24"), "n1", "u1", DateTimeOffset.UnixEpoch);
        var read = BlockRecord.TryRead(KubeJson.Deserialize<Lease>(KubeJson.Serialize(record.Lease)))!;
        Assert.Equal((record.Block, "n1", "u1"), (read.Block, read.Node, read.NodeUid));
    }

    [Fact]
    public void An_object_whose_name_and_block_differ_is_none_of_ours()
    {
        var lease = BlockRecord.Of(IPNetwork.Parse("10.32.5.0/24"), "n1", "u1", DateTimeOffset.UnixEpoch).Lease;

        Assert.Null(BlockRecord.TryRead(lease with { Metadata = lease.Metadata with { Name = "fairlead-block-10.32.6.0-24" } }));
        Assert.Null(BlockRecord.TryRead(lease with { Metadata = lease.Metadata with { Annotations = default } }));
    }

    /// <summary>Reason, block prefix of 10.32.0.0/24.</summary>
    [Theory, InlineData("larger than the range", 23), InlineData("no room for pods", 31), InlineData(null, 30), InlineData(null, 24)]
    public void A_size_that_makes_no_sense_is_refused(string? fault, int prefix)
        => Assert.Equal(fault is not null, BlockPool.Fault(s_small.Range, prefix)?.Contains(fault!, StringComparison.Ordinal) ?? false);

    [Fact]
    public void Another_block_is_wanted_while_there_are_still_addresses_for_the_pods_until_it_comes()
    {
        var block = IPNetwork.Parse("10.32.0.16/28");
        var held = Enumerable.Range(18, 11).Select(i => IPAddress.Parse($"10.32.0.{i}")).ToList();

        Assert.Equal([s_small, s_six], BlockUse.Wanting([s_small, s_six], [], []));
        Assert.Empty(BlockUse.Wanting([s_small], [block], held));
        Assert.Equal([s_small], BlockUse.Wanting([s_small], [block], [.. held, IPAddress.Parse("10.32.0.29")]));
        Assert.Empty(BlockUse.Wanting([s_small], [block, IPNetwork.Parse("10.32.0.32/28")], [.. held, IPAddress.Parse("10.32.0.29")]));
        Assert.Empty(BlockUse.Wanting([s_six], [s_six[3]], []));
    }

    [Fact]
    public void What_a_node_publishes_is_read_as_if_the_cluster_had_given_it()
    {
        var node = new Node { Metadata = new() { Name = "n1", Annotations = Fairlead.Kube.State.EquatableMap.Of((PublishedRanges.Annotation, PublishedRanges.Format([s_six[1], s_small[1]]))) }, Spec = new() { PodCIDR = "10.1.0.0/24" } };

        Assert.Equal(["10.32.0.16/28", "fd00:32:0:1::/64"], PublishedRanges.AsSpec(node).Spec.PodCIDRs);
        Assert.Empty(PublishedRanges.AsSpec(node with { Metadata = new() { Name = "n1" } }).Spec.PodCIDRs);
    }

    private static Gen<List<IPNetwork>> Taken()
        => Gen.ListOf(
                from prefix in Gen.Choose(22, 32)
                from number in Gen.Choose(0, 511)
                select new IPNetwork(Mask(new IPAddress([10, (byte)(31 + (number / 256)), 0, (byte)(number % 256)]), prefix), prefix))
            .Select(l => l.ToList());

    private static IPAddress Mask(IPAddress address, int prefix)
    {
        var number = System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(address.GetAddressBytes()) & (prefix == 0 ? 0 : uint.MaxValue << (32 - prefix));
        return new([(byte)(number >> 24), (byte)(number >> 16), (byte)(number >> 8), (byte)number]);
    }
}
