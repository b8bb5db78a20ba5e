using Fairlead.Core.Services;
using Fairlead.Kube.State;

namespace Fairlead.Proxy.Nftables;

/// <summary>Gives each endpoint of a frontend its place 0 … N-1, moving as few as can be.</summary>
/// <remarks>
/// The kernel picks a number and looks the endpoint of that number up, so the places must have no holes. Sorting would move
/// every endpoint behind the one that came or went; this keeps all in place but, at most, the last ones, which fill the holes.
/// </remarks>
internal static class Slots
{
    public static Target[] Place(ReadOnlySpan<Target> before, EquatableArray<Backend> wanted)
    {
        var remaining = new HashSet<Target>(wanted.Length);
        foreach (var backend in wanted)
        {
            remaining.Add(new(backend.Address, backend.Port));
        }

        var placed = new Target?[Math.Max(before.Length, wanted.Length)];
        for (var i = 0; i < before.Length; i++)
        {
            if (remaining.Remove(before[i]))
            {
                placed[i] = before[i];
            }
        }

        // The new ones in their own order, so that the same input gives the same bytes.
        var free = 0;
        foreach (var backend in wanted)
        {
            var target = new Target(backend.Address, backend.Port);
            if (remaining.Remove(target))
            {
                while (placed[free] is not null)
                {
                    free++;
                }

                placed[free] = target;
            }
        }

        var last = placed.Length - 1;
        for (var i = 0; i < wanted.Length; i++)
        {
            if (placed[i] is null)
            {
                while (placed[last] is null)
                {
                    last--;
                }

                (placed[i], placed[last]) = (placed[last], null);
            }
        }

        var result = new Target[wanted.Length];
        for (var i = 0; i < result.Length; i++)
        {
            result[i] = placed[i]!.Value;
        }

        return result;
    }
}
