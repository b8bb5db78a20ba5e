using System.Net;
using Fairlead.Core.Routing;
using Fairlead.Kube.Objects;

namespace Fairlead.Ingress;

/// <summary>How the ingress controller runs: ingress-nginx's flags, read once.</summary>
public sealed record IngressOptions
{
    /// <summary>The kubeconfig; null takes <c>$KUBECONFIG</c>, else what a pod is given.</summary>
    public string? Kubeconfig { get; init; }

    /// <summary>The one namespace that is watched; null watches all.</summary>
    public string? WatchNamespace { get; init; }

    public RoutingSettings Routing { get; init; } = new();

    public int HttpPort { get; init; } = 80;

    public int HttpsPort { get; init; } = 443;

    /// <summary>The port of <c>/healthz</c> and <c>/metrics</c>.</summary>
    public int HealthPort { get; init; } = 10254;

    public IPAddress? HealthAddress { get; init; }

    public string HealthPath { get; init; } = "/healthz";

    /// <summary>Fills <c>status.loadBalancer</c> of Ingresses.</summary>
    public bool UpdateStatus { get; init; } = true;

    /// <summary>Empties it when the last replica ends.</summary>
    public bool UpdateStatusOnShutdown { get; init; } = true;

    /// <summary>The Service whose addresses are published.</summary>
    public ObjectKey? PublishService { get; init; }

    /// <summary>Addresses that are published whatever else there is.</summary>
    public IReadOnlyList<string> PublishAddresses { get; init; } = [];

    /// <summary>Publishes internal addresses of nodes also where they have external ones.</summary>
    public bool ReportInternalAddress { get; init; }

    public TimeSpan StatusInterval { get; init; } = TimeSpan.FromSeconds(60);

    public string ElectionId { get; init; } = "ingress-controller-leader";

    public TimeSpan ElectionTtl { get; init; } = TimeSpan.FromSeconds(30);

    public bool LeaderElection { get; init; } = true;

    /// <summary>How long requests are taken after the end was asked for, until nobody sends any here.</summary>
    public TimeSpan ShutdownGrace { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long running requests may take after that.</summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(240);

    /// <summary><c>POD_NAME</c>: this replica.</summary>
    public string PodName { get; init; } = "";

    /// <summary><c>POD_NAMESPACE</c>: where the Lease and the other replicas are.</summary>
    public string PodNamespace { get; init; } = "";

    /// <summary>Where access log lines go; null writes none.</summary>
    public TextWriter? AccessLog { get; init; }
}
