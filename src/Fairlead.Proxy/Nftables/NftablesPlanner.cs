using System.Collections.Immutable;
using System.Net;
using Fairlead.Linux.Nftables;

namespace Fairlead.Proxy.Nftables;

/// <summary>Compares what should be with what is.</summary>
internal static class NftablesPlanner
{
    public static NftablesPlan Plan(FrontendIndex desired, Touched touched, NftablesImage actual)
    {
        var frontends = new List<(FrontendKey Key, Placement? Before, Placement? After)>();
        var users = new Dictionary<Dispatch, int>();
        foreach (var key in touched.Frontends)
        {
            var before = actual.Frontends.GetValueOrDefault(key);
            var after = Place(desired.Find(key), before);
            if (!Same(before, after))
            {
                frontends.Add((key, before, after));
                Count(users, before, -1);
                Count(users, after, +1);
            }
        }

        frontends.Sort(static (a, b) => a.Key.CompareTo(b.Key));
        var chains = users
            .Where(u => u.Value != 0)
            .Select(u => (u.Key, Users: actual.Chains.GetValueOrDefault(u.Key) + u.Value))
            .OrderBy(c => c.Key.ChainName, StringComparer.Ordinal)
            .ToImmutableArray();

        var idle = actual.Chains.Where(c => c.Value == 0 && users.GetValueOrDefault(c.Key) == 0).Select(c => c.Key).OrderBy(c => c.ChainName, StringComparer.Ordinal);
        return new NftablesPlan
        {
            Frontends = [.. frontends],
            Chains = chains,
            IdleChains = [.. idle],
            NewChains = [.. chains.Where(c => !actual.Chains.ContainsKey(c.Key)).Select(c => c.Key)],
            AddedClusterAddresses = Sorted(touched.ClusterAddresses, a => desired.IsClusterAddress(a) && !actual.ClusterAddresses.Contains(a)),
            RemovedClusterAddresses = Sorted(touched.ClusterAddresses, a => !desired.IsClusterAddress(a) && actual.ClusterAddresses.Contains(a)),
            AddedHairpins = Sorted(touched.Hairpins, a => desired.IsHairpin(a) && !actual.Hairpins.Contains(a)),
            RemovedHairpins = Sorted(touched.Hairpins, a => !desired.IsHairpin(a) && actual.Hairpins.Contains(a)),
        };
    }

    private static Placement? Place(Frontend? wanted, Placement? before)
        => wanted is null
            ? null
            : new Placement(new(wanted.Key.Kind, wanted.Mode, wanted.Backends.Length), Slots.Place(before?.Slots ?? [], wanted.Backends), wanted.Owner)
            {
                Sources = [.. wanted.Sources.Select(r => (NftValue)r)],
            };

    private static bool Same(Placement? a, Placement? b)
        => a is null || b is null ? a is null && b is null : a.Dispatch == b.Dispatch && a.Owner == b.Owner && a.Slots.AsSpan().SequenceEqual(b.Slots)
                && a.Sources.Length == b.Sources.Length && a.Sources.All(b.Sources.Contains);

    private static void Count(Dictionary<Dispatch, int> users, Placement? placement, int by)
    {
        if (placement is { Dispatch.HasChain: true })
        {
            users[placement.Dispatch] = users.GetValueOrDefault(placement.Dispatch) + by;
        }
    }

    private static ImmutableArray<IPAddress> Sorted(HashSet<IPAddress> addresses, Func<IPAddress, bool> wanted)
        => [.. addresses.Where(wanted).Order(Comparer<IPAddress>.Create(FrontendKey.Compare))];
}
