using System.Runtime.InteropServices;
using Fairlead.Linux;
using Microsoft.Win32.SafeHandles;

namespace Fairlead.Cni;

/// <summary>The calls of libc that the plugins and the launcher need beyond what Fairlead.Linux offers.</summary>
internal static unsafe partial class Libc
{
    private const int LockExclusive = 2; // sys/file.h: LOCK_EX

    // sys/mount.h
    internal const nuint MountReadOnly = 1;
    internal const nuint MountNoSetUserId = 2;
    internal const nuint MountNoDevices = 4;
    internal const nuint MountNoExecute = 8;
    internal const nuint MountRemount = 0x20;
    internal const nuint MountBind = 0x1000;
    internal const nuint MountRecursive = 0x4000;
    internal const nuint MountPrivate = 1 << 18;
    internal const int UnmountDetach = 2;

    // fcntl.h
    internal const int AtWorkingDirectory = -100;
    internal const int AtEmptyPath = 0x1000;
    internal const int AtRecursive = 0x8000;
    internal const int OpenCloseOnExec = 0x80000;
    private const int OpenReadWrite = 2;
    private const int OpenCreate = 0x40;
    internal const int OpenPathOnly = 0x200000;

    // linux/mount.h
    internal const uint OpenTreeClone = 1;
    internal const uint MoveMountEmptyPath = 4;
    internal const ulong AttributeReadOnly = 1;
    internal const ulong AttributeNoSetUserId = 2;
    internal const ulong AttributeNoDevices = 4;

    // sched.h
    internal const int CloneFs = 0x200;
    internal const int CloneNewNs = 0x20000;
    internal const int CloneNewUts = 0x4000000;
    internal const int CloneNewIpc = 0x8000000;
    internal const int CloneNewPid = 0x20000000;
    internal const int CloneNewNet = 0x40000000;

    // linux/prctl.h
    internal const int PrctlReadBounding = 23;
    internal const int PrctlDropBounding = 24;
    internal const int PrctlNoNewPrivileges = 38;
    internal const int PrctlAmbient = 47;
    internal const int AmbientClearAll = 4;

    // sys/stat.h
    internal const uint CharacterDevice = 0x2000;

    // The same on every machine: these calls came after the numbers were made one (asm-generic/unistd.h).
    private const nint SyscallOpenTree = 428;
    private const nint SyscallMoveMount = 429;
    private const nint SyscallCloseRange = 436;
    private const nint SyscallMountSetAttributes = 442;
    private const int CloseRangeOnExec = 4;
    private const uint CapabilityVersion = 0x20080522; // linux/capability.h: _LINUX_CAPABILITY_VERSION_3

    /// <summary>Opens a file, made if need be, and waits for its exclusive lock, which ends with the handle, or with the process however that ends.</summary>
    /// <remarks>Not FileStream: it tries for a lock of its own at once, and fails where another holds one.</remarks>
    public static SafeFileHandle OpenLocked(string path)
    {
        var file = new SafeFileHandle(Check(open(path, OpenReadWrite | OpenCreate | OpenCloseOnExec, 0x1a4), $"open {path}"), ownsHandle: true);
        while (flock(file, LockExclusive) != 0)
        {
            var errno = Marshal.GetLastPInvokeError();
            if (errno != Errno.Interrupted)
            {
                file.Dispose();
                throw new LinuxException($"lock {path}", errno);
            }
        }

        return file;
    }

    /// <summary>Kills a process and every other of its group.</summary>
    public static void KillGroup(int id) => _ = kill(-id, 9); // gone already is as good

    /// <summary>Tries for a lock on bytes of a file, among processes and among handles of one; it ends with the handle.</summary>
    /// <remarks>fcntl(2): F_OFD_SETLK. A length of 0 means to the end, wherever that comes to be.</remarks>
    public static bool TryLockRange(SafeFileHandle file, short kind, long start, long length)
    {
        const int SetLock = 37; // F_OFD_SETLK
        var range = stackalloc long[4]; // struct flock: type and whence, start, length, pid
        (range[0], range[1], range[2], range[3]) = (kind, start, length, 0);
        if (fcntl(file, SetLock, range) == 0)
        {
            return true;
        }

        var errno = Marshal.GetLastPInvokeError();
        return errno is Errno.Again or Errno.Access or Errno.Interrupted ? false : throw new LinuxException("lock a range of a file", errno);
    }

    public static int Check(int result, string operation)
        => result >= 0 ? result : throw new LinuxException(operation, Marshal.GetLastPInvokeError());

    /// <summary>Takes a copy of the mounts at a path, attached nowhere; it survives whatever happens to the path.</summary>
    public static SafeFileHandle OpenTree(string path)
    {
        var text = Marshal.StringToCoTaskMemUTF8(path);
        try
        {
            var fd = syscall(SyscallOpenTree, AtWorkingDirectory, text, (nint)OpenTreeClone | OpenCloseOnExec | AtRecursive, 0, 0);
            return new SafeFileHandle(Check((int)fd, $"open {path}"), ownsHandle: true);
        }
        finally
        {
            Marshal.FreeCoTaskMem(text);
        }
    }

    public static void MoveMount(SafeFileHandle tree, string target)
    {
        var text = Marshal.StringToCoTaskMemUTF8(target);
        fixed (byte* empty = "\0"u8)
        {
            Check(
                (int)syscall(SyscallMoveMount, tree.DangerousGetHandle(), (nint)empty, AtWorkingDirectory, text, (nint)MoveMountEmptyPath),
                $"mount on {target}");
        }

        Marshal.FreeCoTaskMem(text);
    }

    /// <summary>Adds attributes to a detached tree (with a handle) or to the mounts at a path, and makes them private.</summary>
    public static void SetMountAttributes(SafeFileHandle? tree, string path, ulong attributes, bool recursive)
    {
        var change = stackalloc ulong[4]; // struct mount_attr: set, clear, propagation, user namespace
        (change[0], change[1], change[2], change[3]) = (attributes, 0, (ulong)MountPrivate, 0);
        var text = Marshal.StringToCoTaskMemUTF8(tree is null ? path : "");
        var flags = (tree is null ? 0 : AtEmptyPath) | (recursive ? AtRecursive : 0);
        var result = (int)syscall(
            SyscallMountSetAttributes, tree?.DangerousGetHandle() ?? AtWorkingDirectory, text, flags, (nint)change, 4 * sizeof(ulong));
        var errno = Marshal.GetLastPInvokeError();
        Marshal.FreeCoTaskMem(text);
        if (result < 0)
        {
            throw new LinuxException($"set attributes of mount {path}", errno);
        }
    }

    /// <summary>Has every handle from a number on closed by the next execve.</summary>
    public static void CloseFromOnExec(int first)
        => Check((int)syscall(SyscallCloseRange, first, int.MaxValue, CloseRangeOnExec, 0, 0), "close_range");

    /// <summary>The permitted capabilities of the calling thread.</summary>
    public static ulong PermittedCapabilities()
    {
        var header = stackalloc uint[2] { CapabilityVersion, 0 };
        var data = stackalloc uint[6];
        Check(capget(header, data), "capget");
        return data[1] | ((ulong)data[4] << 32);
    }

    /// <summary>Sets the effective and permitted capabilities of the calling thread; none are inheritable.</summary>
    public static void SetCapabilities(ulong mask)
    {
        var header = stackalloc uint[2] { CapabilityVersion, 0 };
        var (low, high) = ((uint)mask, (uint)(mask >> 32));
        var data = stackalloc uint[6] { low, low, 0, high, high, 0 };
        Check(capset(header, data), "capset");
    }

    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint read(int fd, byte* buffer, nuint count);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint write(int fd, byte* buffer, nuint count);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int kill(int id, int signal);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fcntl(SafeFileHandle fd, int command, void* argument);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int flock(SafeFileHandle fd, int operation);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint syscall(nint number, nint a, nint b, nint c, nint d, nint e);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int capget(uint* header, uint* data);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int capset(uint* header, uint* data);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int prctl(int option, nuint a, nuint b, nuint c, nuint d);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int mount(string? source, string target, string? type, nuint flags, string? data);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int umount2(string target, int flags);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int pivot_root(string newRoot, string putOld);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int chroot(string path);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int chdir(string path);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int fchdir(SafeFileHandle fd);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int chmod(string path, uint mode);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int mknod(string path, uint mode, ulong device);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int open(string path, int flags, uint mode);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int sethostname(string name, nuint length);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int setgroups(nuint size, uint* list);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int setresgid(uint real, uint effective, uint saved);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int setresuid(uint real, uint effective, uint saved);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int unshare(int flags);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int setns(SafeFileHandle fd, int type);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int execve(byte* path, byte** argv, byte** envp);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int waitpid(int pid, int* status, int options);

    [LibraryImport("libc")]
    internal static partial int posix_spawn(int* pid, byte* path, void* actions, void* attributes, byte** argv, byte** envp);

    [LibraryImport("libc")]
    internal static partial int posix_spawnattr_init(void* attributes);

    [LibraryImport("libc")]
    internal static partial int posix_spawnattr_setflags(void* attributes, short flags);

    [LibraryImport("libc")]
    internal static partial int posix_spawnattr_setsigdefault(void* attributes, void* set);

    [LibraryImport("libc")]
    internal static partial int posix_spawnattr_setsigmask(void* attributes, void* set);

    [LibraryImport("libc")]
    internal static partial int sigemptyset(void* set);

    [LibraryImport("libc")]
    internal static partial int sigfillset(void* set);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int sigprocmask(int how, void* set, void* old);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint signal(int number, nint handler);
}
