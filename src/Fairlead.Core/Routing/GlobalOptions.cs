using Fairlead.Kube.State;

namespace Fairlead.Core.Routing;

/// <summary>What the ConfigMap of the controller says for all routes.</summary>
public sealed record GlobalOptions
{
    public static readonly GlobalOptions Default = new();

    /// <summary>The options that annotations start from.</summary>
    public RouteOptions Route { get; init; } = RouteOptions.Default;

    /// <summary>The status of a redirect to HTTPS.</summary>
    public int RedirectStatus { get; init; } = 308;

    /// <summary>The value of <c>Strict-Transport-Security</c>; null sends none.</summary>
    public string? StrictTransportSecurity { get; init; } = "max-age=31536000; includeSubDomains";

    /// <summary>Paths that are not redirected to HTTPS, by prefix.</summary>
    public EquatableArray<string> NoTlsRedirect { get; init; } = ["/.well-known/acme-challenge"];

    /// <summary>The <c>X-Forwarded-*</c> headers of <see cref="TrustedProxies"/> are believed.</summary>
    public bool UseForwardedHeaders { get; init; }

    /// <summary>Appends to <c>X-Forwarded-For</c> instead of replacing it.</summary>
    public bool ComputeFullForwardedFor { get; init; }

    /// <summary>Who may say who the client is.</summary>
    public AddressRanges TrustedProxies { get; init; } = AddressRanges.None;

    /// <summary>A request without <c>X-Request-ID</c> gets one.</summary>
    public bool GenerateRequestId { get; init; } = true;

    public bool AccessLog { get; init; } = true;

    /// <summary>The time a connection of a client may stay idle.</summary>
    public TimeSpan KeepAlive { get; init; } = TimeSpan.FromSeconds(75);

    /// <summary>Idle connections kept to endpoints, all together.</summary>
    public int UpstreamKeepAlive { get; init; } = 320;

    /// <summary>The time a connection to an endpoint may stay idle.</summary>
    public TimeSpan UpstreamIdle { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>A request that is not idempotent may be sent again after it was sent once.</summary>
    public bool RetryNonIdempotent { get; init; }
}
