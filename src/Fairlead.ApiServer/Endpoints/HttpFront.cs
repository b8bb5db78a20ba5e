using System.Collections.Immutable;
using System.Net;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Fairlead.ApiServer.Admission;
using Fairlead.ApiServer.Security;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Fairlead.ApiServer.Endpoints;

/// <summary>Kestrel, set up for an API server: HTTPS with optional client certificates, and the lab's plain Unix socket.</summary>
internal sealed class HttpFront : IAsyncDisposable
{
    /// <summary>As in Kubernetes: three mebibytes hold any legitimate object.</summary>
    public const int MaxBodyBytes = 3 * 1024 * 1024;

    private readonly WebApplication _app;
    private readonly X509Certificate2 _certificate;

    private HttpFront(WebApplication app, X509Certificate2 certificate, ImmutableArray<IPEndPoint> endpoints)
        => (_app, _certificate, Endpoints) = (app, certificate, endpoints);

    public ImmutableArray<IPEndPoint> Endpoints { get; }

    public static async Task<HttpFront> StartAsync(ApiServerOptions options, Pki pki, RequestDelegate handler, CancellationToken ct)
    {
        var certificate = ServerCertificate(options, pki);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton(options.Logging);
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration();
        if (options.CreateListenSocket is { } create)
        {
            builder.Services.Configure<SocketTransportOptions>(transport => transport.CreateBoundListenSocket = create);
        }

        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.AllowSynchronousIO = false;
            kestrel.Limits.MaxRequestBodySize = null;   // counted by the body reader, which answers with a Status
            kestrel.Limits.MinResponseDataRate = null;  // a quiet watch is not a slow client
            kestrel.Limits.Http2.MaxStreamsPerConnection = 1000;
            foreach (var endpoint in options.Listen)
            {
                kestrel.Listen(endpoint, listen => UseTls(listen, certificate, pki));
            }

            if (options.UnixSocket is { } path)
            {
                File.Delete(path);
                kestrel.ListenUnixSocket(path, listen => listen.Protocols = HttpProtocols.Http1);
            }
        });
        var app = builder.Build();
        app.Run(handler);
        try
        {
            await app.StartAsync(ct);
        }
        catch
        {
            await app.DisposeAsync();
            certificate.Dispose();
            throw;
        }

        if (options.UnixSocket is { } socket)
        {
            File.SetUnixFileMode(socket, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }

        return new HttpFront(app, certificate, Bound(app));
    }

    public Task StopAsync(CancellationToken ct) => _app.StopAsync(ct);

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _certificate.Dispose();
    }

    private static void UseTls(ListenOptions listen, X509Certificate2 certificate, Pki pki)
    {
        listen.Protocols = HttpProtocols.Http1AndHttp2;
        listen.UseHttps(new HttpsConnectionAdapterOptions
        {
            ServerCertificate = certificate,
            SslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            ClientCertificateMode = ClientCertificateMode.AllowCertificate,
            // A certificate of another authority is no identity; the request goes on as anonymous, and RBAC refuses it.
            ClientCertificateValidation = (_, _, _) => true,
        });
    }

    private static X509Certificate2 ServerCertificate(ApiServerOptions options, Pki pki)
    {
        HashSet<string> names =
        [
            "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", $"kubernetes.default.svc.{options.ClusterDomain}",
        ];
        HashSet<IPAddress> addresses = [IPAddress.Loopback, IPAddress.IPv6Loopback, ServiceRange.First(options.ServiceCidr)];
        addresses.UnionWith(options.Listen.Select(l => l.Address).Where(a => !a.Equals(IPAddress.Any) && !a.Equals(IPAddress.IPv6Any)));
        if (options.Advertise is { } advertise)
        {
            addresses.Add(advertise.Address);
        }

        foreach (var name in options.CertificateNames)
        {
            if (IPAddress.TryParse(name, out var address))
            {
                addresses.Add(address);
            }
            else
            {
                names.Add(name);
            }
        }

        return pki.ServerCertificate([.. names.Order(StringComparer.Ordinal)], addresses);
    }

    /// <summary>The process belongs to somebody else: its signals are not for this host to catch.</summary>
    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }

    private static ImmutableArray<IPEndPoint> Bound(WebApplication app)
    {
        var addresses = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses;
        return [.. addresses.Where(a => a.StartsWith("https://", StringComparison.Ordinal)).Select(a => IPEndPoint.Parse(a["https://".Length..]))];
    }
}
