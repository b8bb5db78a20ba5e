using System.Net;
using Fairlead.Linux.Nftables;

namespace Fairlead.Proxy.Nftables;

/// <summary>A frontend as the kernel has it.</summary>
/// <param name="Slots">Its endpoints by number.</param>
/// <param name="Owner">The comment of its elements.</param>
internal sealed record Placement(Dispatch Dispatch, Target[] Slots, string Owner)
{
    /// <summary>Who may use it; empty for everybody.</summary>
    public NftValue[] Sources { get; init; } = [];
}

/// <summary>What our table in the kernel holds: read from it, or known because we wrote it.</summary>
/// <remarks>Changed only by <see cref="Apply"/> with a plan that the kernel took.</remarks>
internal sealed class NftablesImage
{
    public Dictionary<FrontendKey, Placement> Frontends { get; } = [];

    public HashSet<IPAddress> ClusterAddresses { get; } = [];

    public HashSet<IPAddress> Hairpins { get; } = [];

    /// <summary>The dispatch chains there are, and how many frontends go to each.</summary>
    public Dictionary<Dispatch, int> Chains { get; } = [];

    public void Apply(NftablesPlan plan)
    {
        foreach (var (key, _, now) in plan.Frontends)
        {
            if (now is null)
            {
                Frontends.Remove(key);
            }
            else
            {
                Frontends[key] = now;
            }
        }

        foreach (var (dispatch, users) in plan.Chains)
        {
            Chains[dispatch] = users;
        }

        foreach (var dispatch in plan.IdleChains)
        {
            Chains.Remove(dispatch);
        }

        ClusterAddresses.ExceptWith(plan.RemovedClusterAddresses);
        ClusterAddresses.UnionWith(plan.AddedClusterAddresses);
        Hairpins.ExceptWith(plan.RemovedHairpins);
        Hairpins.UnionWith(plan.AddedHairpins);
    }
}
