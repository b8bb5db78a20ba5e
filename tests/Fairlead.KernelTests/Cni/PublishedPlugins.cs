using System.Diagnostics;
using Fairlead.KernelTests.VirtualMachines;

namespace Fairlead.KernelTests.Cni;

/// <summary>The native executable as users get it, published once for a test run and again only where a source is newer.</summary>
public static class PublishedPlugins
{
    private static readonly Lazy<string> s_executable = new(Publish);

    public static string Executable => s_executable.Value;

    private static string Publish()
    {
        var root = Root();
        var executable = Path.Combine(root, "artifacts/publish/Fairlead.Cni/release_net9.0_linux-x64/fairlead-cni");
        if (Environment.GetEnvironmentVariable(VirtualMachine.Variable) is not null)
        {
            return executable; // nothing can be built there; the host has done it
        }

        if (File.Exists(executable) && Sources(root).All(source => File.GetLastWriteTimeUtc(source) < File.GetLastWriteTimeUtc(executable)))
        {
            return executable;
        }

        using var process = Process.Start(new ProcessStartInfo(
            "dotnet", ["publish", "src/Fairlead.Cni", "-f", "net9.0", "-r", "linux-x64", "-c", "Release", "-nologo", "-v", "q"])
        {
            WorkingDirectory = root,
            RedirectStandardOutput = true,
        })!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, output);
        return executable;
    }

    private static IEnumerable<string> Sources(string root)
        => new[] { "src/Fairlead.Cni", "src/Fairlead.Linux" }.SelectMany(
            folder => Directory.EnumerateFiles(Path.Combine(root, folder), "*.cs", SearchOption.AllDirectories));

    internal static string Root()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Fairlead.slnx")))
            {
                return folder.FullName;
            }
        }

        throw new DirectoryNotFoundException("the tests are not inside the repository");
    }
}
