namespace Fairlead.Linux.Processes;

/// <summary>The time since the kernel was started: numbers of processes, and all that is not on a disk, mean something in one only.</summary>
public static class Boot
{
    /// <summary>What tells this one from every other (random(4), boot_id).</summary>
    public static string Id { get; } = File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();
}
