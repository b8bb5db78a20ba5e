using System.Diagnostics;
using System.Globalization;
using Fairlead.KernelTests.Fixtures;

namespace Fairlead.KernelTests.VirtualMachines;

/// <summary>Another kernel for what this machine's lacks. It runs one program, and ends with it.</summary>
/// <remarks>
/// The guest sees the host's files, read-only, so that whatever is built or installed here runs there as it is. Whatever becomes of this
/// process, nothing stays: the machine is in a PID namespace of its own that ends with its first process, which ends with the thread that
/// started it. So <see cref="Run"/> is synchronous: the thread must be there until the end.
/// </remarks>
public abstract class VirtualMachine
{
    private const string Prefix = "fairlead-t-vm-";

    /// <summary>The variable that tells a program that it is in one: its name.</summary>
    public const string Variable = "FAIRLEAD_VIRTUAL_MACHINE";

    /// <summary>A kernel as a program: quick, and without nftables' ip families, wireguard and a second processor.</summary>
    public static VirtualMachine UserMode { get; } = new UserModeLinux();

    /// <summary>Debian's own kernel on an emulated machine: has everything, and takes its time.</summary>
    public static VirtualMachine Debian { get; } = new EmulatedMachine();

    public abstract string Name { get; }

    /// <summary>Where the kernel's modules are (below it <c>lib/modules</c>).</summary>
    protected abstract string ModuleFolder { get; }

    /// <summary>The guest's terminal that the program writes to.</summary>
    protected abstract string Terminal { get; }

    /// <summary>The line of sh by which the guest gets the work folder.</summary>
    protected abstract string MountWork(string work);

    /// <summary>The command that is the machine. Its standard output is the program's, its standard error the kernel's console.</summary>
    protected abstract IReadOnlyList<string> Start(string work, string script);

    /// <summary>Runs a program and gives its exit code and what it wrote.</summary>
    public (int ExitCode, string Output) Run(GuestProgram program)
    {
        using var output = new StringWriter(CultureInfo.InvariantCulture);
        var code = Run(program, output);
        return (code, output.ToString());
    }

    /// <summary>Runs a program; its output goes to the writer as it comes.</summary>
    /// <exception cref="VirtualMachineException">The machine did not start, took too long, or ended by itself.</exception>
    public int Run(GuestProgram program, TextWriter output)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root");
        Sweep();
        var work = Directory.CreateTempSubdirectory($"{Prefix}{Environment.ProcessId}-").FullName;
        try
        {
            return Run(program, output, work);
        }
        finally
        {
            Directory.Delete(work, recursive: true);
        }
    }

    private int Run(GuestProgram program, TextWriter output, string work)
    {
        var script = Path.Combine(work, "init");
        File.WriteAllText(script, GuestScript.Of(program, $"{MountWork(work)}; export {Variable}='{Name}'", Terminal, ModuleFolder));
        File.SetUnixFileMode(script, (UnixFileMode)0b111_101_101);

        // The shell is the namespace's first process, because the kernel keeps from that one the signal with which a machine in panic ends itself.
        using var process = Process.Start(new ProcessStartInfo(
            "setpriv",
            ["--pdeathsig", "KILL", "unshare", "--pid", "--mount-proc", "--fork", "--kill-child", "--", "sh", "-c", "\"$@\"; exit $?", "sh", .. Start(work, script)])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        }) ?? throw new VirtualMachineException($"{Name}: it does not start");
        process.StandardInput.Close();
        var console = process.StandardError.ReadToEndAsync();
        var copying = Task.Run(() => Copy(process.StandardOutput, output));
        var late = !process.WaitForExit(program.Limit);
        if (late)
        {
            process.Kill();
        }

        // Every process of the machine holds these pipes: at their end all of them are gone.
        copying.GetAwaiter().GetResult();
        var said = console.GetAwaiter().GetResult();
        var file = Path.Combine(work, GuestScript.ExitCodeFile);
        return late ? throw new VirtualMachineException($"{Name}: not done after {program.Limit}, and killed\n{said}")
            : File.Exists(file) && int.TryParse(File.ReadAllText(file).Trim(), CultureInfo.InvariantCulture, out var code) ? code
            : throw new VirtualMachineException($"{Name}: it ended before its program did (exit code {process.ExitCode})\n{said}");
    }

    protected static string Store(string name) => Path.Combine(Machine.Root, "artifacts", "virtual-machines", name);

    private static void Copy(StreamReader from, TextWriter to)
    {
        var buffer = new char[4096];
        while (from.Read(buffer) is > 0 and var read)
        {
            to.Write(buffer, 0, read);
            to.Flush();
        }
    }

    /// <summary>Removes work folders whose process is no more.</summary>
    private static void Sweep()
    {
        foreach (var folder in Directory.GetDirectories(Path.GetTempPath(), $"{Prefix}*"))
        {
            if (!Directory.Exists($"/proc/{Path.GetFileName(folder)[Prefix.Length..].Split('-')[0]}"))
            {
                Directory.Delete(folder, recursive: true);
            }
        }
    }
}
