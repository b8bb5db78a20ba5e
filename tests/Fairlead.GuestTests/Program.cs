using System.Diagnostics;
using System.Globalization;
using Fairlead.GuestTests.Cni;
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
        string[] debian = [.. args, "-trait", $"{Guest.Kernel}={Guest.Debian}"], others = [.. args, "-trait-", $"{Guest.Kernel}={Guest.Debian}"];
        return args.Contains("-class") || Environment.ProcessorCount < 2
            ? Math.Max(RunIn(VirtualMachine.UserMode, others, Console.Out), RunIn(VirtualMachine.Debian, debian, Console.Out))
            : RunSideBySide(debian, others);
    }

    /// <summary>A kernel of User-Mode Linux has one processor: with two of them the time is half.</summary>
    private static int RunSideBySide(string[] debian, string[] others)
    {
        var (code, aside) = (0, new StringWriter(CultureInfo.InvariantCulture));

        // A thread of its own, because a machine ends with the thread that started it.
        var other = new Thread(() => code = RunIn(VirtualMachine.UserMode, [.. others, "-class", $"*{nameof(ReferenceLinkKindTests)}"], aside, Guest.LargeShare));
        other.Start();
        var mine = Math.Max(RunIn(VirtualMachine.UserMode, others, Console.Out, Guest.SmallShare), RunIn(VirtualMachine.Debian, debian, Console.Out));
        other.Join();
        Console.Write(aside);
        return Math.Max(mine, code);
    }

    private static int RunIn(VirtualMachine machine, string[] args, TextWriter output, string? share = null)
    {
        if (!HasTests(args))
        {
            return 0;
        }

        output.WriteLine($"in {machine.Name}{(share is null ? "" : $", the {share} share")}:");
        var environment = new Dictionary<string, string>
        {
            ["DOTNET_ROOT"] = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "../../..")),
            ["DOTNET_TieredPGO"] = "0", // the emulated machine has no time for measuring
        };
        if (share is not null)
        {
            environment[Guest.Share] = share;
        }

        try
        {
            return machine.Run(
                new GuestProgram(Environment.ProcessPath!, args) { Environment = environment, WorkingDirectory = Environment.CurrentDirectory, Limit = s_limit }, output);
        }
        catch (VirtualMachineException e)
        {
            output.WriteLine(e.Message);
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
