using System.Collections.Immutable;

namespace Fairlead.Core.Routing;

/// <summary>Arranges the paths that Ingresses give one host. All path semantics are here.</summary>
/// <remarks>
/// nginx's, which a class of <c>k8s.io/ingress-nginx</c> gets: one <c>rewrite-target</c> or <c>use-regex</c> makes every path of the host,
/// of all Ingresses, a case-insensitive regex that is tied to the beginning only, tried longest first; otherwise a prefix <c>/a</c> is
/// <c>/a</c> itself and everything under <c>/a/</c>, and a prefix written <c>/a/</c> answers 301 to <c>/a</c>.
/// The specification's, which our own class gets: an Ingress with regexes concerns only itself, and <c>/a/</c> matches <c>/a</c> too.
/// Of two Ingresses that claim one path the older one has it.
/// </remarks>
internal sealed class HostRoutesBuilder
{
    private readonly Dictionary<(string Path, bool IsExact), Claim> _claims = [];
    private readonly List<RouteDiagnostic> _diagnostics;

    private HostRoutesBuilder(
        string host, IReadOnlyList<CompiledIngress> oldestFirst, UpstreamKey? defaultBackend, List<RouteDiagnostic> diagnostics)
    {
        Host = host;
        _diagnostics = diagnostics;

        // The Ingress that has nothing but a default backend is the one meant for the rest; else the oldest.
        var owner = oldestFirst.FirstOrDefault(i => i.IsCatchAll) ?? (oldestFirst.Count > 0 ? oldestFirst[0] : null);
        Default = new Route
        {
            Ingress = owner?.Key,
            Host = host,
            Path = "/",
            Kind = PathKind.Prefix,
            Upstream = owner?.DefaultBackend ?? defaultBackend,
            Options = (owner?.Options ?? RouteOptions.Default) with { Rewrite = null, Redirect = null, UseRegex = false },
        };

        foreach (var ingress in oldestFirst)
        {
            AppRoot ??= ingress.Options.AppRoot;
            foreach (var rule in ingress.Rules.Where(r => string.Equals(r.Host, host, StringComparison.Ordinal)))
            {
                foreach (var path in rule.Paths)
                {
                    Add(ingress, path);
                }
            }
        }

        Arrange();
    }

    public string Host { get; }

    public string? AppRoot { get; }

    public Route Default { get; private set; }

    public Dictionary<string, Route> Exact { get; } = new(StringComparer.Ordinal);

    public Dictionary<string, Route> Prefixes { get; } = new(StringComparer.Ordinal);

    public List<(PathRegex Regex, Route Route)> Regexes { get; } = [];

    public bool AddsSlash { get; private set; }

    public ImmutableArray<Route> Routes { get; private set; } = [];

    /// <summary>The routes of a host.</summary>
    /// <param name="oldestFirst">The Ingresses with a rule for it.</param>
    /// <param name="defaultBackend">Where the rest goes when no Ingress names a default backend.</param>
    public static HostRoutes Build(
        string host, IReadOnlyList<CompiledIngress> oldestFirst, UpstreamKey? defaultBackend, List<RouteDiagnostic> diagnostics)
        => new(new HostRoutesBuilder(host, oldestFirst, defaultBackend, diagnostics));

    private void Add(CompiledIngress ingress, CompiledPath path)
    {
        if (_claims.TryGetValue((path.Path, path.IsExact), out var taken))
        {
            // The same Ingress may name a path twice, by its own mistake; the first one counts then, too.
            _diagnostics.Add(new RouteDiagnostic(DiagnosticSeverity.Warning, "Ingress", ingress.Key, "PathConflict",
                $"{(Host.Length == 0 ? "*" : Host)}{path.Path} belongs to the older {taken.Ingress.Key}; this Ingress gets none of its requests."));
            return;
        }

        // A rewrite of a path to itself is none, and makes no regex.
        var options = ingress.Options;
        var rewrites = options.Rewrite is { } rewrite && !string.Equals(rewrite.ToString(), path.Path, StringComparison.Ordinal);
        _claims.Add((path.Path, path.IsExact), new Claim(ingress, path.Path, path.IsExact, rewrites || options.UseRegex, new Route
        {
            Ingress = ingress.Key,
            Host = Host,
            Path = path.Path,
            Kind = path.IsExact ? PathKind.Exact : PathKind.Prefix,
            Upstream = path.Upstream,
            Options = rewrites || options.Rewrite is null ? options : options with { Rewrite = null },
        }));
    }

    private void Arrange()
    {
        var everyPathIsRegex = _claims.Values.Any(c => c is { Ingress.IsNginx: true, IsRegex: true });
        if (_claims.Remove(("/", false), out var root))
        {
            Default = root.Route;
        }

        var exactPaths = _claims.Keys.Where(k => k.IsExact).Select(k => k.Path).ToHashSet(StringComparer.Ordinal);

        // Longest first, as ingress-nginx writes its locations; among equals any order would do, so the one that it has.
        foreach (var claim in _claims.Values.OrderByDescending(c => c.Path.Length).ThenByDescending(c => c.Path, StringComparer.Ordinal))
        {
            if (everyPathIsRegex && claim.Ingress.IsNginx)
            {
                AddNginxRegex(claim, exactPaths);
            }
            else if (claim.Route.Options.UseRegex)
            {
                AddRegex(claim, claim.Path);
            }
            else if (claim.IsExact)
            {
                Exact.TryAdd(RequestTarget.ToBytes(claim.Path), claim.Route);
            }
            else
            {
                AddPrefix(claim, exactPaths);
            }
        }

        Routes = [.. Exact.Values.Concat(Regexes.Select(r => r.Route)).Concat(Prefixes.Values).Distinct(), Default];
    }

    private void AddNginxRegex(Claim claim, HashSet<string> exactPaths)
    {
        // A plain prefix is two locations, "/a/" and "= /a", and both become regexes: so "/a" then also takes "/ab".
        if (!claim.IsRegex && !claim.IsExact)
        {
            AddRegex(claim, WithSlash(claim.Path));
            if (exactPaths.Contains(claim.Path))
            {
                return;
            }
        }

        AddRegex(claim, claim.Path);
    }

    private void AddRegex(Claim claim, string pattern)
    {
        if (PathRegex.TryCreate(pattern, out var regex, out var fault))
        {
            Regexes.Add((regex, claim.Route with { Kind = PathKind.Regex }));
            return;
        }

        _diagnostics.Add(new RouteDiagnostic(DiagnosticSeverity.Error, "Ingress", claim.Ingress.Key, "PathInvalid",
            $"path \"{claim.Path}\" is read as a regex and cannot be: {fault} This path gets no requests."));
    }

    private void AddPrefix(Claim claim, HashSet<string> exactPaths)
    {
        var bare = claim.Path.TrimEnd('/');
        Prefixes.TryAdd(RequestTarget.ToBytes(WithSlash(claim.Path)), claim.Route);
        if (claim.Path.EndsWith('/') && claim.Ingress.IsNginx)
        {
            AddsSlash = true;
        }
        else if (!exactPaths.Contains(bare))
        {
            Exact.TryAdd(RequestTarget.ToBytes(bare), claim.Route);
        }
    }

    private static string WithSlash(string path) => path.EndsWith('/') ? path : path + "/";

    /// <summary>One path of one Ingress that no older Ingress has.</summary>
    private sealed record Claim(CompiledIngress Ingress, string Path, bool IsExact, bool IsRegex, Route Route);
}
