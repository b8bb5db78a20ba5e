using Fairlead.Core.Routing;
using static Fairlead.Tests.Routing.Cluster;

namespace Fairlead.Tests.Routing;

public sealed class RequestRouterTests
{
    private const string Tls = "spec:\n  tls:\n  - {hosts: [x.io], secretName: cert}";

    /// <summary>What happens to a GET of x.io: reason, annotations, URL, status and where to (or the target sent upstream).</summary>
    public static TheoryData<string, string[], string, string> Cases => new()
    {
        { "a request passes as it was sent", [], "x.io/app/%61/..//b?q=%20", "→ /app/%61/..//b?q=%20" },
        { "rewrite-target replaces the whole path", ["rewrite-target: /"], "x.io/app/b?q=1", "→ /?q=1" },
        { "the note's rewrite", ["rewrite-target: /"], "x.io/app", "→ /" },

        { "app-root redirects the root", ["app-root: /app/start"], "x.io/", "302 http://x.io/app/start" },
        { "and nothing else", ["app-root: /app/start"], "x.io/app", "→ /app" },
        { "app-root takes no other address", ["app-root: //evil.io"], "x.io/", "404" },

        { "permanent-redirect", ["permanent-redirect: https://new.io/"], "x.io/app", "301 https://new.io/" },
        { "with a code", ["permanent-redirect: https://new.io/", "permanent-redirect-code: 308"], "x.io/app", "308 https://new.io/" },
        { "temporal-redirect", ["temporal-redirect: https://new.io/"], "x.io/app", "302 https://new.io/" },
        { "temporal wins over permanent", ["permanent-redirect: https://old.io", "temporal-redirect: https://new.io"], "x.io/app", "302 https://new.io" },
        { "a redirect to a path is to this host", ["temporal-redirect: /b", "temporal-redirect-code: 307"], "x.io:8080/app", "307 http://x.io:8080/b" },

        { "no TLS, no redirect", [], "x.io/app", "→ /app" },
        { "force-ssl-redirect needs no TLS", ["force-ssl-redirect: true"], "x.io/app", "308 https://x.io/app" },
        { "it leaves HTTPS alone", ["force-ssl-redirect: true"], "https://x.io/app", "→ /app" },
        { "the port goes", ["force-ssl-redirect: true"], "x.io:8080/app?q=1", "308 https://x.io/app?q=1" },
        { "a trailing slash goes too, as in ingress-nginx", ["force-ssl-redirect: true"], "x.io/app/", "308 https://x.io/app" },
        { "unless it is to stay", ["force-ssl-redirect: true", "preserve-trailing-slash: true"], "x.io/app/", "308 https://x.io/app/" },
        { "ACME's challenge is not redirected", ["force-ssl-redirect: true"], "x.io/.well-known/acme-challenge/1", "404" },

        { "an allowed client passes", ["whitelist-source-range: 198.51.100.0/24"], "x.io/app", "→ /app" },
        { "another does not", ["whitelist-source-range: 10.0.0.0/8,192.0.2.1"], "x.io/app", "403" },
        { "the newer name is the same", ["allowlist-source-range: 10.0.0.0/8"], "x.io/app", "403" },
        { "a denied client does not pass", ["denylist-source-range: 198.51.100.7"], "x.io/app", "403" },
        { "a list that cannot be read lets nobody in", ["whitelist-source-range: office"], "x.io/app", "503" },
        { "a wish for authentication is not ignored", ["auth-url: http://auth.io"], "x.io/app", "503" },
        { "nor for passwords", ["auth-type: basic", "auth-secret: users"], "x.io/app", "503" },
        { "a protocol that is not spoken is not tried", ["backend-protocol: GRPC"], "x.io/app", "503" },
    };

    [Theory, MemberData(nameof(Cases))]
    public void Decides(string because, string[] annotations, string url, string expected)
        => Assert.True(expected == Text(With(Rules("a", "x.io/app app:80", annotations)).Get(url)), because);

    [Theory]
    [InlineData("a host with TLS is redirected", "", "x.io/app", "308 https://x.io/app")]
    [InlineData("the note turns it off", "ssl-redirect: false", "x.io/app", "→ /app")]
    [InlineData("HTTPS is not redirected", "", "https://x.io/app", "→ /app")]
    [InlineData("a host without TLS is not redirected", "", "y.io/app", "→ /app")]
    public void Ssl_redirect_needs_tls_of_the_host(string because, string annotation, string url, string expected)
    {
        string[] annotations = annotation.Length == 0 ? [] : [annotation];
        var cluster = With(Rules("a", "x.io/app app:80\ny.io/app app:80", annotations).Replace("spec:", Tls, StringComparison.Ordinal));

        Assert.True(expected == Text(cluster.Get(url)), because);
    }

    [Theory]
    [InlineData("the default is 1 MiB", "", 1024 * 1024, "→ /app")]
    [InlineData("one byte more is too much", "", (1024 * 1024) + 1, "413")]
    [InlineData("another limit", "proxy-body-size: 8k", 8193, "413")]
    [InlineData("no limit", "proxy-body-size: 0", long.MaxValue, "→ /app")]
    [InlineData("what cannot be read is the default", "proxy-body-size: much", (1024 * 1024) + 1, "413")]
    public void Bodies_have_a_limit(string because, string annotation, long length, string expected)
    {
        string[] annotations = annotation.Length == 0 ? [] : [annotation];

        Assert.True(expected == Text(With(Rules("a", "x.io/app app:80", annotations)).Get("x.io/app", method: "POST", length: length)), because);
    }

    [Fact]
    public void Redirects_come_before_redirects_to_https_and_before_access_control()
    {
        var cluster = With(Rules("a", "x.io/app app:80", "permanent-redirect: https://new.io", "force-ssl-redirect: true", "denylist-source-range: 0.0.0.0/0"));

        Assert.Equal("301 https://new.io", Text(cluster.Get("x.io/app")));
    }

    [Fact]
    public void A_preflight_is_answered_here()
        => Assert.Equal("204", Text(With(Rules("a", "x.io/app app:80", "enable-cors: true")).Get("x.io/app", method: "OPTIONS")));

    private static string Text(RouteDecision decision)
        => decision.Status == 0 ? $"→ {decision.Target}" : decision.Location is null ? $"{decision.Status}" : $"{decision.Status} {decision.Location}";
}
