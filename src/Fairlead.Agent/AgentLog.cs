using Microsoft.Extensions.Logging;

namespace Fairlead.Agent;

/// <summary>What the agent says of itself.</summary>
internal sealed partial class AgentLog(ILogger logger)
{
    [LoggerMessage(LogLevel.Information, "Agent of node {Node}: overlay=\"{Overlay}\" proxyMode=\"{ProxyMode}\" ipam=\"{Ipam}\" clusterCIDR={ClusterCidr} serviceCIDR={ServiceCidr}")]
    public partial void Starting(string node, string overlay, string proxyMode, string ipam, string clusterCidr, string serviceCidr);

    [LoggerMessage(LogLevel.Information, "Removed {Part}")]
    public partial void Removed(string part);
}
