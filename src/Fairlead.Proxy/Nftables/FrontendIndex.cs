using System.Net;
using System.Runtime.InteropServices;
using Fairlead.Core.Services;

namespace Fairlead.Proxy.Nftables;

/// <summary>The desired frontends of one address family, kept up to date with the table at the cost of what changed.</summary>
/// <remarks>
/// Two Services may claim one frontend (a node port given twice by hand, a virtual address reused too early): the one whose name
/// sorts first has it, and the other gets it when the first lets go.
/// Not for several threads at once: the reconciler owns it.
/// </remarks>
internal sealed class FrontendIndex(IPFamily family)
{
    private readonly Dictionary<FrontendKey, Frontend[]> _claims = [];
    private readonly Dictionary<IPAddress, int> _clusterAddresses = [];
    private readonly Dictionary<IPAddress, int> _hairpins = [];

    public ServiceTable Table { get; private set; } = ServiceTable.Unknown;

    public IEnumerable<FrontendKey> Keys => _claims.Keys;

    public IEnumerable<IPAddress> ClusterAddresses => _clusterAddresses.Keys;

    /// <summary>Endpoints on this node: a packet from one of them to itself needs another source, or the answer never leaves it.</summary>
    public IEnumerable<IPAddress> Hairpins => _hairpins.Keys;

    public Frontend? Find(FrontendKey key) => _claims.TryGetValue(key, out var claims) ? claims[0] : null;

    public bool IsClusterAddress(IPAddress address) => _clusterAddresses.ContainsKey(address);

    public bool IsHairpin(IPAddress address) => _hairpins.ContainsKey(address);

    /// <summary>Takes the newer table in and adds what may have changed to <paramref name="touched"/>.</summary>
    public void Update(ServiceTable next, Touched touched)
    {
        foreach (var key in next.ChangedSince(Table))
        {
            if (Table.Services.TryGetValue(key, out var before))
            {
                foreach (var rule in before.Ports)
                {
                    Count(rule, -1, touched);
                    foreach (var frontend in FrontendsOf(rule))
                    {
                        Release(frontend, touched);
                    }
                }
            }

            if (next.Services.TryGetValue(key, out var now))
            {
                foreach (var rule in now.Ports)
                {
                    Count(rule, +1, touched);
                    foreach (var frontend in FrontendsOf(rule))
                    {
                        Claim(frontend, touched);
                    }
                }
            }
        }

        Table = next;
    }

    private IEnumerable<Frontend> FrontendsOf(ServicePortRule rule) => rule.Family == family ? Frontend.Of(rule) : [];

    private void Claim(Frontend frontend, Touched touched)
    {
        touched.Frontends.Add(frontend.Key);
        ref var claims = ref CollectionsMarshal.GetValueRefOrAddDefault(_claims, frontend.Key, out _);
        claims = claims is null ? [frontend] : [.. claims.Append(frontend).OrderBy(f => f.Owner, StringComparer.Ordinal)];
    }

    private void Release(Frontend frontend, Touched touched)
    {
        touched.Frontends.Add(frontend.Key);
        if (_claims.TryGetValue(frontend.Key, out var claims))
        {
            var index = Array.FindIndex(claims, f => f.Owner == frontend.Owner);
            claims = index < 0 ? claims : [.. claims[..index], .. claims[(index + 1)..]];
            if (claims.Length == 0)
            {
                _claims.Remove(frontend.Key);
            }
            else
            {
                _claims[frontend.Key] = claims;
            }
        }
    }

    private void Count(ServicePortRule rule, int by, Touched touched)
    {
        if (rule.Family != family)
        {
            return;
        }

        touched.ClusterAddresses.Add(rule.ClusterAddress);
        Count(_clusterAddresses, rule.ClusterAddress, by);
        foreach (var backend in rule.Backends)
        {
            if (backend.IsLocal)
            {
                touched.Hairpins.Add(backend.Address);
                Count(_hairpins, backend.Address, by);
            }
        }
    }

    private static void Count(Dictionary<IPAddress, int> counts, IPAddress address, int by)
    {
        ref var count = ref CollectionsMarshal.GetValueRefOrAddDefault(counts, address, out _);
        count += by;
        if (count == 0)
        {
            counts.Remove(address);
        }
    }
}

/// <summary>What a plan must look at: all else in the kernel is as it should be.</summary>
internal sealed class Touched
{
    public HashSet<FrontendKey> Frontends { get; } = [];

    public HashSet<IPAddress> ClusterAddresses { get; } = [];

    public HashSet<IPAddress> Hairpins { get; } = [];

    /// <summary>Everything that is wanted and everything that is there: for a start, a repair and a test.</summary>
    public static Touched All(FrontendIndex desired, NftablesImage actual)
    {
        var all = new Touched();
        all.Frontends.UnionWith(desired.Keys);
        all.Frontends.UnionWith(actual.Frontends.Keys);
        all.ClusterAddresses.UnionWith(desired.ClusterAddresses);
        all.ClusterAddresses.UnionWith(actual.ClusterAddresses);
        all.Hairpins.UnionWith(desired.Hairpins);
        all.Hairpins.UnionWith(actual.Hairpins);
        return all;
    }
}
