using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Fairlead.Linux.Processes;

/// <summary>Waits for the end of any number of processes with one thread.</summary>
/// <remarks>
/// A pidfd becomes readable when its process ends. The thread is the one piece of shared state here: it belongs to the operating
/// system process as a whole, as its children do. .NET's own reaping knows only children that it started, so that ours keep their
/// exit codes, but for one case: where this program was started with SIGCHLD ignored, .NET reaps everything; then the code is unknown.
/// </remarks>
internal static unsafe class ProcessExits
{
    private const int ChildExited = 1;
    private const int ChildKilled = 2;
    private const int ChildDumped = 3;

    private static readonly ConcurrentDictionary<long, (SafeFileHandle Handle, TaskCompletionSource<ExitStatus> Exited)> s_waiting = new();
    private static readonly Lazy<SafeFileHandle> s_epoll = new(StartThread);
    private static long s_next;

    /// <summary>Makes sure that the thread exists. To be called before any thread enters a namespace, since threads inherit theirs.</summary>
    internal static void Prepare() => _ = s_epoll.Value;

    internal static Task<ExitStatus> WaitAsync(SafeFileHandle pidfd)
    {
        var key = Interlocked.Increment(ref s_next);
        var exited = new TaskCompletionSource<ExitStatus>(TaskCreationOptions.RunContinuationsAsynchronously);
        s_waiting[key] = (pidfd, exited);
        var e = stackalloc byte[16];
        WriteEvent(e, key);
        if (Libc.epoll_ctl(s_epoll.Value, Libc.EpollControlAdd, (int)pidfd.DangerousGetHandle(), e) < 0)
        {
            _ = s_waiting.TryRemove(key, out _);
            throw new LinuxException("wait for a process", Marshal.GetLastPInvokeError());
        }

        return exited.Task;
    }

    /// <summary>Whether the process has ended, be it reaped or not.</summary>
    internal static bool HasExited(SafeFileHandle pidfd)
    {
        var held = false;
        try
        {
            pidfd.DangerousAddRef(ref held);
            var descriptor = new Libc.PollDescriptor { Descriptor = (int)pidfd.DangerousGetHandle(), Events = 1 };
            return Libc.poll(&descriptor, 1, 0) > 0;
        }
        finally
        {
            if (held)
            {
                pidfd.DangerousRelease();
            }
        }
    }

    private static SafeFileHandle StartThread()
    {
        var epoll = Libc.Handle(Libc.epoll_create1(Libc.OpenCloseOnExec), "epoll");
        new Thread(() => Loop(epoll)) { IsBackground = true, Name = "process exits" }.Start();
        return epoll;
    }

    private static void Loop(SafeFileHandle epoll)
    {
        const int Size = 32;
        var events = stackalloc byte[16 * Size];
        while (true)
        {
            var count = Libc.epoll_wait(epoll, events, Size, -1);
            for (var i = 0; i < count; i++)
            {
                if (s_waiting.TryRemove(ReadKey(events, i), out var waiting))
                {
                    Complete(epoll, waiting.Handle, waiting.Exited);
                }
            }
        }
    }

    private static void Complete(SafeFileHandle epoll, SafeFileHandle pidfd, TaskCompletionSource<ExitStatus> exited)
    {
        try
        {
            var status = Reap(pidfd);

            // Before anybody hears of it: then the descriptor may be closed, and its number be another's.
            _ = Libc.epoll_ctl(epoll, Libc.EpollControlDelete, (int)pidfd.DangerousGetHandle(), null);
            exited.TrySetResult(status);
        }
        catch (Exception e)
        {
            _ = exited.TrySetException(e);
        }
    }

    private static ExitStatus Reap(SafeFileHandle pidfd)
    {
        // siginfo_t: si_code at 8, si_pid at 16, si_status at 24 on 64-bit machines.
        var info = stackalloc byte[128];
        NativeMemory.Clear(info, 128);
        int result;
        do
        {
            result = Libc.waitid(Libc.PidFd, (int)pidfd.DangerousGetHandle(), info, Libc.WaitExited | Libc.WaitNoHang);
        }
        while (result < 0 && Marshal.GetLastPInvokeError() == Errno.Interrupted);

        if (result < 0 || *(int*)(info + 16) == 0)
        {
            return ExitStatus.Unknown;
        }

        var status = *(int*)(info + 24);
        return *(int*)(info + 8) switch
        {
            ChildExited => new(status),
            ChildKilled => new(null, (Signal)status),
            ChildDumped => new(null, (Signal)status, CoreDumped: true),
            _ => ExitStatus.Unknown,
        };
    }

    // struct epoll_event is packed on x86-64 (12 bytes) and is not elsewhere (16 bytes).
    private static bool IsPacked => RuntimeInformation.ProcessArchitecture == Architecture.X64;

    private static void WriteEvent(byte* e, long key)
    {
        *(uint*)e = Libc.EpollIn | Libc.EpollOneShot;
        Unsafe(e, 0) = key;
    }

    private static long ReadKey(byte* events, int index) => Unsafe(events, index);

    private static ref long Unsafe(byte* events, int index)
        => ref *(long*)(IsPacked ? events + (12 * index) + 4 : events + (16 * index) + 8);
}
