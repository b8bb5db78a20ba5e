using System.Collections;
using System.Runtime.InteropServices;
using Fairlead.Linux.Namespaces;

namespace Fairlead.Linux.Processes;

/// <summary>Starts children inside namespaces.</summary>
/// <remarks>
/// A program with threads cannot safely run code of its own between fork and exec, so the kernel's way of entering namespaces by
/// the child is closed to us. Instead a thread of its own enters them, starts the child with posix_spawn (which inherits what the
/// thread has), and ends. Everything the start needs is allocated before the thread enters anything.
/// </remarks>
internal static unsafe class Spawner
{
    /// <summary>Larger than posix_spawn_file_actions_t, posix_spawnattr_t and sigset_t of any libc.</summary>
    private const int OpaqueSize = 512;

    internal static ProcessHandle Start(SpawnOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ProcessExits.Prepare();
        using var arguments = new NativeStrings([options.Argument0 ?? options.Executable, .. options.Arguments]);
        using var environment = new NativeStrings(EnvironmentOf(options));
        using var executable = new NativeStrings([options.Executable, options.WorkingDirectory ?? ""]);
        var descriptors = new List<SafeHandle>();
        try
        {
            // Copies numbered above all targets, so that putting one in its place never overwrites another.
            var first = 3 + options.Inherit.Count;
            foreach (var (handle, write) in Standard(options).Concat(options.Inherit.Select(h => ((SafeHandle?)h, false))))
            {
                descriptors.Add(Duplicate(handle, first, write));
            }

            var numbers = descriptors.Select(d => (int)d.DangerousGetHandle()).ToArray();
            var plain = options is { Network: null, New: NamespaceKinds.None, Join: null, Prepare: null };
            var id = plain ? Spawn() : NetworkNamespace.OnNewThread(() =>
            {
                Enter(options);
                return Spawn();
            });
            return ProcessHandle.OfChild(id);

            int Spawn() => Call(options, numbers, executable.Pointers, arguments.Pointers, environment.Pointers);
        }
        finally
        {
            descriptors.ForEach(d => d.Dispose());
        }
    }

    private static void Enter(SpawnOptions options)
    {
        if (options.Join is { } process)
        {
            // Threads share the working folder and root, and what is shared cannot enter a mount namespace.
            _ = LinuxException.ThrowIfFailed(Libc.unshare(Libc.CloneFs), "unshare file system attributes");
            _ = LinuxException.ThrowIfFailed(Libc.setns(process.Handle, (int)options.JoinKinds), $"enter namespaces of {process}");
        }

        options.Network?.Enter();
        var early = (int)(options.New & ~NamespaceKinds.Process);
        if (early != 0)
        {
            _ = LinuxException.ThrowIfFailed(Libc.unshare(early), $"unshare {options.New}");
        }

        if (options.New.HasFlag(NamespaceKinds.Mount))
        {
            Mount.MakeSlave("/");
        }

        options.Prepare?.Invoke();

        // Last: from here on this thread can start no other thread.
        if (options.New.HasFlag(NamespaceKinds.Process))
        {
            _ = LinuxException.ThrowIfFailed(Libc.unshare((int)NamespaceKinds.Process), "unshare process namespace");
        }
    }

    private static int Call(SpawnOptions options, int[] descriptors, byte** paths, byte** argv, byte** envp)
    {
        var actions = stackalloc byte[OpaqueSize];
        var attributes = stackalloc byte[OpaqueSize];
        var signals = stackalloc byte[OpaqueSize];
        Check(Libc.posix_spawn_file_actions_init(actions), "file actions");
        Check(Libc.posix_spawnattr_init(attributes), "attributes");
        try
        {
            for (var i = 0; i < descriptors.Length; i++)
            {
                Check(Libc.posix_spawn_file_actions_adddup2(actions, descriptors[i], i), "descriptor");
            }

            Check(Libc.posix_spawn_file_actions_addclosefrom_np(actions, descriptors.Length), "closing of descriptors");
            if (options.WorkingDirectory is not null)
            {
                Check(Libc.posix_spawn_file_actions_addchdir_np(actions, paths[1]), "working folder");
            }

            var flags = Libc.SpawnSetSignalDefault | Libc.SpawnSetSignalMask | (options.NewSession ? Libc.SpawnSetSession : 0);
            Check(Libc.posix_spawnattr_setflags(attributes, (short)flags), "flags");
            _ = Libc.sigfillset(signals);
            Check(Libc.posix_spawnattr_setsigdefault(attributes, signals), "signal defaults");
            _ = Libc.sigemptyset(signals);
            Check(Libc.posix_spawnattr_setsigmask(attributes, signals), "signal mask");
            int id;
            Check(Libc.posix_spawn(&id, paths[0], actions, attributes, argv, envp), options.Executable);
            return id;
        }
        finally
        {
            _ = Libc.posix_spawn_file_actions_destroy(actions);
            _ = Libc.posix_spawnattr_destroy(attributes);
        }

        // These functions return the errno instead of setting it.
        static void Check(int errno, string what)
        {
            if (errno != 0)
            {
                throw new LinuxException($"start {what}", errno);
            }
        }
    }

    private static Microsoft.Win32.SafeHandles.SafeFileHandle Duplicate(SafeHandle? handle, int atLeast, bool write)
    {
        if (handle is not null)
        {
            return Libc.Handle(Libc.fcntl(handle, Libc.FcntlDuplicateCloseOnExec, atLeast), "duplicate a descriptor");
        }

        using var nothing = Libc.Handle(Libc.open("/dev/null", (write ? Libc.OpenWriteOnly : Libc.OpenReadOnly) | Libc.OpenCloseOnExec, 0), "open /dev/null");
        return Libc.Handle(Libc.fcntl(nothing, Libc.FcntlDuplicateCloseOnExec, atLeast), "duplicate a descriptor");
    }

    private static IEnumerable<(SafeHandle? Handle, bool Write)> Standard(SpawnOptions options)
        => [(options.Input, false), (options.Output, true), (options.Error, true)];

    private static IEnumerable<string> EnvironmentOf(SpawnOptions options)
        => options.Environment?.Select(v => $"{v.Key}={v.Value}")
            ?? Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Select(v => $"{v.Key}={v.Value}");
}
