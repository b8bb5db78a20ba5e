using Fairlead.Core.Nodes.Blocks;
using Fairlead.Kube.Client;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fairlead.Agent.Ipam;

/// <summary>Frees blocks of nodes that are gone, for a person who asks.</summary>
public static class BlockReclaim
{
    /// <summary>False where the node is there after all, or somebody else was quicker.</summary>
    public static Task<bool> FreeAsync(KubeClient client, BlockRecord block, CancellationToken ct)
        => new BlockClaims(client, "", TimeProvider.System, NullLogger.Instance).FreeAsync(block, ct);
}
