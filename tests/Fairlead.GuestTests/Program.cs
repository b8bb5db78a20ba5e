using System.Diagnostics;
using Fairlead.KernelTests.Cni.Reference;
using Fairlead.KernelTests.VirtualMachines;
using Xunit.Runner.InProc.SystemConsole;

namespace Fairlead.GuestTests;

/// <summary>On the host: starts each virtual machine that there are tests for, with itself as the program. Inside: runs the tests.</summary>
/// <remarks>Each machine prints a summary of its own. Without root, the tests themselves say that they need it.</remarks>
internal static class Program
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(20);

    private static int Main(string[] args)
    {
        if (Environment.GetEnvironmentVariable(VirtualMachine.Variable) is not null || !Environment.IsPrivilegedProcess)
        {
            return ConsoleRunner.Run(args).GetAwaiter().GetResult();
        }

        ReferenceComparison.Prepare();
        return Math.Max(RunIn(VirtualMachine.UserMode, [.. args, "-trait-", $"{Guest.Kernel}={Guest.Debian}"]), RunIn(VirtualMachine.Debian, [.. args, "-trait", $"{Guest.Kernel}={Guest.Debian}"]));
    }

    private static int RunIn(VirtualMachine machine, string[] args)
    {
        if (!HasTests(args))
        {
            return 0;
        }

        Console.WriteLine($"in {machine.Name}:");
        var environment = new Dictionary<string, string>
        {
            ["DOTNET_ROOT"] = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "../../..")),
            ["DOTNET_TieredPGO"] = "0", // the emulated machine has no time for measuring
        };
        try
        {
            return machine.Run(
                new GuestProgram(Environment.ProcessPath!, args) { Environment = environment, WorkingDirectory = Environment.CurrentDirectory, Limit = s_limit }, Console.Out);
        }
        catch (VirtualMachineException e)
        {
            Console.Error.WriteLine(e.Message);
            return 3;
        }
    }

    /// <summary>Whether a filter leaves tests for a machine: starting it takes long enough.</summary>
    private static bool HasTests(string[] args)
    {
        using var process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, [.. args, "-list", "tests"])
        {
            Environment = { [VirtualMachine.Variable] = "list" }, RedirectStandardOutput = true,
        })!;
        var listed = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode != 0 || listed.Contains(nameof(Fairlead.GuestTests), StringComparison.Ordinal);
    }
}
