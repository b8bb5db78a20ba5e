using System.Runtime.InteropServices;

namespace Fairlead.Bench.Cni;

/// <summary>Processor time of the processes that this one has started and that have ended, with those that they started.</summary>
internal static unsafe partial class Usage
{
    private const int Children = -1; // sys/resource.h: RUSAGE_CHILDREN

    internal static double Milliseconds()
    {
        var usage = stackalloc long[18]; // struct rusage: two times of seconds and microseconds come first
        _ = getrusage(Children, usage);
        return ((usage[0] + usage[2]) * 1000) + ((usage[1] + usage[3]) / 1000.0);
    }

    [LibraryImport("libc")]
    private static partial int getrusage(int who, long* usage);
}
