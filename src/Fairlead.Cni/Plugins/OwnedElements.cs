using System.Collections.Immutable;
using Fairlead.Linux;
using Fairlead.Linux.Nftables;

namespace Fairlead.Cni.Plugins;

/// <summary>Removes elements of sets that many processes change at once.</summary>
internal static class OwnedElements
{
    private const int Attempts = 1000;

    /// <summary>Those that match, of all sets in one transaction; none is fine.</summary>
    public static void Remove(
        NftablesSocket socket, NftFamily family, string table, ImmutableArray<NftSet> sets, Func<NftSet, NftElement, bool> matches)
    {
        for (var attempt = 1; ; attempt++)
        {
            var change = new NftTransaction(family, table);
            foreach (var set in sets)
            {
                if (socket.Elements(family, table, set).Where(e => matches(set, e)).ToImmutableArray() is { IsEmpty: false } stale)
                {
                    change.Add(new DeleteElements(set, stale));
                }
            }

            if (change.IsEmpty)
            {
                return;
            }

            try
            {
                socket.Commit(change);
                return;
            }
            catch (LinuxException e) when (e.IsNotFound && attempt < Attempts)
            {
                // Another call removed one of them in between.
            }
        }
    }
}
