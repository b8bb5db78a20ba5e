using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Fairlead.ApiServer.Pods;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fairlead.ApiServer;

/// <summary>Everything an API server is started with.</summary>
public sealed record ApiServerOptions
{
    /// <summary>Where HTTPS is served. Port 0 picks a free port: see <see cref="ApiServerHost.Endpoints"/>.</summary>
    public ImmutableArray<IPEndPoint> Listen { get; init; } = [];

    /// <summary>A Unix socket (mode 0600) that serves plain HTTP to the lab itself as <c>system:masters</c>.</summary>
    public string? UnixSocket { get; init; }

    /// <summary>The SQLite file that keeps the objects; <c>null</c> keeps them in memory.</summary>
    public string? StorePath { get; init; }

    /// <summary>The folder of certificates and keys; <c>null</c> keeps them in memory.</summary>
    public string? PkiFolder { get; init; }

    /// <summary>The range cluster addresses of Services are taken from; its first address is the <c>kubernetes</c> Service.</summary>
    public IPNetwork ServiceCidr { get; init; } = IPNetwork.Parse("10.96.0.0/12");

    /// <summary>The first and last port for Services of type NodePort.</summary>
    public (int First, int Last) NodePorts { get; init; } = (30000, 32767);

    /// <summary>Where pods reach this server: the endpoint behind the <c>kubernetes</c> Service. The first listener if <c>null</c>.</summary>
    public IPEndPoint? Advertise { get; init; }

    /// <summary>The domain under which cluster names live; part of the server certificate and the token issuer.</summary>
    public string ClusterDomain { get; init; } = "cluster.local";

    /// <summary>More names or addresses for the server certificate.</summary>
    public ImmutableArray<string> CertificateNames { get; init; } = [];

    /// <summary>Where container logs come from; without it <c>kubectl logs</c> is answered with 501.</summary>
    public IPodStreams? PodStreams { get; init; }

    /// <summary>Makes the bound listening socket for an endpoint, for example inside another network namespace; <c>null</c> binds here.</summary>
    public Func<EndPoint, Socket>? CreateListenSocket { get; init; }

    /// <summary>How many changes of each kind of object are kept for watches to resume from.</summary>
    public int WatchHistory { get; init; } = 1024;

    public TimeProvider Time { get; init; } = TimeProvider.System;

    public ILoggerFactory Logging { get; init; } = NullLoggerFactory.Instance;
}
