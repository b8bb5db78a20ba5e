using System.Globalization;

namespace Fairlead.Bench.Cni;

/// <summary>A control group that counts the memory of what runs in it: what was not there before, so no file's pages that others have read.</summary>
internal sealed class MemoryGroup : IDisposable
{
    private const string First = "/sys/fs/cgroup/memory";
    private const string Second = "/sys/fs/cgroup";
    private readonly string _folder;

    private MemoryGroup(string folder) => _folder = folder;

    internal string Processes => Path.Combine(_folder, "cgroup.procs");

    /// <summary>Bytes at its fullest.</summary>
    internal long Peak => long.Parse(File.ReadAllText(PeakFile), CultureInfo.InvariantCulture);

    private string PeakFile => Path.Combine(_folder, "memory.max_usage_in_bytes") is var first && File.Exists(first) ? first : Path.Combine(_folder, "memory.peak");

    /// <summary>Null where this machine lets us make none.</summary>
    internal static MemoryGroup? TryMake()
    {
        var folder = Path.Combine(
            Directory.Exists(First) ? First : Second,
            string.Create(CultureInfo.InvariantCulture, $"fairlead-bench-{Environment.ProcessId}-{Guid.NewGuid():N}"));
        try
        {
            Directory.CreateDirectory(folder);
            var group = new MemoryGroup(folder);
            if (File.Exists(group.PeakFile))
            {
                return group;
            }

            group.Dispose();
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    public void Dispose() => Directory.Delete(_folder); // of a control group the folder alone is removed
}
