using System.Text.RegularExpressions;
using Fairlead.EndToEnd.Fixtures;

namespace Fairlead.EndToEnd;

/// <summary>The documents, tried as a new user would.</summary>
public sealed partial class DocumentationTests
{
    [Fact]
    public async Task The_store_of_the_README_runs_line_by_line_and_says_what_the_README_says()
    {
        await using var host = new TestHost();
        var session = DocumentSession.Read("README.md", "The online store, running");
        Assert.Contains(session, step => step.Command.Contains("curl", StringComparison.Ordinal));

        foreach (var (command, expected) in session)
        {
            if (command.StartsWith("export ", StringComparison.Ordinal))
            {
                continue;   // the test host has it set already, to its own lab's file
            }

            var said = (await host.Sh(ForLab(command, host))).Ok();
            Assert.All(expected, line => Assert.Contains(line, said, StringComparison.Ordinal));
        }
    }

    public static TheoryData<string> Documents =>
    [
        "README.md", "CONTRIBUTING.md", "deploy/README.md", "bench/README.md", "examples/online-store/README.md",
        .. Directory.GetFiles(Path.Combine(Repository.Root, "docs"), "*.md").Select(f => Path.GetRelativePath(Repository.Root, f)).Order(StringComparer.Ordinal),
    ];

    [Theory, MemberData(nameof(Documents))]
    public async Task Every_option_that_a_document_names_exists(string document)
    {
        await using var host = new TestHost();
        var text = await File.ReadAllTextAsync(Path.Combine(Repository.Root, document), TestContext.Current.CancellationToken);
        foreach (Match use in FairleadUse().Matches(text))
        {
            var help = (await host.Sh($"fairlead {use.Groups["command"].Value} --help")).Ok();
            // What comes after -- is another program's.
            foreach (Match option in LongOption().Matches(use.Value.Split(" -- ")[0]))
            {
                Assert.Contains(option.Value, help + " --help --version", StringComparison.Ordinal);
            }
        }
    }

    [Theory]
    [InlineData("up")]
    [InlineData("status")]
    [InlineData("down")]
    [InlineData("agent")]
    [InlineData("proxy")]
    [InlineData("dns")]
    [InlineData("ingress")]
    [InlineData("apiserver")]
    [InlineData("cleanup")]
    [InlineData("run")]
    [InlineData("ps")]
    [InlineData("logs")]
    [InlineData("stop")]
    [InlineData("rm")]
    [InlineData("network create")]
    [InlineData("network ls")]
    [InlineData("network inspect")]
    [InlineData("network rm")]
    [InlineData("net")]
    [InlineData("net apply")]
    [InlineData("net diff")]
    [InlineData("net show")]
    [InlineData("net delete")]
    [InlineData("net exec")]
    [InlineData("net ping")]
    [InlineData("ipam")]
    [InlineData("ipam show")]
    [InlineData("ipam check")]
    [InlineData("ipam reclaim")]
    [InlineData("cni")]
    [InlineData("cni add")]
    [InlineData("cni del")]
    [InlineData("cni check")]
    [InlineData("cni status")]
    [InlineData("cni gc")]
    [InlineData("cni explain")]
    [InlineData("cni install")]
    public async Task Every_command_s_help_has_examples(string command)
    {
        await using var host = new TestHost();

        var help = (await host.Sh($"fairlead {command} --help")).Ok();

        Assert.Contains("Examples:", help, StringComparison.Ordinal);
        Assert.Contains($"fairlead {command}", help[help.IndexOf("Examples:", StringComparison.Ordinal)..], StringComparison.Ordinal);
    }

    private static string ForLab(string command, TestHost host)
        => FairleadVerb().Replace(command, $"fairlead $1 --name {host.Lab}");

    [GeneratedRegex(@"\./fairlead (up|status|down)")]
    private static partial Regex FairleadVerb();

    [GeneratedRegex(@"(?:^|[`# /])fairlead (?<command>up|status|down|agent|proxy|apiserver|dns|ingress|cleanup|run|ps|logs|stop|rm|network (?:create|ls|inspect|rm)|net (?:apply|diff|show|delete|exec|ping)|ipam (?:show|check|reclaim)|cni (?:add|del|check|status|gc|explain|install))\b[^\n`#|]*", RegexOptions.Multiline)]
    private static partial Regex FairleadUse();

    [GeneratedRegex(@"(?<=\s)--[a-z][a-z-]+")]
    private static partial Regex LongOption();
}
