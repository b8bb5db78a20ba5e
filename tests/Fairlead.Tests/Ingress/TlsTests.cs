using System.Net;
using System.Security.Cryptography.X509Certificates;
using Fairlead.Core.Routing;
using Fairlead.Ingress.Status;
using Cluster = Fairlead.Tests.Routing.Cluster;

namespace Fairlead.Tests.Ingress;

public sealed class TlsTests
{
    private const string Tls = "spec:\n  tls:\n  - {hosts: [x.io, '*.w.io'], secretName: x-cert}\n  - {hosts: [y.io], secretName: y-cert}\n  - {hosts: [z.io], secretName: none}";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("x.io", "CN=one")]
    [InlineData("X.IO", "CN=one")]
    [InlineData("a.w.io", "CN=one")]
    [InlineData("y.io", "CN=two")]
    [InlineData("z.io", "CN=Kubernetes Ingress Controller Fake Certificate, O=Acme Co")]
    [InlineData("unknown.io", "CN=Kubernetes Ingress Controller Fake Certificate, O=Acme Co")]
    public async Task The_name_asked_for_decides_the_certificate(string name, string subject)
    {
        using var upstream = RawUpstream.Answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        await using var proxy = await Proxy.StartAsync(Cluster(upstream.Port).Compile());

        Assert.Equal(subject, await SubjectAsync(proxy, name));
    }

    [Fact]
    public async Task A_new_secret_serves_the_next_handshake()
    {
        using var upstream = RawUpstream.Answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        var cluster = Cluster(upstream.Port);
        var table = cluster.Compile();
        await using var proxy = await Proxy.StartAsync(table);
        Assert.Equal("CN=one", await SubjectAsync(proxy, "x.io"));

        proxy.Routes.Publish(cluster.Add(Proxy.TlsSecret("x-cert", "renewed")).Compile(table));

        Assert.Equal("CN=renewed", await SubjectAsync(proxy, "x.io"));
        Assert.Equal("CN=two", await SubjectAsync(proxy, "y.io"));
    }

    [Fact]
    public async Task A_secret_that_is_no_certificate_is_told_and_the_default_one_serves()
    {
        using var upstream = RawUpstream.Answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        var table = Cluster(upstream.Port).Add("""
            apiVersion: v1
            kind: Secret
            metadata: {name: x-cert, namespace: default}
            data: {tls.crt: bm90aGluZw==, tls.key: bm90aGluZw==}
            """).Compile();
        await using var proxy = await Proxy.StartAsync(table);

        Assert.StartsWith("CN=Kubernetes", await SubjectAsync(proxy, "x.io"), StringComparison.Ordinal);
        Assert.Equal("CN=two", await SubjectAsync(proxy, "y.io"));
        Assert.Equal("TlsSecretInvalid", Assert.Single(DiagnosticEvents.OfCertificates(table, proxy.Server.Certificates)).Reason);
        Assert.Equal("TlsSecretNotFound", Assert.Single(table.Diagnostics).Reason);
    }

    [Fact]
    public async Task Http2_is_spoken_and_the_upstream_learns_that_it_was_https()
    {
        await using var upstream = await EchoUpstream.StartAsync(context =>
            Microsoft.AspNetCore.Http.HttpResponseWritingExtensions.WriteAsync(
                context.Response, $"{context.Request.Headers["X-Forwarded-Proto"]} {context.Request.Headers["X-Forwarded-Port"]} {context.Request.Host} {context.Request.Protocol}", Ct));
        await using var proxy = await Proxy.StartAsync(Cluster(upstream.Port).Compile());
        using var client = Proxy.NewClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, $"https://127.0.0.1:{proxy.HttpsPort}/")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Headers = { Host = "x.io" },
            Content = new StringContent("body"),
        };

        using var response = await client.SendAsync(request, Ct);

        Assert.Equal("https 443 x.io HTTP/1.1", await response.Content.ReadAsStringAsync(Ct));
        Assert.Equal(HttpVersion.Version20, response.Version);
        Assert.Equal("max-age=31536000; includeSubDomains", response.Headers.GetValues("Strict-Transport-Security").Single());
    }

    [Fact]
    public async Task Plain_http_is_redirected_where_the_host_has_tls()
    {
        await using var proxy = await Proxy.StartAsync(Cluster(RawUpstream.ClosedPort()).Compile());

        using var response = await proxy.SendAsync(HttpMethod.Get, "/a?b");

        Assert.Equal((308, "https://x.io/a?b"), ((int)response.StatusCode, response.Headers.Location?.OriginalString));
    }

    private static Cluster Cluster(int port)
        => Proxy.Endpoints(
            Routing.Cluster.With(
                Routing.Cluster.Rules("store", "x.io/ web:80\ny.io/ web:80\nz.io/ web:80").Replace("spec:", Tls, StringComparison.Ordinal),
                Proxy.TlsSecret("x-cert", "one"), Proxy.TlsSecret("y-cert", "two")),
            "web", port);

    private static async Task<string> SubjectAsync(Proxy proxy, string name)
    {
        var subject = "";
        using var client = Proxy.NewClient(certificate => subject = certificate.Subject);
        using var request = new HttpRequestMessage(HttpMethod.Get, $"https://127.0.0.1:{proxy.HttpsPort}/") { Headers = { Host = name } };
        using var response = await client.SendAsync(request, Ct);
        return subject;
    }
}
