using System.Net;
using System.Text;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Fairlead.Dns.Http;

/// <summary>The HTTP addresses that are open now. A new configuration opens, closes and re-routes only what differs.</summary>
/// <remarks>Kestrel without a host around it: no container, no configuration, no pipeline. A health check needs none, and each costs start time and memory.</remarks>
internal sealed class HttpPorts : IAsyncDisposable
{
    private readonly Dictionary<IPEndPoint, Port> _open = [];

    /// <summary>Opens what is new. What is open already keeps its socket and answers by the new routes from now on.</summary>
    /// <exception cref="IOException">An address cannot be listened on; nothing was changed.</exception>
    public async Task ApplyAsync(HttpRoutes routes, CancellationToken ct)
    {
        var opened = new List<IPEndPoint>();
        try
        {
            foreach (var (address, paths) in routes.ByAddress)
            {
                if (!_open.ContainsKey(address))
                {
                    var port = new Port(address, paths);
                    await port.StartAsync(ct);
                    _open.Add(address, port);
                    opened.Add(address);
                }
            }
        }
        catch
        {
            foreach (var address in opened)
            {
                await CloseAsync(address);
            }

            throw;
        }

        foreach (var (address, port) in _open)
        {
            if (routes.ByAddress.TryGetValue(address, out var paths))
            {
                port.Paths = paths;
            }
        }

        foreach (var address in _open.Keys.Except(routes.ByAddress.Keys).ToArray())
        {
            await CloseAsync(address);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var address in _open.Keys.ToArray())
        {
            await CloseAsync(address);
        }
    }

    private async Task CloseAsync(IPEndPoint address)
    {
        if (_open.Remove(address, out var port))
        {
            await port.DisposeAsync();
        }
    }

    /// <summary>One listening address.</summary>
    private sealed class Port : IHttpApplication<IFeatureCollection>, IAsyncDisposable
    {
        private readonly KestrelServer _server;

        public Port(IPEndPoint address, Dictionary<string, Func<HttpAnswer>> paths)
        {
            Paths = paths;
            var options = new KestrelServerOptions { AddServerHeader = false, ApplicationServices = NoServices.Instance };
            options.Limits.MaxConcurrentConnections = 100;
            options.Limits.MaxRequestBodySize = 1024;
            options.Listen(address, listen => listen.Protocols = HttpProtocols.Http1);
            var transport = new SocketTransportFactory(Options.Create(new SocketTransportOptions { IOQueueCount = 0 }), NullLoggerFactory.Instance);
            _server = new KestrelServer(Options.Create(options), transport, NullLoggerFactory.Instance);
        }

        public Dictionary<string, Func<HttpAnswer>> Paths { get; set; }

        public Task StartAsync(CancellationToken ct) => _server.StartAsync(this, ct);

        public async ValueTask DisposeAsync()
        {
            await _server.StopAsync(new CancellationToken(canceled: true)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _server.Dispose();
        }

        public IFeatureCollection CreateContext(IFeatureCollection contextFeatures) => contextFeatures;

        public void DisposeContext(IFeatureCollection context, Exception? exception)
        {
        }

        public async Task ProcessRequestAsync(IFeatureCollection context)
        {
            var request = context.GetRequiredFeature<IHttpRequestFeature>();
            var response = context.GetRequiredFeature<IHttpResponseFeature>();
            var answer = Paths.TryGetValue(request.Path, out var handler) ? handler() : new HttpAnswer(404, "404 page not found\n");
            var body = Encoding.UTF8.GetBytes(answer.Body);
            response.StatusCode = answer.Status;
            response.Headers.ContentType = answer.ContentType;
            response.Headers.ContentLength = body.Length;
            if (!string.Equals(request.Method, "HEAD", StringComparison.Ordinal))
            {
                await context.GetRequiredFeature<IHttpResponseBodyFeature>().Writer.WriteAsync(body);
            }
        }
    }

    private sealed class NoServices : IServiceProvider
    {
        public static NoServices Instance { get; } = new();

        public object? GetService(Type serviceType) => null;
    }
}
