using Fairlead.Tests.Architecture;
using Fairlead.Tests.Fixtures;
using Fairlead.Topology;
using Fairlead.Topology.Yaml;

namespace Fairlead.Tests.Topology;

/// <summary>Files of topologies: what is wrong with them is told all at once, each with its place and what to do.</summary>
public sealed class TopologyFileTests
{
    public static TheoryData<string> Wrong => [.. Directory.GetFiles(Golden.Folder("Files"), "*.yaml").Select(f => Path.GetFileNameWithoutExtension(f)!).Order(StringComparer.Ordinal)];

    public static TheoryData<string> Examples => [.. Directory.GetFiles(Path.Combine(SourceTree.Root, "examples/network"), "*.yaml").Order(StringComparer.Ordinal)];

    [Theory, MemberData(nameof(Wrong))]
    public void A_wrong_file_is_told_with_place_field_and_remedy(string name)
    {
        var folder = Golden.Folder("Files");

        var failure = Assert.Throws<TopologyException>(() => TopologyFile.Parse(File.ReadAllText(Path.Combine(folder, $"{name}.yaml")), $"{name}.yaml"));

        Assert.True(failure.IsInvalid);
        Golden.Match(string.Concat(failure.Lines.Select(l => $"{l}\n")), Path.Combine(folder, $"{name}.txt"));
    }

    [Theory, MemberData(nameof(Examples))]
    public void Every_example_is_right(string file) => Assert.NotEmpty(TopologyFile.Parse(File.ReadAllText(file), file).Hosts);

    [Fact]
    public void The_machine_is_a_host_without_being_named()
        => Assert.Equal(TopologyHost.Machine, Assert.Single(TopologyFile.Parse("{apiVersion: fairlead.dev/v1, kind: Topology, metadata: {name: x}}", "x").Hosts).Name);

    [Fact]
    public void Garbage_is_an_error_and_nothing_else()
    {
        var random = new Random(7);
        var text = File.ReadAllText(Path.Combine(SourceTree.Root, "examples/network/port-forward.yaml"));
        for (var i = 0; i < 2000; i++)
        {
            var broken = text.ToCharArray();
            for (var j = 0; j < 4; j++)
            {
                broken[random.Next(broken.Length)] = " \n-:{}[]\"'#&*!|>%@0a/."[random.Next(22)];
            }

            try
            {
                _ = TopologyFile.Parse(new string(broken), "x");
            }
            catch (TopologyException e)
            {
                Assert.NotEmpty(e.Diagnostics);
            }
        }
    }
}
