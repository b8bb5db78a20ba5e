using System.Net;
using Fairlead.Core.Nodes.Blocks;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;

namespace Fairlead.Tests.Ipam;

/// <summary>Who has which addresses, and what is wrong with that.</summary>
public sealed class IpamReportTests
{
    private static readonly BlockRecord s_block = BlockRecord.Of(IPNetwork.Parse("10.32.2.0/24"), "n2", "u2", DateTimeOffset.UnixEpoch);
    private static readonly Node s_n1 = new() { Metadata = new() { Name = "n1", Uid = "u1" }, Spec = new() { PodCIDR = "10.32.1.0/24", PodCIDRs = ["10.32.1.0/24"] } };
    private static readonly Node s_n2 = new() { Metadata = new() { Name = "n2", Uid = "u2", Annotations = EquatableMap.Of((PublishedRanges.Annotation, "10.32.2.0/24")) } };

    [Fact]
    public void Ranges_are_there_with_their_use_and_nothing_is_wrong()
    {
        var report = IpamReport.Compile([s_n2, s_n1], [Pod("a", "n1", "10.32.1.2"), Pod("b", "n2", "10.32.2.2"), Pod("done", "n1", "10.32.1.2", "Succeeded")], [s_block]);

        Assert.Equal([new(IPNetwork.Parse("10.32.1.0/24"), "n1", "cluster", 1, 253), new(s_block.Block, "n2", "fairlead", 1, 253)], report.Ranges);
        Assert.Empty(report.Findings);
    }

    public static TheoryData<string, Node[], Pod[], BlockRecord[], string> Wrong => new()
    {
        { "leak", [s_n1], [], [s_block], "block 10.32.2.0/24 is held by node n2, which is gone" },
        { "leak", [s_n1, s_n2 with { Metadata = s_n2.Metadata with { Uid = "other", Annotations = default } }], [], [s_block], "held by node n2" },
        { "conflict", [s_n1, new Node { Metadata = new() { Name = "n3" }, Spec = new() { PodCIDR = "10.32.0.0/16" } }], [], [], "nodes n1 (10.32.1.0/24) and n3 (10.32.0.0/16)" },
        { "conflict", [s_n2], [], [], "uses block 10.32.2.0/24, which it does not hold" },
        { "conflict", [s_n1], [Pod("a", "n1", "10.32.1.2"), Pod("b", "n1", "10.32.1.2")], [], "pods default/a, default/b all have 10.32.1.2" },
        { "conflict", [s_n1], [Pod("a", "n1", "10.32.9.2")], [], "default/a has 10.32.9.2, which is in no range of its node n1" },
    };

    [Theory, MemberData(nameof(Wrong))]
    public void What_is_wrong_is_named(string kind, Node[] nodes, Pod[] pods, BlockRecord[] blocks, string message)
    {
        var finding = Assert.Single(IpamReport.Compile(nodes, pods, blocks).Findings);

        Assert.Equal(kind, finding.Kind);
        Assert.Contains(message, finding.Message, StringComparison.Ordinal);
    }

    private static Pod Pod(string name, string node, string address, string phase = "Running")
        => new() { Metadata = new() { Namespace = "default", Name = name }, Spec = new() { NodeName = node }, Status = new() { Phase = phase, PodIP = address, PodIPs = [new PodIP { Ip = address }] } };
}
