using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Fairlead.Linux.Processes;

/// <summary>A process, held so that its number cannot come to mean another one.</summary>
/// <remarks>
/// The descriptor (pidfd) names the process itself; number and start time together name it on paper, for a registry that is read
/// again after our own end. A child of ours is reaped as soon as it ends, awaited or not.
/// </remarks>
public sealed class ProcessHandle : IDisposable
{
    private readonly Lock _lock = new();
    private Task<ExitStatus>? _exited;

    private ProcessHandle(int id, ulong startTime, SafeFileHandle handle) => (Id, StartTime, Handle) = (id, startTime, handle);

    public int Id { get; }

    /// <summary>When it started, in clock ticks since boot: tells it from a later process of the same number.</summary>
    public ulong StartTime { get; }

    internal SafeFileHandle Handle { get; }

    /// <summary>Whether it runs. An ended child is gone at once, though its exit may not have been awaited.</summary>
    public bool IsAlive => !ProcessExits.HasExited(Handle);

    /// <summary>Starts a child.</summary>
    /// <exception cref="LinuxException">It could not be started: no such executable, no such folder, no right to.</exception>
    public static ProcessHandle Start(SpawnOptions options) => Spawner.Start(options);

    /// <summary>Takes hold of a running process by what a registry noted of it.</summary>
    /// <returns>Null where that process is no more, even where another has its number.</returns>
    public static ProcessHandle? Open(int id, ulong startTime)
    {
        var process = Open(id);
        if (process is null || process.StartTime == startTime)
        {
            return process;
        }

        process.Dispose();
        return null;
    }

    /// <summary>Takes hold of whatever process has the number now.</summary>
    public static ProcessHandle? Open(int id)
    {
        if (id <= 0)
        {
            return null;
        }

        var descriptor = Libc.PidfdOpen(id);
        if (descriptor < 0)
        {
            // Invalid: the number is of a thread and not of a process.
            return Marshal.GetLastPInvokeError() is var errno && errno is Errno.NoProcess or Errno.Invalid
                ? null
                : throw new LinuxException($"open process {id}", errno);
        }

        var handle = new SafeFileHandle(descriptor, ownsHandle: true);

        // Read after the process was taken hold of: if it still runs afterwards, the start time was its own.
        if (StartTimeOf(id) is { } startTime && !ProcessExits.HasExited(handle))
        {
            return new(id, startTime, handle);
        }

        handle.Dispose();
        return null;
    }

    /// <summary>Completes when the process has ended. How it ended is known of children only.</summary>
    public Task<ExitStatus> WaitAsync(CancellationToken ct = default) => Exited().WaitAsync(ct);

    /// <summary>Sends a signal.</summary>
    /// <returns>False where the process has ended.</returns>
    public bool Signal(Signal signal)
    {
        if (Libc.PidfdSendSignal(Handle, (int)signal) == 0)
        {
            return true;
        }

        var errno = Marshal.GetLastPInvokeError();
        return errno == Errno.NoProcess ? false : throw new LinuxException($"signal {signal} to process {Id}", errno);
    }

    public bool Kill() => Signal(Processes.Signal.Kill);

    /// <summary>Asks the process to end, and kills it where it has not after the grace period.</summary>
    public async Task<ExitStatus> StopAsync(TimeSpan grace, TimeProvider time, CancellationToken ct = default)
    {
        var exited = Exited();
        if (Signal(Processes.Signal.Terminate) && grace > TimeSpan.Zero)
        {
            // A timeout or a cancellation both end the grace.
            await ((Task)exited).WaitAsync(grace, time, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        if (!exited.IsCompleted)
        {
            _ = Kill();
        }

        return await exited;
    }

    public void Dispose()
    {
        // A child must be reaped even when nobody wants to know of it any more: then its exit closes the descriptor.
        lock (_lock)
        {
            if (_exited is { IsCompleted: false } exited)
            {
                _ = exited.ContinueWith(_ => Handle.Dispose(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
                return;
            }
        }

        Handle.Dispose();
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"process {Id}");

    internal static ProcessHandle OfChild(int id)
    {
        // Nobody but us reaps it, so the number is still its own.
        var handle = Libc.Handle(Libc.PidfdOpen(id), $"open child {id}");
        var process = new ProcessHandle(id, StartTimeOf(id) ?? 0, handle);
        _ = process.Exited();
        return process;
    }

    /// <summary>Field 22 of /proc/PID/stat. The name before it may hold spaces and brackets; the last bracket ends it.</summary>
    internal static ulong? StartTimeOf(int id)
    {
        try
        {
            var stat = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{id}/stat"));
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return ulong.Parse(fields[22 - 3], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return null;
        }
    }

    private Task<ExitStatus> Exited()
    {
        lock (_lock)
        {
            return _exited ??= ProcessExits.WaitAsync(Handle);
        }
    }
}
