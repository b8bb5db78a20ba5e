using System.Collections.Frozen;
using Fairlead.Kube.State;

namespace Fairlead.Core.Routing;

/// <summary>Turns the annotations of one Ingress into <see cref="RouteOptions"/>.</summary>
internal sealed class AnnotationParser
{
    // Every annotation that Parse below reads. A test asserts that this and the catalog name all of ingress-nginx's.
    internal static readonly FrozenSet<string> WithCode = FrozenSet.ToFrozenSet(
        [
            "allowlist-source-range", "app-root", "backend-protocol", "cors-allow-credentials", "cors-allow-headers", "cors-allow-methods",
            "cors-allow-origin", "cors-expose-headers", "cors-max-age", "denylist-source-range", "enable-access-log", "enable-cors",
            "force-ssl-redirect", "permanent-redirect", "permanent-redirect-code", "preserve-trailing-slash", "proxy-body-size",
            "proxy-connect-timeout", "proxy-next-upstream", "proxy-next-upstream-timeout", "proxy-next-upstream-tries",
            "proxy-read-timeout",
            "proxy-send-timeout", "rewrite-target", "service-upstream", "ssl-redirect", "temporal-redirect", "temporal-redirect-code",
            "upstream-vhost", "use-regex", "whitelist-source-range", "x-forwarded-prefix",
        ],
        StringComparer.Ordinal);

    private static readonly FrozenDictionary<string, NextUpstream> s_nextUpstream
        = new Dictionary<string, NextUpstream>(StringComparer.Ordinal)
    {
        ["off"] = NextUpstream.Off,
        ["error"] = NextUpstream.Error,
        ["timeout"] = NextUpstream.Timeout,
        ["invalid_header"] = NextUpstream.InvalidHeader,
        ["http_500"] = NextUpstream.Http500,
        ["http_502"] = NextUpstream.Http502,
        ["http_503"] = NextUpstream.Http503,
        ["http_504"] = NextUpstream.Http504,
        ["http_403"] = NextUpstream.Http403,
        ["http_404"] = NextUpstream.Http404,
        ["http_429"] = NextUpstream.Http429,
        ["non_idempotent"] = NextUpstream.NonIdempotent,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    private readonly string _prefix;
    private readonly EquatableMap _annotations;
    private readonly ValueReader _read;
    private readonly List<AnnotationFault> _faults = [];
    private string? _closed;

    private AnnotationParser(EquatableMap annotations, string prefix)
    {
        _annotations = annotations;
        _prefix = prefix + "/";
        _read = new ValueReader(name => annotations.Find(_prefix + name), ReportInvalid);
    }

    /// <summary>The options of an Ingress, and what in its annotations has no or another effect.</summary>
    public static (RouteOptions Options, IReadOnlyList<AnnotationFault> Faults) Parse(
        EquatableMap annotations, string prefix, RouteOptions defaults)
    {
        var parser = new AnnotationParser(annotations, prefix);
        parser.ReportWithoutCode();
        var options = parser.Options(defaults);
        return (options with { Closed = parser._closed }, parser._faults);
    }

    /// <summary>Reads <c>proxy-next-upstream</c>; null when a word is unknown.</summary>
    internal static NextUpstream? ParseNextUpstream(string text)
    {
        var flags = NextUpstream.Off;
        foreach (var word in text.Split([' ', ','], StringSplitOptions.RemoveEmptyEntries))
        {
            if (!s_nextUpstream.TryGetValue(word, out var flag))
            {
                return null;
            }

            flags |= flag;
        }

        return flags;
    }

    private RouteOptions Options(RouteOptions defaults) => defaults with
    {
        Rewrite = Rewrite(),
        UseRegex = _read.Bool("use-regex", false),
        SslRedirect = _read.Bool("ssl-redirect", defaults.SslRedirect),
        ForceSslRedirect = _read.Bool("force-ssl-redirect", defaults.ForceSslRedirect),
        PreserveTrailingSlash = _read.Bool("preserve-trailing-slash", defaults.PreserveTrailingSlash),
        AppRoot = AppRoot(),
        Redirect = Redirect(),
        Protocol = Protocol(),
        BodyLimit = _read.Size("proxy-body-size", defaults.BodyLimit),
        ConnectTimeout = _read.Seconds("proxy-connect-timeout", defaults.ConnectTimeout),
        ReadTimeout = _read.Seconds("proxy-read-timeout", defaults.ReadTimeout),
        SendTimeout = _read.Seconds("proxy-send-timeout", defaults.SendTimeout),
        NextUpstream = Next(defaults.NextUpstream),
        NextUpstreamTries = _read.Int("proxy-next-upstream-tries", defaults.NextUpstreamTries),
        NextUpstreamTimeout = _read.Seconds("proxy-next-upstream-timeout", defaults.NextUpstreamTimeout),
        UpstreamHost = HeaderValue("upstream-vhost"),
        ForwardedPrefix = HeaderValue("x-forwarded-prefix"),
        Allowed = Ranges("allowlist-source-range") ?? Ranges("whitelist-source-range") ?? defaults.Allowed,
        Denied = Ranges("denylist-source-range") ?? defaults.Denied,
        Cors = Cors(),
        ServiceUpstream = _read.Bool("service-upstream", defaults.ServiceUpstream),
        AccessLog = _read.Bool("enable-access-log", defaults.AccessLog),
    };

    private RewriteTemplate? Rewrite()
    {
        if (_read.Text("rewrite-target") is not { } text)
        {
            return null;
        }

        // nginx answers a redirect for a target with a scheme: that is what the redirect annotations are for.
        return text.Contains("://", StringComparison.Ordinal) || HasControl(text)
            ? _read.Bad<RewriteTemplate?>("rewrite-target", text, "a path with $1 to $9; for another address use temporal-redirect", null)
            : RewriteTemplate.Parse(text);
    }

    private string? AppRoot()
        => _read.Text("app-root") is not { } text ? null
            : text.StartsWith('/') && !text.StartsWith("//", StringComparison.Ordinal) && !HasControl(text) ? text
            : _read.Bad<string?>("app-root", text, "a path that begins with one slash", null);

    private FixedRedirect? Redirect()
    {
        // temporal-redirect wins, as in ingress-nginx.
        if (_read.Text("temporal-redirect") is { } temporal)
        {
            return Target("temporal-redirect", temporal, _read.Int("temporal-redirect-code", 302, 300, 308));
        }

        return _read.Text("permanent-redirect") is { } permanent
            ? Target("permanent-redirect", permanent, _read.Int("permanent-redirect-code", 301, 300, 308))
            : null;

        FixedRedirect? Target(string name, string location, int status)
            => !HasControl(location) && (location.StartsWith('/') || Uri.TryCreate(location, UriKind.Absolute, out _))
                ? new FixedRedirect(status, location)
                : _read.Bad<FixedRedirect?>(name, location, "a URL or an absolute path", null);
    }

    private UpstreamProtocol Protocol()
        => _read.Text("backend-protocol")?.ToUpperInvariant() switch
        {
            null or "HTTP" or "AUTO_HTTP" => UpstreamProtocol.Http,
            "HTTPS" => UpstreamProtocol.Https,
            "GRPC" or "GRPCS" or "FCGI" => NotYet("backend-protocol", _read.Text("backend-protocol")!),
            var other => _read.Bad("backend-protocol", other, "HTTP or HTTPS", UpstreamProtocol.Http),
        };

    private UpstreamProtocol NotYet(string name, string value)
    {
        _closed ??= $"{_prefix}{name}: {value} is not implemented yet";
        _faults.Add(new(DiagnosticSeverity.Error, "AnnotationNotImplemented",
            $"{_prefix}{name}: {value} is not implemented yet; requests get 503. Use HTTP or HTTPS if the endpoints speak HTTP/1.1."));
        return UpstreamProtocol.Http;
    }

    private NextUpstream Next(NextUpstream otherwise)
        => _read.Text("proxy-next-upstream") is not { } text ? otherwise
            : ParseNextUpstream(text)
                ?? _read.Bad("proxy-next-upstream", text,
                    $"words out of: {string.Join(' ', s_nextUpstream.Keys.Order(StringComparer.Ordinal))}", otherwise);

    private string? HeaderValue(string name)
        => _read.Text(name) is not { } text ? null
            : HasControl(text) || text.Contains('$', StringComparison.Ordinal)
                ? _read.Bad<string?>(name, text, "plain text without nginx variables", null)
            : text;

    /// <summary>Ranges that cannot be read close the route: serving everyone would be the one wrong answer.</summary>
    private AddressRanges? Ranges(string name)
    {
        if (_read.Text(name) is not { } text)
        {
            return null;
        }

        if (AddressRanges.TryParse(text, out var ranges, out var fault))
        {
            return ranges;
        }

        _closed ??= $"{_prefix}{name}: {fault}";
        _faults.Add(new(DiagnosticSeverity.Error, "AnnotationInvalid",
            $"{_prefix}{name}: {fault}; requests get 503 until it is a comma-separated list such as 10.0.0.0/8,192.0.2.7."));
        return null;
    }

    private CorsOptions? Cors()
    {
        if (!_read.Bool("enable-cors", false))
        {
            return null;
        }

        var otherwise = new CorsOptions();
        var origins = _read.Text("cors-allow-origin")?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        return new CorsOptions
        {
            Origins = origins is { Length: > 0 } ? origins.ToEquatableArray() : otherwise.Origins,
            Methods = HeaderValue("cors-allow-methods") ?? otherwise.Methods,
            Headers = HeaderValue("cors-allow-headers") ?? otherwise.Headers,
            Credentials = _read.Bool("cors-allow-credentials", otherwise.Credentials),
            ExposeHeaders = HeaderValue("cors-expose-headers"),
            MaxAge = _read.Int("cors-max-age", otherwise.MaxAge),
        };
    }

    private void ReportWithoutCode()
    {
        foreach (var (key, value) in _annotations)
        {
            if (!key.StartsWith(_prefix, StringComparison.Ordinal) || WithCode.Contains(key[_prefix.Length..]))
            {
                continue;
            }

            var name = key[_prefix.Length..];
            if (!AnnotationCatalog.WithoutCode.TryGetValue(name, out var fate))
            {
                _faults.Add(new(DiagnosticSeverity.Warning, "AnnotationUnknown",
                    $"{key}: no such annotation; it has no effect. Is the name right?"));
            }
            else if (!IsDefault(name, value))
            {
                Report(key, value, fate);
            }
        }
    }

    private void Report(string key, string value, AnnotationFate fate)
    {
        switch (fate)
        {
            case AnnotationFate.NoEffect:
                _faults.Add(new(DiagnosticSeverity.Notice, "AnnotationWithoutEffect",
                    $"{key}: it tunes nginx itself; bodies are streamed here and nothing is lost."));
                break;
            case AnnotationFate.NotYet:
                _faults.Add(new(DiagnosticSeverity.Warning, "AnnotationNotImplemented",
                    $"{key}: {Short(value)} is not implemented yet; requests pass without it."));
                break;
            case AnnotationFate.Closes:
                _closed ??= $"{key} is not implemented yet";
                _faults.Add(new(DiagnosticSeverity.Error, "AnnotationNotImplemented",
                    $"{key}: access control that is not implemented yet; requests get 503 rather than pass unchecked. "
                    + "Remove the annotation to open the routes."));
                break;
            case AnnotationFate.Refused:
                _faults.Add(new(DiagnosticSeverity.Warning, "AnnotationRefused",
                    $"{key}: raw nginx configuration has no effect, there is no nginx behind this controller; use annotations."));
                break;
            case AnnotationFate.PartOfAnother:
                _faults.Add(new(DiagnosticSeverity.Notice, "AnnotationNotImplemented",
                    $"{key}: it belongs to an annotation that is not implemented yet and has no effect."));
                break;
        }
    }

    /// <summary>Values that ask for what happens anyway need no word.</summary>
    private static bool IsDefault(string name, string value)
        => (name, value) switch
        {
            ("load-balance", "round_robin") or ("proxy-http-version", "1.1") or ("proxy-ssl-verify", "off") or ("satisfy", "all") => true,
            ("proxy-redirect-from" or "proxy-redirect-to", "off") or ("proxy-cookie-domain" or "proxy-cookie-path", "off") => true,
            ("canary" or "ssl-passthrough" or "from-to-www-redirect", "false") => true,
            ("enable-modsecurity" or "enable-owasp-core-rules" or "enable-opentelemetry", "false") => true,
            _ => false,
        };

    private void ReportInvalid(string name, string value, string expected)
        => _faults.Add(new(DiagnosticSeverity.Warning, "AnnotationInvalid",
            $"{_prefix}{name}: {Short(value)} is not {expected}; the default is used."));

    /// <summary>A value in quotes, cut to what an Event can hold.</summary>
    private static string Short(string value) => value.Length <= 80 ? $"\"{value}\"" : $"\"{value[..77]}...\"";

    private static bool HasControl(string text) => text.Any(char.IsControl);
}

/// <summary>One annotation that has no or another effect than it says.</summary>
internal sealed record AnnotationFault(DiagnosticSeverity Severity, string Reason, string Message);
