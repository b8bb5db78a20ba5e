using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;

namespace Fairlead.Topology.Kernel;

/// <summary>Visits hosts side by side: most of a visit is waiting for the kernel.</summary>
/// <remarks>On threads of its own that end: a pool thread born of a thread that is in some namespace would stay in it.</remarks>
internal static class Visits
{
    private const int AtOnce = 8;

    /// <summary>Does all, or throws what the first that failed threw, when those that had begun have ended.</summary>
    public static void ForEach<T>(IReadOnlyList<T> items, Action<T> visit)
    {
        var next = -1;
        var failures = new ConcurrentQueue<Exception>();
        var threads = Enumerable.Range(0, Math.Min(AtOnce, items.Count)).Select(_ => new Thread(Work) { IsBackground = true, Name = "visits" }).ToList();
        threads.ForEach(t => t.Start());
        threads.ForEach(t => t.Join());
        if (failures.TryPeek(out var failure))
        {
            ExceptionDispatchInfo.Throw(failure);
        }

        void Work()
        {
            try
            {
                for (var i = Interlocked.Increment(ref next); i < items.Count && failures.IsEmpty; i = Interlocked.Increment(ref next))
                {
                    visit(items[i]);
                }
            }
            catch (Exception e)
            {
                failures.Enqueue(e);
            }
        }
    }
}
