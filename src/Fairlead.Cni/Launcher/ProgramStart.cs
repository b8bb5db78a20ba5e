using System.Runtime.InteropServices;
using Fairlead.Linux;
using Fairlead.Linux.Processes;

namespace Fairlead.Cni.Launcher;

/// <summary>Finds a program and puts it in the place of this one.</summary>
internal static unsafe class ProgramStart
{
    private const string DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    private const int SignalBrokenPipe = 13;
    private const int SignalSetMask = 2;
    private const int NoSuchFile = 2;
    private const int NotDirectory = 20;
    private const int BadFormat = 8;

    /// <summary>Does not return if the program can be executed.</summary>
    public static LaunchException Execute(IReadOnlyList<string> command, IReadOnlyDictionary<string, string> environment)
    {
        var path = Resolve(command[0], environment);
        using var arguments = new NativeStrings(command);
        using var variables = new NativeStrings(environment.OrderBy(v => v.Key, StringComparer.Ordinal).Select(v => $"{v.Key}={v.Value}"));
        Libc.CloseFromOnExec(3);

        // What is ignored stays ignored through execve, and the runtime ignores broken pipes; a shell's `yes | head` relies on them.
        _ = Libc.signal(SignalBrokenPipe, 0);
        var none = stackalloc byte[128];
        _ = Libc.sigemptyset(none);
        _ = Libc.sigprocmask(SignalSetMask, none, null);
        var name = Marshal.StringToCoTaskMemUTF8(path);
        _ = Libc.execve((byte*)name, arguments.Pointers, variables.Pointers);
        return Refused(path, Marshal.GetLastPInvokeError());
    }

    public static LaunchException Refused(string path, int errno) => errno switch
    {
        NoSuchFile when File.Exists(path) => new LaunchException(
            LaunchException.NotFound, $"{path}: the interpreter or loader that it names is not there"),
        NoSuchFile or NotDirectory => new LaunchException(LaunchException.NotFound, $"{path}: no such program"),
        BadFormat => new LaunchException(LaunchException.CannotExecute, $"{path}: not a program: neither a binary of this machine nor a script with #!"),
        _ => new LaunchException(LaunchException.CannotExecute, new LinuxException($"execute {path}", errno).Message),
    };

    /// <summary>The file of a command: a name with a slash as it is, a bare one by PATH.</summary>
    public static string Resolve(string command, IReadOnlyDictionary<string, string> environment)
    {
        if (command.Length == 0)
        {
            throw new LaunchException(LaunchException.NotFound, "the command is an empty text");
        }

        if (command.Contains('/', StringComparison.Ordinal))
        {
            return command;
        }

        var search = environment.GetValueOrDefault("PATH", DefaultPath);
        string? unusable = null;
        foreach (var folder in search.Split(':'))
        {
            var candidate = Path.Combine(folder.Length == 0 ? "." : folder, command);
            if (!File.Exists(candidate))
            {
                continue;
            }

            if ((File.GetUnixFileMode(candidate) & (UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute)) != 0)
            {
                return candidate;
            }

            unusable ??= candidate;
        }

        throw unusable is null
            ? new LaunchException(LaunchException.NotFound, $"{command}: not found in PATH ({search})")
            : new LaunchException(LaunchException.CannotExecute, $"{unusable}: is not executable");
    }
}
