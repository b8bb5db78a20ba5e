using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Fairlead.Linux.Namespaces;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Fairlead.Proxy.HealthChecks;

/// <summary>An answer to a question after health.</summary>
public readonly record struct HealthAnswer(int Status, string ContentType, string Body)
{
    /// <summary>The header <c>X-Load-Balancing-Endpoint-Weight</c>: how much of the traffic belongs here; none where null.</summary>
    public int? EndpointWeight { get; init; }

    public static HealthAnswer Text(string body, int status = StatusCodes.Status200OK) => new(status, "text/plain; charset=utf-8", body);

    public static HealthAnswer Json(string body, int status) => new(status, "application/json", body);
}

/// <summary>A small HTTP server for health and metrics: Kestrel without host, routing or middleware, which an agent has no need of.</summary>
public sealed class HealthServer : IAsyncDisposable
{
    private readonly KestrelServer _server;

    private HealthServer(KestrelServer server) => _server = server;

    /// <summary>Starts to answer. Paths are matched exactly; others are 404.</summary>
    /// <param name="network">Where to listen; null for this process's own namespace.</param>
    /// <exception cref="IOException">The port is taken; the message says what to do.</exception>
    public static Task<HealthServer> StartAsync(
        IPEndPoint endpoint, IReadOnlyDictionary<string, Func<HealthAnswer>> pages, NetworkNamespace? network, ILoggerFactory loggers, CancellationToken ct)
        => StartAsync(
            endpoint,
            path => pages.TryGetValue(path, out var page)
                ? page()
                : HealthAnswer.Text($"no such page; there are {string.Join(' ', pages.Keys.Order(StringComparer.Ordinal))}\n", StatusCodes.Status404NotFound),
            "for health and metrics; is another proxy running here? choose another --health-port",
            network,
            loggers,
            ct);

    /// <summary>Starts to answer each path by a function.</summary>
    /// <param name="purpose">What the port is for and what to do where it is taken, for the error.</param>
    /// <exception cref="IOException">The port is taken.</exception>
    internal static async Task<HealthServer> StartAsync(
        IPEndPoint endpoint, Func<string, HealthAnswer> answer, string purpose, NetworkNamespace? network, ILoggerFactory loggers, CancellationToken ct)
    {
        var options = new KestrelServerOptions { AddServerHeader = false };
        options.Limits.MaxRequestBodySize = 0;

        // It listens on all addresses: strangers may not make a node agent large.
        options.Limits.MaxConcurrentConnections = 100;
        options.Listen(endpoint, listen => listen.Protocols = HttpProtocols.Http1);
        var sockets = new SocketTransportOptions { IOQueueCount = 0 };
        if (network is not null)
        {
            sockets.CreateBoundListenSocket = e => network.Run(() => SocketTransportOptions.CreateDefaultBoundListenSocket(e));
        }

        var server = new KestrelServer(Options.Create(options), new SocketTransportFactory(Options.Create(sockets), loggers), loggers);
        try
        {
            await server.StartAsync(new Application(answer), ct);
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            server.Dispose();
            throw new IOException($"cannot listen on {endpoint} ({e.Message}) {purpose}", e);
        }

        return new HealthServer(server);
    }

    public async ValueTask DisposeAsync()
    {
        using var soon = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        await _server.StopAsync(soon.Token);
        _server.Dispose();
    }

    private sealed class Application(Func<string, HealthAnswer> answerTo) : IHttpApplication<HttpContext>
    {
        public HttpContext CreateContext(IFeatureCollection contextFeatures) => new DefaultHttpContext(contextFeatures);

        public async Task ProcessRequestAsync(HttpContext context)
        {
            var answer = !HttpMethods.IsGet(context.Request.Method) && !HttpMethods.IsHead(context.Request.Method)
                ? HealthAnswer.Text("only GET\n", StatusCodes.Status405MethodNotAllowed)
                : answerTo(context.Request.Path.Value ?? "");
            var body = Encoding.UTF8.GetBytes(answer.Body);
            context.Response.StatusCode = answer.Status;
            context.Response.ContentType = answer.ContentType;
            context.Response.ContentLength = body.Length;
            context.Response.Headers["X-Content-Type-Options"] = "nosniff";
            if (answer.EndpointWeight is { } weight)
            {
                context.Response.Headers["X-Load-Balancing-Endpoint-Weight"] = weight.ToString(CultureInfo.InvariantCulture);
            }

            if (HttpMethods.IsGet(context.Request.Method))
            {
                await context.Response.Body.WriteAsync(body, context.RequestAborted);
            }
        }

        public void DisposeContext(HttpContext context, Exception? exception)
        {
        }
    }
}
