using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Fairlead.Linux;
using Fairlead.Linux.Processes;
using Microsoft.Win32.SafeHandles;

namespace Fairlead.Cni.Launcher;

/// <summary>Runs another program in a container that runs already, with the rights of its first process; for probes and <c>exec</c>.</summary>
/// <remarks>
/// To end it with all that it started, kill the process group of <c>fairlead-pod exec</c>: a process keeps its group in
/// another process namespace too.
/// </remarks>
internal sealed record JoinCommand(int ProcessId, string? WorkingDirectory, ImmutableArray<string> Variables, ImmutableArray<string> Command)
{
    private const short SpawnSetSignalDefault = 4;
    private const short SpawnSetSignalMask = 8;

    public static JoinCommand Parse(ImmutableArray<string> arguments)
    {
        int? pid = null;
        string? folder = null;
        var variables = ImmutableArray.CreateBuilder<string>();
        for (var i = 0; i < arguments.Length; i++)
        {
            string Value() => ++i < arguments.Length ? arguments[i] : throw Wrong($"{arguments[i - 1]} needs a value");
            switch (arguments[i])
            {
                case "--pid":
                    pid = int.TryParse(Value(), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0
                        ? number
                        : throw Wrong($"--pid: '{arguments[i]}' is no process id");
                    break;
                case "--cwd":
                    folder = Value();
                    break;
                case "--env":
                    variables.Add(Value());
                    break;
                case "--" when pid is not null && i + 1 < arguments.Length:
                    return new JoinCommand(pid.Value, folder, variables.ToImmutable(), arguments[(i + 1)..]);
                default:
                    throw Wrong($"'{arguments[i]}' is not understood here");
            }
        }

        throw Wrong("no command is given");
    }

    private static LaunchException Wrong(string fault) => new(LaunchException.WrongUsage, $"{fault}\n{LauncherProgram.Usage}");

    /// <returns>The program's exit code; 128 and the signal's number where a signal ended it.</returns>
    public int Run()
    {
        var process = string.Create(CultureInfo.InvariantCulture, $"/proc/{ProcessId}");
        if (!Directory.Exists(process))
        {
            throw new LaunchException(LaunchException.SetupFailed, $"process {ProcessId} is gone");
        }

        var environment = File.ReadAllText($"{process}/environ").Split('\0', StringSplitOptions.RemoveEmptyEntries)
            .Concat(Variables)
            .Select(v => v.Split('=', 2))
            .Where(v => v.Length == 2)
            .GroupBy(v => v[0], StringComparer.Ordinal)
            .ToImmutableDictionary(v => v.Key, v => v.Last()[1], StringComparer.Ordinal);
        var privileges = Privileges.OfProcess($"{process}/status");
        Join(process);
        Privileges.Take(privileges);
        return Start(ProgramStart.Resolve(Command[0], environment), environment);
    }

    private void Join(string process)
    {
        (string Name, int Type)[] kinds =
        [
            ("uts", Libc.CloneNewUts), ("ipc", Libc.CloneNewIpc), ("net", Libc.CloneNewNet), ("pid", Libc.CloneNewPid), ("mnt", Libc.CloneNewNs),
        ];
        using var root = Open($"{process}/root");
        using var current = Open($"{process}/cwd");
        var namespaces = kinds.Select(kind => (kind.Type, Handle: Open($"{process}/ns/{kind.Name}", pathOnly: false))).ToList();

        // A thread can enter a mount namespace only if it shares its root and working folder with no other.
        Libc.Check(Libc.unshare(Libc.CloneFs), "unshare the working folder");
        foreach (var (type, handle) in namespaces)
        {
            Libc.Check(Libc.setns(handle, type), $"enter the namespaces of {process}");
            handle.Dispose();
        }

        Libc.Check(Libc.fchdir(root), "change to the container's root");
        Libc.Check(Libc.chroot("."), "change to the container's root");
        if (WorkingDirectory is null)
        {
            Libc.Check(Libc.fchdir(current), "change to the container's working folder");
        }
        else
        {
            Libc.Check(Libc.chdir(WorkingDirectory), $"change to {WorkingDirectory}");
        }
    }

    /// <summary>A process namespace takes effect for children only, so the program is a child, and its end is waited for.</summary>
    private unsafe int Start(string path, ImmutableDictionary<string, string> environment)
    {
        using var arguments = new NativeStrings(Command);
        using var variables = new NativeStrings(environment.Select(v => $"{v.Key}={v.Value}"));
        var attributes = stackalloc byte[1024];
        var signals = stackalloc byte[128];
        _ = Libc.posix_spawnattr_init(attributes);
        _ = Libc.posix_spawnattr_setflags(attributes, SpawnSetSignalDefault | SpawnSetSignalMask);
        _ = Libc.sigfillset(signals);
        _ = Libc.posix_spawnattr_setsigdefault(attributes, signals);
        _ = Libc.sigemptyset(signals);
        _ = Libc.posix_spawnattr_setsigmask(attributes, signals);
        int child;
        int errno;
        Libc.CloseFromOnExec(3);
        fixed (byte* name = Encoding.UTF8.GetBytes(path + "\0"))
        {
            errno = Libc.posix_spawn(&child, name, null, attributes, arguments.Pointers, variables.Pointers);
        }

        if (errno != 0)
        {
            throw ProgramStart.Refused(path, errno);
        }

        int status;
        while (Libc.waitpid(child, &status, 0) < 0)
        {
            var failure = Marshal.GetLastPInvokeError();
            if (failure != Errno.Interrupted)
            {
                throw new LinuxException($"wait for {path}", failure);
            }
        }

        var signal = status & 0x7f;
        return signal == 0 ? (status >> 8) & 0xff : 128 + signal;
    }

    private static SafeFileHandle Open(string path, bool pathOnly = true)
        => new(Libc.Check(Libc.open(path, Libc.OpenCloseOnExec | (pathOnly ? Libc.OpenPathOnly : 0), 0), $"open {path}"), ownsHandle: true);
}
