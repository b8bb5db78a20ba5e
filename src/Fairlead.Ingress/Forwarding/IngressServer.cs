using System.Net;
using System.Text;
using Fairlead.Core.Routing;
using Fairlead.Core.Telemetry;
using Fairlead.Ingress.Certificates;
using Fairlead.Ingress.Status;
using Fairlead.Kube.State;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Fairlead.Ingress.Forwarding;

/// <summary>The data path: ports that serve by the newest route table.</summary>
internal sealed class IngressServer : IAsyncDisposable
{
    private readonly LiveRoutes _live;
    private readonly RequestMetrics _metrics = new();
    private readonly PrometheusText _prometheus;
    private readonly AccessLog? _accessLog;
    private readonly WebApplication _host;
    private readonly IngressApplication _application;
    private readonly CancellationTokenSource _stop = new();
    private Task _background = Task.CompletedTask;

    public IngressServer(Snapshot<RouteTable> routes, IngressServerOptions options, TimeProvider time, ILoggerFactory loggers,
        TextWriter? accessLog = null)
    {
        _prometheus = new PrometheusText();
        _live = new LiveRoutes(routes, time);
        _accessLog = accessLog is null ? null : new AccessLog(accessLog, time);
        Certificates = new CertificateStore(_live, time);
        Status = new StatusPages(routes, _prometheus, options.HealthPath);
        _application = new IngressApplication(
            _live, new Forwarder(time), Status, _metrics, _accessLog, time, loggers.CreateLogger<IngressApplication>());

        // Only the container is wanted of the web application: the server in it is started with an application of our own.
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.Services.AddSingleton(loggers);
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => Configure(kestrel, options));
        _host = builder.Build();
    }

    public StatusPages Status { get; }

    public CertificateStore Certificates { get; }

    /// <summary>Where it listens, once started: in the order HTTP, HTTPS, status.</summary>
    public IReadOnlyList<Uri> Addresses
        => [.. Server.Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.Select(a => new Uri(a))];

    private IServer Server => _host.Services.GetRequiredService<IServer>();

    public async Task StartAsync(CancellationToken ct)
    {
        await Server.StartAsync(_application, ct);
        _background = Task.WhenAll(_live.RunAsync(_stop.Token), _accessLog?.RunAsync(_stop.Token) ?? Task.CompletedTask);
    }

    /// <summary>Says that it is ready once there is a table.</summary>
    public async Task BecomeReadyAsync(Snapshot<RouteTable> routes, CancellationToken ct)
    {
        await foreach (var table in routes.WatchAsync(ct))
        {
            if (!ReferenceEquals(table, RouteTable.Empty))
            {
                Status.IsReady = true;
                return;
            }
        }
    }

    /// <summary>Takes no new connections, lets running requests end, and cuts them when the token says so.</summary>
    public async Task StopAsync(CancellationToken ct)
    {
        Status.IsReady = false;
        await Server.StopAsync(ct);
    }

    public async ValueTask DisposeAsync()
    {
        await _host.DisposeAsync();
        await _stop.CancelAsync();
        await _background.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
        _live.Dispose();
        _metrics.Dispose();
        _prometheus.Dispose();
        Certificates.Dispose();
    }

    private void Configure(KestrelServerOptions kestrel, IngressServerOptions options)
    {
        kestrel.AddServerHeader = false;
        kestrel.RequestHeaderEncodingSelector = static _ => Encoding.Latin1;
        kestrel.ResponseHeaderEncodingSelector = static _ => Encoding.Latin1;
        kestrel.AllowHostHeaderOverride = false;

        // nginx's limits, where Kestrel has others: it minds idleness, not slowness.
        kestrel.Limits.KeepAliveTimeout = TimeSpan.FromSeconds(75);
        kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(60);
        kestrel.Limits.MinRequestBodyDataRate = new MinDataRate(1, TimeSpan.FromSeconds(60));
        kestrel.Limits.MinResponseDataRate = new MinDataRate(1, TimeSpan.FromSeconds(60));
        kestrel.Limits.MaxRequestBodySize = null;
        kestrel.Limits.MaxConcurrentUpgradedConnections = null;

        Listen(kestrel, options.Address, options.HttpPort, listen => Mark(listen, ListenerKind.Http, HttpProtocols.Http1));
        Listen(kestrel, options.Address, options.HttpsPort, listen =>
        {
            Mark(listen, ListenerKind.Https, HttpProtocols.Http1AndHttp2);
            listen.UseHttps(new TlsHandshakeCallbackOptions
            {
                OnConnection = context => ValueTask.FromResult(Certificates.Select(context.ClientHelloInfo.ServerName)),
            });
        });
        Listen(kestrel, options.StatusAddress, options.StatusPort, listen => Mark(listen, ListenerKind.Status, HttpProtocols.Http1));
    }

    /// <summary>Any address means both families, or IPv4 alone on a machine without the other.</summary>
    private static void Listen(KestrelServerOptions kestrel, IPAddress address, int port, Action<ListenOptions> configure)
    {
        if (address.Equals(IPAddress.IPv6Any))
        {
            kestrel.ListenAnyIP(port, configure);
        }
        else
        {
            kestrel.Listen(address, port, configure);
        }
    }

    /// <summary>Every connection of a port carries what the port is for.</summary>
    private static void Mark(ListenOptions listen, ListenerKind kind, HttpProtocols protocols)
    {
        listen.Protocols = protocols;
        var listener = new Listener(kind, listen.IPEndPoint?.Port ?? 0);
        listen.Use(next => connection =>
        {
            connection.Features.Set(listener);
            return next(connection);
        });
    }
}

/// <summary>Where the data path listens.</summary>
internal sealed record IngressServerOptions
{
    public IPAddress Address { get; init; } = IPAddress.IPv6Any;

    public int HttpPort { get; init; } = 80;

    public int HttpsPort { get; init; } = 443;

    public IPAddress StatusAddress { get; init; } = IPAddress.IPv6Any;

    public int StatusPort { get; init; } = 10254;

    public string HealthPath { get; init; } = "/healthz";
}
