using System.Collections.Immutable;
using System.Globalization;
using Fairlead.Kube.Objects;

namespace Fairlead.Core.Routing;

/// <summary>One Ingress, read by itself: its options, its paths, its own faults.</summary>
/// <remarks>It depends on nothing but the Ingress, its class and the global options, and is kept as long as those are the same.</remarks>
internal sealed class CompiledIngress
{
    private CompiledIngress(Ingress source, bool isNginx, GlobalOptions globals)
    {
        Source = source;
        IsNginx = isNginx;
        Globals = globals;
        Key = new ObjectKey(source.Metadata.Namespace, source.Metadata.Name);
    }

    /// <summary>The Ingress as it was when it was compiled; its status may have changed since.</summary>
    public Ingress Source { get; }

    public GlobalOptions Globals { get; }

    public ObjectKey Key { get; }

    /// <summary>Its paths are read as nginx reads them.</summary>
    public bool IsNginx { get; }

    public RouteOptions Options { get; private set; } = RouteOptions.Default;

    public UpstreamKey? DefaultBackend { get; private set; }

    /// <summary>It has no rules: its default backend takes every host.</summary>
    public bool IsCatchAll => DefaultBackend is not null && Source.Spec.Rules.IsEmpty;

    public ImmutableArray<CompiledRule> Rules { get; private set; } = [];

    public ImmutableArray<CompiledTls> Tls { get; private set; } = [];

    public ImmutableArray<RouteDiagnostic> Diagnostics { get; private set; } = [];

    /// <summary>A compile of the other would give the same. The status of an Ingress, which we write ourselves, does not count.</summary>
    public bool IsOf(Ingress other, bool isNginx, GlobalOptions globals)
        => IsNginx == isNginx && ReferenceEquals(Globals, globals)
            && (ReferenceEquals(Source, other)
                || (Source.Spec.Equals(other.Spec)
                    && Source.Metadata.Annotations == other.Metadata.Annotations
                    && Source.Metadata.CreationTimestamp == other.Metadata.CreationTimestamp));

    public static CompiledIngress Compile(Ingress source, bool isNginx, GlobalOptions globals, RoutingSettings settings)
    {
        var compiled = new CompiledIngress(source, isNginx, globals);
        var diagnostics = new List<RouteDiagnostic>();
        var (options, faults) = AnnotationParser.Parse(source.Metadata.Annotations, settings.AnnotationsPrefix, globals.Route);
        diagnostics.AddRange(faults.Select(f => new RouteDiagnostic(f.Severity, "Ingress", compiled.Key, f.Reason, f.Message)));
        compiled.Options = options;

        // A canary's rules repeat the main Ingress's on purpose: without canary routing it must stay out of the way.
        if (source.Metadata.Annotations.Find($"{settings.AnnotationsPrefix}/canary") is not "true")
        {
            compiled.Read(settings, diagnostics);
        }

        compiled.Diagnostics = [.. diagnostics];
        return compiled;
    }

    private void Read(RoutingSettings settings, List<RouteDiagnostic> diagnostics)
    {
        if (Source.Spec.DefaultBackend is { } backend)
        {
            DefaultBackend = Upstream(backend, "spec.defaultBackend", diagnostics);
        }

        var rules = ImmutableArray.CreateBuilder<CompiledRule>();
        foreach (var rule in Source.Spec.Rules)
        {
            if (rule.Host.Length == 0 && settings.DisableCatchAll)
            {
                diagnostics.Add(Warning("CatchAllDisabled",
                    "a rule without a host has no effect: the controller runs with --disable-catch-all."));
                continue;
            }

            rules.Add(new CompiledRule(HostName.Normalise(rule.Host), Paths(rule, diagnostics)));
        }

        if (rules.Count == 0 && settings.DisableCatchAll && DefaultBackend is not null)
        {
            diagnostics.Add(Warning("CatchAllDisabled",
                "a default backend without rules has no effect: the controller runs with --disable-catch-all."));
            DefaultBackend = null;
        }

        Rules = rules.DrainToImmutable();
        Tls =
        [
            .. Source.Spec.Tls.SelectMany(t => Hosts(t).Select(host => new CompiledTls(
                HostName.Normalise(host),
                string.IsNullOrEmpty(t.SecretName) ? null : new ObjectKey(Key.Namespace, t.SecretName)))),
        ];

        // An entry without hosts is for all of the Ingress's.
        IEnumerable<string> Hosts(IngressTls tls)
            => tls.Hosts.IsEmpty
                ? Source.Spec.Rules.Select(r => r.Host).Where(h => h.Length > 0).Distinct(StringComparer.Ordinal)
                : tls.Hosts;
    }

    private ImmutableArray<CompiledPath> Paths(IngressRule rule, List<RouteDiagnostic> diagnostics)
    {
        var paths = ImmutableArray.CreateBuilder<CompiledPath>();
        foreach (var path in rule.Http?.Paths ?? [])
        {
            var text = path.Path.Length == 0 ? "/" : path.Path;
            if (!text.StartsWith('/') && !Options.UseRegex && Options.Rewrite is null)
            {
                diagnostics.Add(Warning("PathInvalid", $"path \"{text}\" must begin with a slash; it gets no requests."));
                continue;
            }

            if (Upstream(path.Backend, $"the backend of path {text}", diagnostics) is { } upstream)
            {
                paths.Add(new CompiledPath(text, string.Equals(path.PathType, "Exact", StringComparison.Ordinal), upstream));
            }
        }

        return paths.DrainToImmutable();
    }

    private UpstreamKey? Upstream(IngressBackend backend, string where, List<RouteDiagnostic> diagnostics)
    {
        if (backend.Service is not { } service)
        {
            diagnostics.Add(Warning("BackendNotSupported",
                $"{where} is no Service; only Services can be served, so its requests go to the default backend."));
            return null;
        }

        var port = service.Port?.Name is { Length: > 0 } name ? name : (service.Port?.Number ?? 0).ToString(CultureInfo.InvariantCulture);
        return new UpstreamKey(new ObjectKey(Key.Namespace, service.Name), port, Options.ServiceUpstream);
    }

    private RouteDiagnostic Warning(string reason, string message) => new(DiagnosticSeverity.Warning, "Ingress", Key, reason, message);
}

/// <summary>The paths that an Ingress gives a host.</summary>
internal sealed record CompiledRule(string Host, ImmutableArray<CompiledPath> Paths);

/// <summary>One path of a rule.</summary>
internal sealed record CompiledPath(string Path, bool IsExact, UpstreamKey Upstream);

/// <summary>A host that gets a certificate: of a Secret, or the default one.</summary>
internal sealed record CompiledTls(string Host, ObjectKey? Secret);
