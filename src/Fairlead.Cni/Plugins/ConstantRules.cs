using Fairlead.Linux.Nftables;

namespace Fairlead.Cni.Plugins;

/// <summary>The part of a table that is the same for every container: made by whoever finds it missing, healed by whoever finds it changed.</summary>
/// <remarks>
/// It is compared before it is made again. Rules that are put in the place of equal ones are removed rules, and whoever removes
/// something waits for a grace period of the kernel when it closes its socket: longer than all the rest of an ADD takes.
/// </remarks>
internal static class ConstantRules
{
    /// <summary>A transaction to add to: empty where the rules are there, in order and word for word, else the one that makes them.</summary>
    public static NftTransaction Begin(NftablesSocket socket, NftTransaction constant)
        => socket.HasRules(constant) ? new NftTransaction(constant.Family, constant.Table) : constant;
}
