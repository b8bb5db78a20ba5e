using System.Net.Security;
using System.Runtime.CompilerServices;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Fairlead.Core.Routing;
using Fairlead.Ingress.Forwarding;

namespace Fairlead.Ingress.Certificates;

/// <summary>The certificate for each TLS handshake, by the name the client asks for.</summary>
/// <remarks>
/// What is made of a Secret is kept with the compiled Secret itself: a new Secret is a new object, serves the next handshake, and the old
/// one goes with the table that held it.
/// </remarks>
internal sealed class CertificateStore : IDisposable
{
    private readonly LiveRoutes _routes;
    private readonly ConditionalWeakTable<TlsSecret, Loaded> _loaded = [];
    private readonly X509Certificate2 _fake;
    private readonly SslServerAuthenticationOptions _fakeOptions;

    public CertificateStore(LiveRoutes routes, TimeProvider time)
    {
        _routes = routes;
        _fake = CreateFake(time.GetUtcNow());
        _fakeOptions = Options(SslStreamCertificateContext.Create(_fake, null, offline: true));
    }

    /// <summary>The options for a handshake.</summary>
    /// <param name="serverName">The name of SNI; empty when the client sends none.</param>
    public SslServerAuthenticationOptions Select(string serverName)
    {
        var secret = _routes.Current.CertificateFor(serverName.ToLowerInvariant());
        return (secret is null ? null : Load(secret).Options) ?? _fakeOptions;
    }

    /// <summary>What is wrong with a certificate; null when it can be used.</summary>
    public string? Fault(TlsSecret secret) => Load(secret).Fault;

    /// <summary>When a certificate ends; null for one that cannot be used.</summary>
    public DateTimeOffset? Expires(TlsSecret secret) => Load(secret).Expires;

    public void Dispose() => _fake.Dispose();

    private Loaded Load(TlsSecret secret) => _loaded.GetValue(secret, Loaded.From);

    private static SslServerAuthenticationOptions Options(SslStreamCertificateContext certificate) => new()
    {
        ServerCertificateContext = certificate,
        ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11],
        EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
        AllowRenegotiation = false,
    };

    /// <summary>As ingress-nginx: served where no other certificate is, and known to everyone by its name.</summary>
    private static X509Certificate2 CreateFake(DateTimeOffset now)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=Kubernetes Ingress Controller Fake Certificate, O=Acme Co", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("ingress.local");
        request.CertificateExtensions.Add(names.Build());
        return request.CreateSelfSigned(now.AddHours(-1), now.AddYears(1));
    }

    /// <summary>A Secret's certificate, ready to serve, or what is wrong with it.</summary>
    private sealed record Loaded(SslServerAuthenticationOptions? Options, DateTimeOffset? Expires, string? Fault)
    {
        public static Loaded From(TlsSecret secret)
        {
            try
            {
                var chain = new X509Certificate2Collection();
                chain.ImportFromPem(secret.Certificate);
                var leaf = X509Certificate2.CreateFromPem(secret.Certificate, secret.PrivateKey);
                var context = SslStreamCertificateContext.Create(leaf, chain, offline: true);
                return new Loaded(CertificateStore.Options(context), new DateTimeOffset(leaf.NotAfter), null);
            }
            catch (Exception e) when (e is CryptographicException or ArgumentException)
            {
                return new Loaded(null, null, e.Message);
            }
        }
    }
}
