using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;
using Fairlead.KernelTests.Fixtures;
using Fairlead.KernelTests.Pods;

namespace Fairlead.KernelTests.Topology;

/// <summary>Every command of the guide's pages, typed as they stand on a machine that knows nothing yet, and what they say one will see.</summary>
/// <remarks>The names are the pages' own (red, blue), so a page has a mount namespace of its own too, with its own folder of namespaces.</remarks>
public sealed partial class GuideTests : IDisposable
{
    private readonly TestNamespaces _namespaces = new();
    private readonly string _state = Directory.CreateTempSubdirectory("fairlead-t-guide-").FullName;

    public static TheoryData<string> Pages =>
        [.. Directory.GetFiles(Path.Combine(Machine.Root, "docs/guide"), "?-*.md").Append(Path.Combine(Machine.Root, "docs/net.md")).Append(Path.Combine(Machine.Root, "docs/run.md")).Select(f => Path.GetRelativePath(Machine.Root, f)).Order(StringComparer.Ordinal)];

    [Theory, MemberData(nameof(Pages))]
    public async Task A_page_does_what_it_says(string page)
    {
        Shell.Need("python3");
        Shell.Need("curl");
        Shell.Need("unshare");
        var steps = Steps(await File.ReadAllTextAsync(Path.Combine(Machine.Root, page), TestContext.Current.CancellationToken));
        Assert.NotEmpty(steps);

        var outputs = await RunAsync(steps.Select(s => s.Command));

        Assert.Equal(steps.Count, outputs.Count);
        foreach (var ((command, expected), (output, code)) in steps.Zip(outputs))
        {
            Assert.True(code == 0, $"{page}: {command}: exit code {code}\n{output}");
            foreach (var line in expected.Where(l => l != "…"))
            {
                var pattern = string.Join(".*", line.Split('…').Select(part => Regex.Escape(part.Trim())));
                Assert.True(Regex.IsMatch(output, pattern, RegexOptions.None, TimeSpan.FromSeconds(5)), $"{page}: {command}: no line '{line}' in\n{output}");
            }
        }
    }

    public void Dispose()
    {
        _namespaces.Dispose();
        Directory.Delete(_state, recursive: true);
    }

    private async Task<List<(string Output, int Code)>> RunAsync(IEnumerable<string> commands)
    {
        // As at a terminal: one shell, with the pages' background jobs in it.
        var script = new StringBuilder("set -m\nmount -t tmpfs tmpfs /run/netns || exit 1\nmount -t tmpfs tmpfs /tmp\nip link set lo up\nsysctl -qw net.ipv4.ip_forward=0\n");
        foreach (var command in commands)
        {
            _ = script.Append(command).Append(command.EndsWith('&') ? "\n" : " 2>&1\n").Append("printf '\\n@@%s\\n' $?\n");
        }

        // Whatever a page that failed has left running.
        _ = script.Append("fairlead cleanup > /dev/null 2>&1\n");
        var network = _namespaces.New();
        var start = new ProcessStartInfo("unshare", ["--mount", "--propagation", "private", "bash", "-s"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Machine.Root,
        };
        start.Environment["PATH"] = $"{NativeLauncher.LinkBeside(AppContext.BaseDirectory)}:{Environment.GetEnvironmentVariable("PATH")}";
        start.Environment["XDG_STATE_HOME"] = _state;
        start.Environment["FAIRLEAD_PERSIST_ROOT"] = Path.Combine(_state, "root");
        using var process = network.Run(() => Process.Start(start)!);
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.StandardInput.WriteAsync(script, TestContext.Current.CancellationToken);
        process.StandardInput.Close();
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        _ = await error;
        var results = new List<(string, int)>();
        var at = 0;
        foreach (Match end in Ending().Matches(output))
        {
            results.Add((output[at..end.Index], int.Parse(end.Groups["code"].Value, System.Globalization.CultureInfo.InvariantCulture)));
            at = end.Index + end.Length;
        }

        return results;
    }

    /// <summary>The commands of a page's sessions, each with the lines that follow it.</summary>
    private static List<(string Command, string[] Expected)> Steps(string text)
    {
        var steps = new List<(string, string[])>();
        foreach (Match session in Session().Matches(text))
        {
            var lines = session.Groups["lines"].Value.Split('\n', StringSplitOptions.RemoveEmptyEntries);
            for (var i = 0; i < lines.Length; i++)
            {
                if (lines[i].StartsWith("# ", StringComparison.Ordinal))
                {
                    steps.Add((lines[i][2..], [.. lines.Skip(i + 1).TakeWhile(l => !l.StartsWith("# ", StringComparison.Ordinal))]));
                }
            }
        }

        return steps;
    }

    [GeneratedRegex("```console\n(?<lines>.*?)```", RegexOptions.Singleline | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Session();

    [GeneratedRegex("\n@@(?<code>[0-9]+)\n", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Ending();
}
