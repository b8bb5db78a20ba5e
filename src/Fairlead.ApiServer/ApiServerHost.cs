using System.Collections.Immutable;
using System.Net;
using Fairlead.ApiServer.Endpoints;
using Fairlead.ApiServer.Security;
using Microsoft.AspNetCore.Http;

namespace Fairlead.ApiServer;

/// <summary>A running API server, in this process.</summary>
/// <remarks>
/// <see cref="StartAsync"/> returns when every listener accepts connections. <see cref="StopAsync"/> ends watches and log streams,
/// then closes the store; what was acknowledged is kept. The host owns its <see cref="Pki"/>.
/// </remarks>
public sealed class ApiServerHost : IAsyncDisposable
{
    private readonly HttpFront _front;

    private ApiServerHost(HttpFront front, Pki pki, ApiServerOptions options)
    {
        (_front, Pki, UnixSocket) = (front, pki, options.UnixSocket);
        Endpoints = front.Endpoints;
    }

    public Pki Pki { get; }

    /// <summary>Where HTTPS is served, with the ports that were picked.</summary>
    public ImmutableArray<IPEndPoint> Endpoints { get; }

    public string? UnixSocket { get; }

    public static async Task<ApiServerHost> StartAsync(ApiServerOptions options, CancellationToken ct)
    {
        var pki = Pki.Open(options.PkiFolder, options.Time);
        try
        {
            return new ApiServerHost(await HttpFront.StartAsync(options, pki, context => context.Response.WriteAsync("ok", context.RequestAborted), ct), pki, options);
        }
        catch
        {
            pki.Dispose();
            throw;
        }
    }

    /// <summary>A kubeconfig for one of this server's endpoints (the first by default).</summary>
    public string Kubeconfig(string cluster, string user, params ReadOnlySpan<string> groups)
        => Pki.Kubeconfig(cluster, new Uri($"https://{Endpoints[0]}"), user, groups);

    public async Task StopAsync(CancellationToken ct) => await _front.StopAsync(ct);

    public async ValueTask DisposeAsync()
    {
        await _front.DisposeAsync();
        Pki.Dispose();
    }
}
