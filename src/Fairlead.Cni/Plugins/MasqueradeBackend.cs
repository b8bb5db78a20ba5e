using Fairlead.Cni.Protocol;

namespace Fairlead.Cni.Plugins;

/// <summary>The option <c>ipMasqBackend</c>: there is one backend, and another's name is refused rather than passed over.</summary>
internal static class MasqueradeBackend
{
    public static void Verify(ConfigNode root)
    {
        if (root["ipMasqBackend"].Text("nftables") is not ("nftables" or "") and var backend)
        {
            throw backend == "iptables"
                ? CniException.NotImplemented("ipMasqBackend: iptables", "leave it out; nftables does the same")
                : root["ipMasqBackend"].Fault($"'{backend}' is neither iptables nor nftables");
        }
    }
}
