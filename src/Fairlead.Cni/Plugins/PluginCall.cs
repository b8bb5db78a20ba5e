using Fairlead.Cni.AgentSocket;
using Fairlead.Cni.Protocol;
using Fairlead.Linux.Nftables;

namespace Fairlead.Cni.Plugins;

/// <summary>One call of a plugin: process, parameters and configuration.</summary>
/// <remarks>
/// Its parts share one socket for nftables, which is closed when the call is over. The kernel lets go of such a socket only when what
/// was removed in the namespace is gone for good, which takes a grace period: closed at the end, that has passed while other work was done.
/// </remarks>
internal sealed record PluginCall(CniHost Host, CniEnvironment Environment, NetworkConfig Config, Lazy<NftablesSocket> SharedNftables)
{
    public CniAttachmentKey Attachment => new(Environment.ContainerId, Environment.InterfaceName);

    public NftablesSocket Nftables => SharedNftables.Value;

    /// <summary>Has the node's agent, where this is it, bring about what must be in force before the pod is plugged in.</summary>
    /// <exception cref="CniException">It cannot now.</exception>
    public void Admit(CniResult addresses)
        => Host.Admission?.Admit(new PodAttachment(
            Attachment,
            Environment.Arguments["K8S_POD_NAMESPACE"] ?? "",
            Environment.Arguments["K8S_POD_NAME"] ?? "",
            Environment.Arguments["K8S_POD_UID"] ?? "",
            [.. addresses.Addresses.Select(a => a.Address)]));
}
