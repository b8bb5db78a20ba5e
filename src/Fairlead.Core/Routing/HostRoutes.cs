using System.Collections.Frozen;
using System.Collections.Immutable;

namespace Fairlead.Core.Routing;

/// <summary>The routes of one host, ready to be looked up.</summary>
/// <remarks>
/// Exact paths and prefixes are found by hash: a prefix by trying each length that occurs, longest first, so that the time does not grow
/// with the number of paths. Regexes are tried in order. There is always a route for <c>/</c>: the host's default backend.
/// </remarks>
public sealed class HostRoutes
{
    private readonly FrozenDictionary<string, Route> _exact;
    private readonly FrozenDictionary<string, Route> _prefixes;
    private readonly FrozenDictionary<string, Route>.AlternateLookup<ReadOnlySpan<char>> _prefixesBySpan;
    private readonly ImmutableArray<int> _lengths;
    private readonly ImmutableArray<(PathRegex Regex, Route Route)> _regexes;
    private readonly bool _addsSlash;

    internal HostRoutes(HostRoutesBuilder from)
    {
        Host = from.Host;
        AppRoot = from.AppRoot;
        Default = from.Default;
        Routes = from.Routes;
        _exact = from.Exact.ToFrozenDictionary(StringComparer.Ordinal);
        _prefixes = from.Prefixes.ToFrozenDictionary(StringComparer.Ordinal);
        _prefixesBySpan = _prefixes.GetAlternateLookup<ReadOnlySpan<char>>();
        _lengths = [.. from.Prefixes.Keys.Select(p => p.Length).Distinct().OrderDescending()];
        _regexes = [.. from.Regexes];
        _addsSlash = from.AddsSlash;
    }

    /// <summary>The host in lower case; with a star for a wildcard, empty for every host.</summary>
    public string Host { get; }

    /// <summary>Where <c>/</c> is redirected to; null when it is not.</summary>
    public string? AppRoot { get; }

    /// <summary>The route of what nothing else matches.</summary>
    public Route Default { get; }

    /// <summary>Every route, in the order that they are tried.</summary>
    public ImmutableArray<Route> Routes { get; }

    internal RouteMatch Find(string path)
    {
        if (_exact.TryGetValue(path, out var exact))
        {
            return new RouteMatch(exact, null, AddSlash: false);
        }

        foreach (var (regex, route) in _regexes)
        {
            if (regex.TryMatch(path, out var captures))
            {
                return new RouteMatch(route, captures, AddSlash: false);
            }
        }

        if (_addsSlash && _prefixes.TryGetValue(path + "/", out var directory))
        {
            return new RouteMatch(directory, null, AddSlash: true);
        }

        foreach (var length in _lengths)
        {
            if (length <= path.Length && _prefixesBySpan.TryGetValue(path.AsSpan(0, length), out var prefix))
            {
                return new RouteMatch(prefix, null, AddSlash: false);
            }
        }

        return new RouteMatch(Default, null, AddSlash: false);
    }
}
