using Fairlead.Cni.Protocol;

namespace Fairlead.Cni.Plugins;

/// <summary>The option <c>ipMasqBackend</c>: either backend of the reference plugin is the one table of <see cref="PodMasquerade"/>, whose effect is the same.</summary>
internal static class MasqueradeBackend
{
    public static void Verify(ConfigNode root)
    {
        if (root["ipMasqBackend"].Text() is not ("" or "nftables" or "iptables") and var backend)
        {
            throw root["ipMasqBackend"].Fault($"'{backend}' is neither iptables nor nftables");
        }
    }
}
