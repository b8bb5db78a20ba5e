using System.Text.RegularExpressions;
using Fairlead.Kube.Objects;

namespace Fairlead.Core.Routing;

/// <summary>One path of one host and where it leads.</summary>
/// <remarks>It names its upstream and does not hold it: endpoints come and go without a new route.</remarks>
public sealed record Route
{
    /// <summary>The Ingress it comes from; null for the controller's own default backend.</summary>
    public ObjectKey? Ingress { get; init; }

    /// <summary>The host as the rule has it, in lower case; empty for every host.</summary>
    public required string Host { get; init; }

    /// <summary>The path as the rule has it.</summary>
    public required string Path { get; init; }

    public required PathKind Kind { get; init; }

    /// <summary>The Service and port; null for the controller's default backend.</summary>
    public UpstreamKey? Upstream { get; init; }

    public RouteOptions Options { get; init; } = RouteOptions.Default;

    public override string ToString()
    {
        var host = Host.Length == 0 ? "*" : Host;
        return $"{host}{Path} ({Kind}) → {Upstream?.ToString() ?? "default backend"} of {Ingress?.ToString() ?? "the controller"}";
    }
}

/// <summary>How a path matches.</summary>
public enum PathKind
{
    Prefix,
    Exact,

    /// <summary>A case-insensitive regex at the beginning of the path.</summary>
    Regex,
}

/// <summary>The route of a request within its host.</summary>
/// <param name="Captures">What the path's regex matched, for <c>rewrite-target</c>.</param>
/// <param name="AddSlash">The path lacks only the trailing slash of the route: nginx redirects (301).</param>
internal readonly record struct RouteMatch(Route Route, Match? Captures, bool AddSlash);
