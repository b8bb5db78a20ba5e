using Fairlead.Kube.Objects;

namespace Fairlead.Core.Routing;

/// <summary>What the operator of the controller decided by flags: which objects it serves and how it reads them.</summary>
public sealed record RoutingSettings
{
    /// <summary>The controller name of ingress-nginx, whose classes get nginx's semantics.</summary>
    public const string NginxController = "k8s.io/ingress-nginx";

    /// <summary>Our own controller name, whose classes get the Ingress specification's semantics.</summary>
    public const string OwnController = "fairlead.dev/ingress";

    /// <summary><c>--controller-class</c>; <see cref="OwnController"/> is served as well.</summary>
    public string ControllerClass { get; init; } = NginxController;

    /// <summary><c>--ingress-class</c>: the value of the old annotation <c>kubernetes.io/ingress.class</c>.</summary>
    public string IngressClass { get; init; } = "nginx";

    /// <summary><c>--watch-ingress-without-class</c>.</summary>
    public bool WatchWithoutClass { get; init; }

    /// <summary><c>--disable-catch-all</c>: no Ingress without a host or with only a default backend.</summary>
    public bool DisableCatchAll { get; init; }

    /// <summary><c>--annotations-prefix</c>.</summary>
    public string AnnotationsPrefix { get; init; } = "nginx.ingress.kubernetes.io";

    /// <summary><c>--configmap</c>.</summary>
    public ObjectKey? ConfigMap { get; init; }

    /// <summary><c>--default-backend-service</c>.</summary>
    public ObjectKey? DefaultBackendService { get; init; }

    /// <summary><c>--default-ssl-certificate</c>.</summary>
    public ObjectKey? DefaultCertificate { get; init; }
}
