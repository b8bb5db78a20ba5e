using System.Net;
using Fairlead.Core.Routing;
using Microsoft.AspNetCore.Http.Features;

namespace Fairlead.Ingress.Forwarding;

/// <summary>One request and its answer, as Kestrel sees them, and what is noted about them for the log and the metrics.</summary>
/// <remarks>
/// Kestrel keeps one with each connection and it is used again for the next request: <see cref="Begin"/> resets everything.
/// </remarks>
internal sealed class Exchange
{
    private IFeatureCollection _features = null!;

    public IHttpRequestFeature Request { get; private set; } = null!;

    public IHttpResponseFeature Response { get; private set; } = null!;

    public IHttpResponseBodyFeature ResponseBody { get; private set; } = null!;

    public IHttpConnectionFeature Connection { get; private set; } = null!;

    public Listener Listener { get; private set; } = null!;

    public IHttpRequestLifetimeFeature Lifetime => _features.GetRequiredFeature<IHttpRequestLifetimeFeature>();

    public IHttpUpgradeFeature? Upgrade => _features.Get<IHttpUpgradeFeature>();

    public IHttpExtendedConnectFeature? ExtendedConnect => _features.Get<IHttpExtendedConnectFeature>();

    public IRequestBodyPipeFeature RequestBody => _features.GetRequiredFeature<IRequestBodyPipeFeature>();

    public IHttpMaxRequestBodySizeFeature? BodyLimit => _features.Get<IHttpMaxRequestBodySizeFeature>();

    public bool CanHaveBody => _features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody ?? true;

    public bool IsHttp2 => Request.Protocol is "HTTP/2";

    /// <summary>When the request's head was complete, as a timestamp.</summary>
    public long Started { get; private set; }

    /// <summary>Who asks, and how, as far as it is believed.</summary>
    public ClientView Client { get; set; }

    public Route? Route { get; set; }

    public UpstreamKey? Upstream { get; set; }

    public string RequestId { get; set; } = "";

    /// <summary>The endpoint that answered, or the last one tried.</summary>
    public IPEndPoint? Endpoint { get; set; }

    public int UpstreamStatus { get; set; }

    public long BodyBytesSent { get; set; }

    public long BodyBytesReceived { get; set; }

    public TimeSpan? ConnectTime { get; set; }

    public TimeSpan? HeaderTime { get; set; }

    public TimeSpan? UpstreamTime { get; set; }

    /// <summary>The client left before its answer was complete.</summary>
    public bool ClientGone { get; set; }

    public int LoggedStatus => ClientGone ? 499 : Response.StatusCode;

    public void Begin(IFeatureCollection features, long started)
    {
        _features = features;
        Request = features.GetRequiredFeature<IHttpRequestFeature>();
        Response = features.GetRequiredFeature<IHttpResponseFeature>();
        ResponseBody = features.GetRequiredFeature<IHttpResponseBodyFeature>();
        Connection = features.GetRequiredFeature<IHttpConnectionFeature>();
        Listener = features.GetRequiredFeature<Listener>();
        Started = started;
        Client = default;
        (Route, Upstream, Endpoint, RequestId) = (null, null, null, "");
        (UpstreamStatus, BodyBytesSent, BodyBytesReceived, ClientGone) = (0, 0, 0, false);
        (ConnectTime, HeaderTime, UpstreamTime) = (null, null, null);
    }
}

/// <summary>A port that requests come in by.</summary>
/// <param name="Kind">What is served there.</param>
/// <param name="Port">The port's number, as <c>X-Forwarded-Port</c> tells it.</param>
internal sealed record Listener(ListenerKind Kind, int Port);

/// <summary>What a port serves.</summary>
internal enum ListenerKind
{
    Http,
    Https,

    /// <summary>Health and metrics of the controller itself.</summary>
    Status,
}
