using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Fairlead.Linux;

/// <summary>The system calls and libc functions this code uses: all of them, and only here.</summary>
internal static unsafe partial class Libc
{
    private const string Name = "libc";

    // sched.h
    internal const int CloneFs = 0x200;
    internal const int CloneNewNs = 0x20000;
    internal const int CloneNewUts = 0x4000000;
    internal const int CloneNewIpc = 0x8000000;
    internal const int CloneNewPid = 0x20000000;
    internal const int CloneNewNet = 0x40000000;

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int setns(SafeHandle fd, int nstype);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int unshare(int flags);

    // fcntl.h
    internal const int OpenReadOnly = 0;
    internal const int OpenWriteOnly = 1;
    internal const int OpenReadWrite = 2;
    internal const int OpenCreate = 0x40;
    internal const int OpenTruncate = 0x200;
    internal const int OpenAppend = 0x400;
    internal const int OpenCloseOnExec = 0x80000;
    internal const int FcntlDuplicateCloseOnExec = 1030;

    /// <summary>O_DIRECTORY: one of the few flags that differ between the machines we build for.</summary>
    internal static readonly int OpenDirectory = RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm ? 0x4000 : 0x10000;

    // A variadic function is declared here with its third argument; the two machines we build for pass it as any other.
    [LibraryImport(Name, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int open(string path, int flags, uint mode);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int fcntl(SafeHandle fd, int command, int argument);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int close(int fd);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial nint read(SafeHandle fd, Span<byte> bytes, nuint length);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial nint write(SafeHandle fd, ReadOnlySpan<byte> bytes, nuint length);

    internal const int LockExclusive = 2;

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int flock(SafeHandle fd, int operation);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int pipe2(int* fds, int flags);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int ioctl(SafeHandle fd, nuint request, nint argument);

    /// <summary>SIOCGSKNS: a handle on the network namespace of a socket (linux/sockios.h).</summary>
    internal const nuint SocketNamespace = 0x894c;

    /// <summary>linux/nsfs.h: NS_GET_NSTYPE.</summary>
    internal const nuint NamespaceType = 0xb703;

    // sys/mount.h
    [LibraryImport(Name, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int mount(string? source, string target, string? type, nuint flags, string? data);

    [LibraryImport(Name, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int umount2(string target, int flags);

    [LibraryImport(Name, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int statfs(string path, long* buffer);

    [LibraryImport(Name, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int unlink(string path);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int fstat(SafeHandle fd, byte* buffer);

    // sys/socket.h
    internal const int AfNetlink = 16;
    internal const int SocketRaw = 3;
    internal const int SocketCloseOnExec = 0x80000;
    internal const int SolSocket = 1;
    internal const int SoReceiveBuffer = 8;
    internal const int SoSendBufferForce = 32;
    internal const int SoReceiveBufferForce = 33;
    internal const int SoReceiveTimeout = 20;
    internal const int MessageTruncate = 0x20;
    internal const int MessageDontWait = 0x40;

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int socket(int domain, int type, int protocol);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int bind(SafeHandle fd, SockaddrNetlink* address, int length);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int getsockname(SafeHandle fd, SockaddrNetlink* address, int* length);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int setsockopt(SafeHandle fd, int level, int name, void* value, int length);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int getsockopt(SafeHandle fd, int level, int name, void* value, int* length);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial nint send(SafeHandle fd, byte* buffer, nuint length, int flags);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial nint recvfrom(SafeHandle fd, byte* buffer, nuint length, int flags, SockaddrNetlink* from, int* fromLength);

    /// <summary>struct sockaddr_nl.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct SockaddrNetlink
    {
        public ushort Family;
        public ushort Pad;
        public uint PortId;
        public uint Groups;
    }

    // Processes
    internal const int PidFd = 3;
    internal const int WaitExited = 4;
    internal const int WaitNoHang = 1;
    internal const int SpawnSetSignalDefault = 0x04;
    internal const int SpawnSetSignalMask = 0x08;
    internal const int SpawnSetSession = 0x80;

    [LibraryImport(Name)]
    internal static partial int posix_spawn(int* pid, byte* path, void* actions, void* attributes, byte** argv, byte** envp);

    [LibraryImport(Name)]
    internal static partial int posix_spawn_file_actions_init(void* actions);

    [LibraryImport(Name)]
    internal static partial int posix_spawn_file_actions_destroy(void* actions);

    [LibraryImport(Name)]
    internal static partial int posix_spawn_file_actions_adddup2(void* actions, int fd, int newFd);

    [LibraryImport(Name)]
    internal static partial int posix_spawn_file_actions_addchdir_np(void* actions, byte* path);

    [LibraryImport(Name)]
    internal static partial int posix_spawn_file_actions_addclosefrom_np(void* actions, int from);

    [LibraryImport(Name)]
    internal static partial int posix_spawnattr_init(void* attributes);

    [LibraryImport(Name)]
    internal static partial int posix_spawnattr_destroy(void* attributes);

    [LibraryImport(Name)]
    internal static partial int posix_spawnattr_setflags(void* attributes, short flags);

    [LibraryImport(Name)]
    internal static partial int posix_spawnattr_setsigdefault(void* attributes, void* signals);

    [LibraryImport(Name)]
    internal static partial int posix_spawnattr_setsigmask(void* attributes, void* signals);

    [LibraryImport(Name)]
    internal static partial int sigemptyset(void* signals);

    [LibraryImport(Name)]
    internal static partial int sigfillset(void* signals);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int waitid(int idType, int id, byte* info, int options);

    // pidfd_open and pidfd_send_signal have no wrapper in the libc of Debian 12's time; the numbers are the same on every machine.
    private const nint PidfdSendSignalNumber = 424;
    private const nint PidfdOpenNumber = 434;

    [LibraryImport(Name, SetLastError = true)]
    private static partial nint syscall(nint number, nint a, nint b, nint c, nint d);

    [LibraryImport(Name, EntryPoint = "syscall", SetLastError = true)]
    private static partial nint SyscallOnHandle(nint number, SafeHandle a, nint b, nint c, nint d);

    internal static int PidfdOpen(int pid) => (int)syscall(PidfdOpenNumber, pid, 0, 0, 0);

    internal static int PidfdSendSignal(SafeHandle pidfd, int signal) => (int)SyscallOnHandle(PidfdSendSignalNumber, pidfd, signal, 0, 0);

    /// <summary>struct pollfd.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct PollDescriptor
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int poll(PollDescriptor* descriptors, nuint count, int timeout);

    // sys/epoll.h
    internal const int EpollControlAdd = 1;
    internal const int EpollControlDelete = 2;
    internal const uint EpollIn = 1;
    internal const uint EpollOneShot = 1u << 30;

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int epoll_create1(int flags);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int epoll_ctl(SafeHandle epoll, int operation, int fd, byte* e);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int epoll_wait(SafeHandle epoll, byte* events, int count, int timeout);

    /// <summary>Wraps the result of a call that returns a descriptor, or throws with its errno.</summary>
    internal static SafeFileHandle Handle(int fd, string operation) => new(LinuxException.ThrowIfFailed(fd, operation), ownsHandle: true);
}
