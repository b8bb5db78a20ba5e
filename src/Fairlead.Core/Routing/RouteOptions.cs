using Fairlead.Kube.State;

namespace Fairlead.Core.Routing;

/// <summary>How the requests of one route are treated: annotations and defaults, compiled once into types.</summary>
/// <remarks>Defaults are ingress-nginx's.</remarks>
public sealed record RouteOptions
{
    public static readonly RouteOptions Default = new();

    /// <summary>Replaces the path; set, it makes every path of the host a regex (nginx semantics).</summary>
    public RewriteTemplate? Rewrite { get; init; }

    /// <summary>Paths are regexes; it makes every path of the host one (nginx semantics).</summary>
    public bool UseRegex { get; init; }

    /// <summary>Plain HTTP is redirected when the host has a certificate.</summary>
    public bool SslRedirect { get; init; } = true;

    /// <summary>Plain HTTP is redirected also without one: something in front ends TLS.</summary>
    public bool ForceSslRedirect { get; init; }

    /// <summary>A redirect to HTTPS keeps a trailing slash.</summary>
    public bool PreserveTrailingSlash { get; init; }

    /// <summary>Where <c>/</c> of the host is redirected to.</summary>
    public string? AppRoot { get; init; }

    /// <summary>Every request is answered with this redirect.</summary>
    public FixedRedirect? Redirect { get; init; }

    public UpstreamProtocol Protocol { get; init; }

    /// <summary>The greatest request body in bytes; 0 is no limit. Beyond it: 413.</summary>
    public long BodyLimit { get; init; } = 1024 * 1024;

    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The longest silence of an endpoint, not the whole answer's time.</summary>
    public TimeSpan ReadTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>The longest time one write to an endpoint may take.</summary>
    public TimeSpan SendTimeout { get; init; } = TimeSpan.FromSeconds(60);

    public NextUpstream NextUpstream { get; init; } = NextUpstream.Error | NextUpstream.Timeout;

    /// <summary>Endpoints tried at most; 0 is no limit but their number.</summary>
    public int NextUpstreamTries { get; init; } = 3;

    /// <summary>No further endpoint is tried after this time; zero is no limit.</summary>
    public TimeSpan NextUpstreamTimeout { get; init; }

    /// <summary>The <c>Host</c> sent upstream; null passes the client's.</summary>
    public string? UpstreamHost { get; init; }

    /// <summary>The value of <c>X-Forwarded-Prefix</c>, sent when the path is rewritten.</summary>
    public string? ForwardedPrefix { get; init; }

    /// <summary>Clients that may come; empty is everyone. Others get 403.</summary>
    public AddressRanges Allowed { get; init; } = AddressRanges.None;

    /// <summary>Clients that may not come.</summary>
    public AddressRanges Denied { get; init; } = AddressRanges.None;

    public CorsOptions? Cors { get; init; }

    /// <summary>Requests go to the Service's address instead of its endpoints.</summary>
    public bool ServiceUpstream { get; init; }

    public bool AccessLog { get; init; } = true;

    /// <summary>Why no request may pass, when a wish for access control cannot be met. The answer is 503.</summary>
    public string? Closed { get; init; }
}

/// <summary>What is spoken with the endpoints.</summary>
public enum UpstreamProtocol
{
    Http,
    Https,
}

/// <summary>A redirect that does not depend on the request.</summary>
public sealed record FixedRedirect(int Status, string Location);

/// <summary>In which cases the next endpoint is tried (<c>proxy-next-upstream</c>).</summary>
[Flags]
public enum NextUpstream
{
    Off = 0,
    Error = 1 << 0,
    Timeout = 1 << 1,
    InvalidHeader = 1 << 2,
    Http500 = 1 << 3,
    Http502 = 1 << 4,
    Http503 = 1 << 5,
    Http504 = 1 << 6,
    Http403 = 1 << 7,
    Http404 = 1 << 8,
    Http429 = 1 << 9,
    NonIdempotent = 1 << 10,
}

/// <summary>Cross-origin rules that the proxy itself answers and adds (<c>enable-cors</c>).</summary>
public sealed record CorsOptions
{
    /// <summary>Origins as written: <c>*</c>, <c>https://a.example</c>, <c>https://*.example</c> (one label).</summary>
    public EquatableArray<string> Origins { get; init; } = ["*"];

    public string Methods { get; init; } = "GET, PUT, POST, DELETE, PATCH, OPTIONS";

    public string Headers { get; init; }
        = "DNT,Keep-Alive,User-Agent,X-Requested-With,If-Modified-Since,Cache-Control,Content-Type,Range,Authorization";

    public bool Credentials { get; init; } = true;

    public string? ExposeHeaders { get; init; }

    public int MaxAge { get; init; } = 1728000;

    /// <summary>The value of <c>Access-Control-Allow-Origin</c> for a request's origin; null when it is not allowed.</summary>
    public string? Allow(string? origin)
    {
        foreach (var allowed in Origins)
        {
            if (allowed == "*")
            {
                return "*";
            }

            if (origin is not null && Matches(allowed, origin))
            {
                return origin;
            }
        }

        return null;
    }

    private static bool Matches(string allowed, string origin)
    {
        if (string.Equals(allowed, origin, StringComparison.OrdinalIgnoreCase))
        {
            return true;
        }

        var star = allowed.IndexOf("*.", StringComparison.Ordinal);
        if (star < 0 || !origin.StartsWith(allowed[..star], StringComparison.OrdinalIgnoreCase)
            || !origin.EndsWith(allowed[(star + 1)..], StringComparison.OrdinalIgnoreCase))
        {
            return false;
        }

        var label = origin.Length - (allowed.Length - 1);
        return label > 0 && !origin.AsSpan(star, label).ContainsAny('.', '/');
    }
}
