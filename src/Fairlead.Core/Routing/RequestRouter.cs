using System.Net;

namespace Fairlead.Core.Routing;

/// <summary>What the routing of a request depends on.</summary>
/// <param name="IsHttps">The client came by HTTPS, here or, if they are believed, at a proxy in front.</param>
/// <param name="Host">The <c>Host</c> header as sent, with its port.</param>
/// <param name="PublicHost">The host that redirects lead to: the same, unless a trusted proxy in front says otherwise.</param>
/// <param name="Client">The client's address.</param>
/// <param name="ContentLength">The length of the body, if it says so.</param>
public readonly record struct RouteRequest(
    bool IsHttps, string Host, string PublicHost, RequestTarget Target, string Method, IPAddress Client, long? ContentLength);

/// <summary>What is done with a request.</summary>
public readonly record struct RouteDecision
{
    /// <summary>The route that was found.</summary>
    public required Route Route { get; init; }

    /// <summary>The status to answer here; 0 forwards the request.</summary>
    public int Status { get; init; }

    /// <summary>Where a redirect leads.</summary>
    public string? Location { get; init; }

    /// <summary>The upstream to forward to.</summary>
    public UpstreamKey? Upstream { get; init; }

    /// <summary>The request target to send upstream.</summary>
    public string Target { get; init; }

    /// <summary>The path was rewritten.</summary>
    public bool Rewritten { get; init; }
}

/// <summary>Decides, without any I/O, what happens to a request. The order is nginx's order of phases.</summary>
public static class RequestRouter
{
    public static RouteDecision Decide(RouteTable table, in RouteRequest request)
    {
        var host = HostName.OfHeader(request.Host);
        var routes = table.ForHost(host);

        // In the server block, before any location is looked for.
        if (routes.AppRoot is { } root && request.Target.Path == "/")
        {
            return new RouteDecision { Route = routes.Default, Status = 302, Location = $"{Scheme(request)}://{request.PublicHost}{root}" };
        }

        var match = routes.Find(request.Target.Path);
        var route = match.Route;
        var options = route.Options;
        if (match.AddSlash)
        {
            var path = RequestTarget.Escape(request.Target.Path);
            var location = $"{Scheme(request)}://{request.PublicHost}{path}/{request.Target.Query}";
            return new RouteDecision { Route = route, Status = 301, Location = location };
        }

        if (options.BodyLimit > 0 && request.ContentLength > options.BodyLimit)
        {
            return new RouteDecision { Route = route, Status = 413 };
        }

        if (options.Closed is not null)
        {
            return new RouteDecision { Route = route, Status = 503 };
        }

        if (options.Redirect is { } redirect)
        {
            var location = redirect.Location.StartsWith('/')
                ? $"{Scheme(request)}://{request.PublicHost}{redirect.Location}"
                : redirect.Location;
            return new RouteDecision { Route = route, Status = redirect.Status, Location = location };
        }

        if (options.Cors is not null && string.Equals(request.Method, "OPTIONS", StringComparison.Ordinal))
        {
            return new RouteDecision { Route = route, Status = 204 };
        }

        if (!request.IsHttps && RedirectsToHttps(table, host, options, request.Target.Path))
        {
            return new RouteDecision { Route = route, Status = table.Options.RedirectStatus, Location = HttpsLocation(request, options) };
        }

        return IsAllowed(options, request.Client)
            ? Forward(table, route, match, request)
            : new RouteDecision { Route = route, Status = 403 };
    }

    private static RouteDecision Forward(RouteTable table, Route route, in RouteMatch match, in RouteRequest request)
    {
        var key = route.Upstream ?? table.DefaultBackend;
        if (key is null || !table.Upstreams.TryGetValue(key, out var upstream) || upstream.Endpoints.IsEmpty)
        {
            return new RouteDecision { Route = route, Status = key is null || key.Equals(table.DefaultBackend) ? 404 : 503 };
        }

        var rewrite = route.Options.Rewrite;
        return new RouteDecision
        {
            Route = route,
            Upstream = key,
            Target = rewrite is null ? request.Target.Raw : rewrite.Apply(match.Captures, request.Target.Query),
            Rewritten = rewrite is not null,
        };
    }

    private static bool RedirectsToHttps(RouteTable table, string host, RouteOptions options, string path)
    {
        if (!options.ForceSslRedirect && !(options.SslRedirect && table.HasTls(host)))
        {
            return false;
        }

        foreach (var open in table.Options.NoTlsRedirect)
        {
            if (path.StartsWith(open, StringComparison.Ordinal))
            {
                return false;
            }
        }

        return true;
    }

    private static string HttpsLocation(in RouteRequest request, RouteOptions options)
    {
        var bracket = request.PublicHost.IndexOf(']', StringComparison.Ordinal);
        var colon = request.PublicHost.IndexOf(':', bracket + 1);
        var host = colon > 0 ? request.PublicHost[..colon] : request.PublicHost;

        // ingress-nginx drops one trailing slash here unless told to preserve it.
        var target = request.Target.Raw;
        return $"https://{host}{(target.EndsWith('/') && !options.PreserveTrailingSlash ? target[..^1] : target)}";
    }

    private static bool IsAllowed(RouteOptions options, IPAddress client)
        => (options.Denied.IsEmpty || !options.Denied.Contains(client)) && (options.Allowed.IsEmpty || options.Allowed.Contains(client));

    private static string Scheme(in RouteRequest request) => request.IsHttps ? "https" : "http";
}
