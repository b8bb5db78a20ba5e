using System.Collections.Immutable;
using System.Net;

namespace Fairlead.Proxy.Nftables;

/// <summary>The least changes that make the kernel's table what it should be.</summary>
internal sealed record NftablesPlan
{
    /// <summary>Frontends that change, sorted by key: before (null: new) and after (null: gone).</summary>
    public required ImmutableArray<(FrontendKey Key, Placement? Before, Placement? After)> Frontends { get; init; }

    /// <summary>Chains whose number of users changes.</summary>
    public required ImmutableArray<(Dispatch Dispatch, int Users)> Chains { get; init; }

    /// <summary>Chains that must be made first.</summary>
    public required ImmutableArray<Dispatch> NewChains { get; init; }

    /// <summary>Chains that nothing has led to since an earlier plan.</summary>
    /// <remarks>
    /// Not those that fall idle in this one: a packet on its way to such a chain would find it empty and go on as if nobody
    /// served it. They alone are no reason for a transaction.
    /// </remarks>
    public required ImmutableArray<Dispatch> IdleChains { get; init; }

    public required ImmutableArray<IPAddress> AddedClusterAddresses { get; init; }

    public required ImmutableArray<IPAddress> RemovedClusterAddresses { get; init; }

    public required ImmutableArray<IPAddress> AddedHairpins { get; init; }

    public required ImmutableArray<IPAddress> RemovedHairpins { get; init; }

    public bool IsEmpty => Frontends.IsEmpty && AddedClusterAddresses.IsEmpty && RemovedClusterAddresses.IsEmpty
        && AddedHairpins.IsEmpty && RemovedHairpins.IsEmpty;
}
