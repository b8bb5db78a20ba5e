namespace Fairlead.Core.Telemetry;

/// <summary>Gives memory back to the machine once a burst of work is over.</summary>
/// <remarks>
/// A list of thousands of objects, or a first read of the kernel's tables, leaves a heap several times as large as what lives in it,
/// and the runtime keeps it for the next burst, which may be next week. A role that mostly waits is better off small.
/// </remarks>
public static class IdleMemory
{
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(10);

    /// <summary>So much allocated since the last collection makes one worth its few milliseconds.</summary>
    private const long Burst = 8 << 20;

    /// <summary>Less than this allocated in one interval is rest.</summary>
    private const long Rest = 1 << 20;

    /// <summary>Watches this process until cancelled.</summary>
    public static async Task WatchAsync(TimeProvider time, CancellationToken ct)
    {
        using var timer = new PeriodicTimer(s_interval, time);
        var (collected, last) = (0L, GC.GetTotalAllocatedBytes());
        while (await timer.WaitForNextTickAsync(ct))
        {
            var now = GC.GetTotalAllocatedBytes();
            if (now - last < Rest && now - collected > Burst)
            {
                GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
                collected = GC.GetTotalAllocatedBytes();
            }

            last = now;
        }
    }
}
