using System.Collections.Frozen;

namespace Fairlead.Core.Routing;

/// <summary>What becomes of an annotation that has no code of its own yet.</summary>
internal enum AnnotationFate
{
    /// <summary>It tunes nginx's own machinery, which is not there: nothing is lost.</summary>
    NoEffect,

    /// <summary>Not done yet: requests pass without it.</summary>
    NotYet,

    /// <summary>Access control that is not done yet: requests must not pass without it, so they get 503.</summary>
    Closes,

    /// <summary>Raw nginx configuration: refused, since there is no nginx and no template to inject into.</summary>
    Refused,

    /// <summary>It belongs to another annotation and says nothing alone.</summary>
    PartOfAnother,
}

/// <summary>Every annotation of ingress-nginx 1.15 that <see cref="AnnotationParser"/> has no code for, and what becomes of it.</summary>
/// <remarks>An annotation is never silently ignored: it is parsed, or it is listed here, or it is reported as unknown.</remarks>
internal static class AnnotationCatalog
{
    public static readonly FrozenDictionary<string, AnnotationFate> WithoutCode = Entries().ToFrozenDictionary(StringComparer.Ordinal);

    private static IEnumerable<KeyValuePair<string, AnnotationFate>> Entries()
    {
        return
        [
            .. All(AnnotationFate.NoEffect,
                "proxy-buffering", "proxy-request-buffering", "proxy-buffer-size", "proxy-buffers-number", "proxy-busy-buffers-size",
                "client-body-buffer-size", "proxy-max-temp-file-size", "http2-push-preload", "enable-rewrite-log", "fastcgi-index",
                "fastcgi-params-configmap", "ssl-prefer-server-ciphers", "enable-global-auth"),
            .. All(AnnotationFate.NotYet,
                "affinity", "canary", "connection-proxy-header", "custom-headers", "custom-http-errors", "default-backend",
                "disable-proxy-intercept-errors", "enable-modsecurity", "enable-opentelemetry", "enable-owasp-core-rules",
                "from-to-www-redirect",
                "limit-connections", "limit-rate", "limit-rate-after", "limit-rpm", "limit-rps", "load-balance", "mirror-target",
                "modsecurity-transaction-id", "opentelemetry-operation-name", "opentelemetry-trust-incoming-span", "proxy-cookie-domain",
                "proxy-cookie-path", "proxy-http-version", "proxy-redirect-from", "proxy-redirect-to", "proxy-ssl-ciphers",
                "proxy-ssl-name",
                "proxy-ssl-protocols", "proxy-ssl-secret", "proxy-ssl-server-name", "proxy-ssl-verify", "proxy-ssl-verify-depth",
                "relative-redirects", "server-alias", "ssl-ciphers", "ssl-passthrough", "upstream-hash-by", "use-port-in-redirects"),
            .. All(AnnotationFate.Closes, "auth-secret", "auth-tls-match-cn", "auth-tls-secret", "auth-type", "auth-url", "satisfy"),
            .. All(AnnotationFate.Refused,
                "auth-snippet", "configuration-snippet", "modsecurity-snippet", "server-snippet", "stream-snippet"),
            .. All(AnnotationFate.PartOfAnother,
                "affinity-canary-behavior", "affinity-mode", "auth-always-set-cookie", "auth-cache-duration", "auth-cache-key",
                "auth-keepalive",
                "auth-keepalive-requests", "auth-keepalive-share-vars", "auth-keepalive-timeout", "auth-method", "auth-proxy-set-headers",
                "auth-realm", "auth-request-redirect", "auth-response-headers", "auth-secret-type", "auth-signin",
                "auth-signin-redirect-param",
                "auth-tls-error-page", "auth-tls-pass-certificate-to-upstream", "auth-tls-verify-client", "auth-tls-verify-depth",
                "canary-by-cookie", "canary-by-header", "canary-by-header-pattern", "canary-by-header-value", "canary-weight",
                "canary-weight-total", "limit-allowlist", "limit-burst-multiplier", "limit-whitelist", "mirror-host", "mirror-request-body",
                "session-cookie-change-on-failure", "session-cookie-conditional-samesite-none", "session-cookie-domain",
                "session-cookie-expires",
                "session-cookie-max-age", "session-cookie-name", "session-cookie-path", "session-cookie-samesite", "session-cookie-secure",
                "upstream-hash-by-subset", "upstream-hash-by-subset-size"),
        ];

        static IEnumerable<KeyValuePair<string, AnnotationFate>> All(AnnotationFate fate, params string[] names)
            => names.Select(n => KeyValuePair.Create(n, fate));
    }
}
