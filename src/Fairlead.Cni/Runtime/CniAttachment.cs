using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Fairlead.Cni.Protocol;

namespace Fairlead.Cni.Runtime;

/// <summary>An interface of a container, as the runtime asks a network for it.</summary>
/// <param name="ContainerId">The container's id: letters, digits, '_', '.' and '-'.</param>
/// <param name="NetworkNamespace">The path of the container's network namespace; empty for a DEL after it is gone.</param>
/// <param name="InterfaceName">The name of the interface inside, such as <c>eth0</c>.</param>
public sealed record CniAttachment(string ContainerId, string NetworkNamespace, string InterfaceName)
{
    /// <summary>What goes to <c>CNI_ARGS</c>, such as <c>K8S_POD_NAME</c>.</summary>
    public ImmutableSortedDictionary<string, string> Arguments { get; init; }
        = ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal);

    /// <summary>Capability arguments, such as <c>portMappings</c>; each goes only to plugins that declare the capability.</summary>
    public ImmutableSortedDictionary<string, JsonNode> Capabilities { get; init; }
        = ImmutableSortedDictionary.Create<string, JsonNode>(StringComparer.Ordinal);

    /// <summary>What GC knows it by.</summary>
    public CniAttachmentKey Key => new(ContainerId, InterfaceName);
}
