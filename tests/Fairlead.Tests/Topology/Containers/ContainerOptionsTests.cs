using Fairlead.Topology.Containers;

namespace Fairlead.Tests.Topology.Containers;

/// <summary>What can never be run is refused before anything is looked at.</summary>
public sealed class ContainerOptionsTests
{
    private static readonly ContainerOptions s_good = new() { Command = ["true"] };

    public static TheoryData<string, ContainerOptions> Bad => new()
    {
        { "no command", s_good with { Command = [] } },
        { "--name 'a'", s_good with { Name = "a" } },
        { "--name '-web'", s_good with { Name = "-web" } },
        { "--name 'w/b'", s_good with { Name = "w/b" } },
        { "use 2 to 63 letters", s_good with { Name = new string('a', 64) } },
        { "--hostname 'a_'", s_good with { HostName = "a_ b" } },
        { "--hostname '-a'", s_good with { HostName = "-a" } },
        { "--dns 'eight'", s_good with { Dns = ["eight"] } },
        { "its members are not found by name", s_good with { Aliases = ["db"] } },
        { "published twice", s_good with { Ports = [.. PublishedPort.Parse("80:80"), .. PublishedPort.Parse("127.0.0.1:80:81")] } },
    };

    [Theory, MemberData(nameof(Bad))]
    public void It_is_refused(string because, ContainerOptions options)
    {
        var refused = Assert.Throws<ContainerException>(() => ContainerEngine.Check(options));

        Assert.Contains(because.Split('\'')[0], refused.Message, StringComparison.Ordinal);
        Assert.True(refused.IsWrongUsage);
    }

    [Theory]
    [InlineData("web"), InlineData("Web.1_a-b"), InlineData("0a")]
    public void Dockers_names_are_names(string name) => ContainerEngine.Check(s_good with { Name = name });
}
