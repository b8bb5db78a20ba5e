using Fairlead.Cni.Protocol;

namespace Fairlead.Cni.Plugins;

/// <summary>One call of a plugin: process, parameters and configuration.</summary>
internal sealed record PluginCall(CniHost Host, CniEnvironment Environment, NetworkConfig Config)
{
    public CniAttachmentKey Attachment => new(Environment.ContainerId, Environment.InterfaceName);
}
