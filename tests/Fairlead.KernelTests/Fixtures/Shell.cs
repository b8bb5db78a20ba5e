using System.Diagnostics;
using Fairlead.Linux.Namespaces;

namespace Fairlead.KernelTests.Fixtures;

/// <summary>Runs stock programs inside a namespace, to look at what was made or to be the other side of it.</summary>
public static class Shell
{
    /// <summary>Runs a line of sh and gives its output; fails the test where its exit code is not 0.</summary>
    public static string Sh(this NetworkNamespace network, string line, string input = "")
    {
        using var process = network.Run(() => Process.Start(new ProcessStartInfo("/bin/sh", ["-c", line])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        }))!;
        var error = process.StandardError.ReadToEndAsync();
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{line}: exit code {process.ExitCode}\n{output}{error.GetAwaiter().GetResult()}");
        return output;
    }

    /// <summary>Skips the test where a program is not on this machine.</summary>
    public static void Need(string program)
        => Assert.SkipUnless(
            "/usr/sbin:/usr/bin:/sbin:/bin".Split(':').Any(d => File.Exists($"{d}/{program}")), $"needs {program}");
}
