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
}
