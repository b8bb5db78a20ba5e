using Fairlead.Kube.Client;

namespace Fairlead.Proxy;

/// <summary>What <c>fairlead proxy</c>, the service proxy alone, is told.</summary>
public sealed record ProxyOptions
{
    /// <summary>Where the API is. Not needed for <see cref="Cleanup"/>.</summary>
    public KubeConfig? Api { get; init; }

    public ServiceProxyOptions Proxy { get; init; } = new();

    /// <summary><c>nftables</c>.</summary>
    public string Mode { get; init; } = "nftables";

    /// <summary>The port of <c>/healthz</c>, <c>/livez</c> and <c>/metrics</c> on all addresses; 0 for none.</summary>
    public int HealthPort { get; init; } = 10256;

    /// <summary>Removes all that a proxy ever made on this node, and ends.</summary>
    public bool Cleanup { get; init; }
}
