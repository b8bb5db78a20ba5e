using System.Text.RegularExpressions;

namespace Fairlead.Tests.Architecture;

/// <summary>House rules that a machine can check.</summary>
public sealed partial class HouseRuleTests
{
    private const int LongestFile = 500;

    private static readonly string[] s_refusedNames = ["Common", "Utils", "Util", "Helpers", "Helper", "Shared", "Misc"];

    [Fact]
    public void No_file_is_too_long_to_be_understood()
        => Assert.Empty(SourceTree.Files("src").Where(f => File.ReadLines(f).Count() > LongestFile).Select(SourceTree.Relative));

    [Fact]
    public void Namespaces_equal_folders()
    {
        var strays = SourceTree.Files("src")
            .Select(f => (File: f, Namespace: NamespaceLine().Match(File.ReadAllText(f))))
            .Where(f => f.Namespace.Success && f.Namespace.Groups[1].Value != Path.GetRelativePath(Path.Combine(SourceTree.Root, "src"), Path.GetDirectoryName(f.File)!).Replace('/', '.'))
            .Select(f => $"{SourceTree.Relative(f.File)} says {f.Namespace.Groups[1].Value}");

        Assert.Empty(strays);
    }

    [Fact]
    public void No_folder_is_a_drawer_for_everything()
        => Assert.Empty(Directory.EnumerateDirectories(Path.Combine(SourceTree.Root, "src"), "*", SearchOption.AllDirectories)
            .Where(d => s_refusedNames.Contains(Path.GetFileName(d), StringComparer.Ordinal)).Select(SourceTree.Relative));

    [Fact]
    public void Only_the_executables_write_to_the_console()
        => Assert.Empty(SourceTree.Files("src")
            .Where(f => !f.Contains("/src/Fairlead/", StringComparison.Ordinal) && !f.Contains("/src/Fairlead.Cni/", StringComparison.Ordinal))
            .Where(f => ConsoleWrite().IsMatch(File.ReadAllText(f))).Select(SourceTree.Relative));

    [Fact]
    public void No_program_of_the_host_does_our_work()
    {
        // Each place that starts a program, and whose program it is.
        string[] known =
        [
            "src/Fairlead.Cni/Plugins/IpamDelegate.cs",              // CNI plugins
            "src/Fairlead.Cni/Runtime/PluginProcess.cs",             // CNI plugins
            "src/Fairlead/Commands/Net/NetExecCommand.cs",           // what a person asks for
            "src/Fairlead.Lab/LabControl.cs",                        // ourselves
            "src/Fairlead.Lab/Nodes/AgentProcess.cs",                // ourselves
            "src/Fairlead.Lab/Pods/Containers/ContainerExec.cs",     // what a probe asks for
            "src/Fairlead.Lab/Stages/AddonsStage.cs",                // kubectl, for a person's manifests
            "src/Fairlead.Linux/Processes/Command.cs",
            "src/Fairlead.Linux/Processes/SpawnOptions.cs",
            "src/Fairlead.Topology/Containers/Launch/ContainerProcess.cs",   // what a pod or `fairlead run` asks for
            "src/Fairlead.Topology/Containers/SupervisorProcess.cs",         // ourselves
        ];
        var starts = SourceTree.Files("src").Where(f => StartsProgram().IsMatch(File.ReadAllText(f))).Select(SourceTree.Relative);

        Assert.Empty(starts.Except(known));
    }

    [Fact]
    public void Every_package_has_its_line_in_the_dependencies()
    {
        var said = File.ReadAllText(Path.Combine(SourceTree.Root, "docs/dependencies.md"));
        var packages = PackageVersion().Matches(File.ReadAllText(Path.Combine(SourceTree.Root, "Directory.Packages.props"))).Select(m => m.Groups[1].Value);

        Assert.Empty(packages.Where(p => !said.Contains(p, StringComparison.Ordinal)));
    }

    [GeneratedRegex(@"^namespace ([\w.]+);", RegexOptions.Multiline)]
    private static partial Regex NamespaceLine();

    [GeneratedRegex(@"\bConsole\.(Write|Out|Error)\b")]
    private static partial Regex ConsoleWrite();

    [GeneratedRegex(@"\bProcessStartInfo\b|\bnew SpawnOptions\b|\bCommand\.RunAsync\b")]
    private static partial Regex StartsProgram();

    [GeneratedRegex("PackageVersion Include=\"([^\"]+)\"")]
    private static partial Regex PackageVersion();
}
