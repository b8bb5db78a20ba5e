using Fairlead.Cni.Runtime;

namespace Fairlead.KernelTests.Cni.Reference;

/// <summary>Runs the cases of a table against the reference plugins (Debian's containernetworking-plugins) and ours.</summary>
public abstract class ReferenceComparison
{
    private const string Reference = "/usr/lib/cni";
    private static readonly Lazy<string> s_ours = new(Link);

    private static string Link()
    {
        // Beside the executable, so that it is there as long as that is, and the next run finds it made.
        var folder = Path.Combine(Path.GetDirectoryName(PublishedPlugins.Executable)!, "links");
        CniInstall.Link(PublishedPlugins.Executable, folder);
        return folder;
    }

    /// <summary>Publishes our plugins and makes their links, for tests that run where nothing can be built.</summary>
    public static void Prepare() => _ = s_ours.Value;

    protected static async Task CompareAsync(ReferenceCase theCase)
    {
        Assert.SkipUnless(File.Exists(Path.Combine(Reference, theCase.Plugin)), "needs Debian's containernetworking-plugins");
        Assert.SkipUnless(File.Exists(Path.Combine(s_ours.Value, theCase.Plugin)), $"there is no {theCase.Plugin} among our plugins");
        Assert.SkipUnless(
            !theCase.Config.Contains("\"type\":\"static\"", StringComparison.Ordinal) || File.Exists(Path.Combine(s_ours.Value, "static")), "there is no static among our plugins");
        var ct = TestContext.Current.CancellationToken;
        using var theirRig = new ReferenceRig(Reference);
        using var ourRig = new ReferenceRig(s_ours.Value);
        var records = await Task.WhenAll(theirRig.RunAsync(theCase, ct), ourRig.RunAsync(theCase, ct));

        // A refusal that ours makes too has ours' code; one that it does not keeps its 999, for the table of differences.
        var theirs = records[0].Select(line => line.Replace("refused, code 999", $"refused, code {theCase.Code}", StringComparison.Ordinal))
            .Select(line => records[1].Contains(line) ? line : line.Replace($"refused, code {theCase.Code}", "refused, code 999", StringComparison.Ordinal)).ToArray();
        var (onlyTheirs, onlyOurs) = (Without(theirs, records[1]), Without(records[1], theirs));

        var (expected, actual) = (Show(theCase.Difference?.Theirs, theCase.Difference?.Ours), Show(onlyTheirs, onlyOurs));
        Assert.True(expected == actual, $"{theCase.Plugin}, {theCase.Verbs}\n{actual}{(theCase.Difference is null ? "" : $"\nbut expected, because {theCase.Difference.Reason}:\n{expected}")}");
    }

    /// <summary>As a difference is usually shown: '-' what only the reference has, '+' what only ours has.</summary>
    private static string Show(string? theirs, string? ours) => string.Join('\n', [.. Lines(theirs, '-'), .. Lines(ours, '+')]);

    private static IEnumerable<string> Lines(string? text, char sign)
        => (text ?? "").Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(line => $"{sign} {line}");

    private static string Without(string[] lines, string[] others)
    {
        var rest = others.ToList();
        return string.Join('\n', lines.Where(line => !rest.Remove(line)));
    }
}
