using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Fairlead.KernelTests.Pods;

/// <summary>The native executable of the plugins and the launcher: what <c>./fairlead</c> built, or else published here, once.</summary>
public static class NativeLauncher
{
    private static readonly Lazy<string> s_path = new(Find);

    public static string Path => s_path.Value;

    /// <summary>Makes it be found by a <c>fairlead</c> in a folder, where it looks for what starts its containers.</summary>
    /// <returns>The folder.</returns>
    public static string LinkBeside(string folder)
    {
        lock (s_path)
        {
            var link = System.IO.Path.Combine(folder, "fairlead-cni");
            if (new FileInfo(link).LinkTarget != Path)
            {
                File.Delete(link);
                File.CreateSymbolicLink(link, Path);
            }
        }

        return folder;
    }

    private static string Find()
    {
        var root = AppContext.BaseDirectory;
        while (!File.Exists(System.IO.Path.Combine(root, "Fairlead.slnx")))
        {
            root = System.IO.Path.GetDirectoryName(root) ?? throw new InvalidOperationException("the tests do not run from the repository");
        }

        var rid = RuntimeInformation.OSArchitecture == Architecture.Arm64 ? "linux-arm64" : "linux-x64";
        string[] candidates = [$"{root}/artifacts/fairlead/current/fairlead-cni", $"{root}/artifacts/publish/Fairlead.Cni/release_net9.0_{rid}/fairlead-cni"];
        var newest = candidates.Where(File.Exists).OrderByDescending(File.GetLastWriteTimeUtc).FirstOrDefault();
        if (newest is not null)
        {
            return newest;
        }

        using var publish = Process.Start(new ProcessStartInfo("dotnet", ["publish", $"{root}/src/Fairlead.Cni", "-f", "net9.0", "-c", "Release", "-r", rid, "-v", "quiet", "-nologo"]))!;
        publish.WaitForExit();
        Assert.True(publish.ExitCode == 0, "src/Fairlead.Cni cannot be published");
        return candidates[1];
    }
}
