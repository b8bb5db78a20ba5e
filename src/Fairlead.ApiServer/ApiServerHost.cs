using System.Collections.Immutable;
using System.Net;
using Fairlead.ApiServer.Admission;
using Fairlead.ApiServer.Bootstrap;
using Fairlead.ApiServer.Endpoints;
using Fairlead.ApiServer.Objects;
using Fairlead.ApiServer.Security;
using Fairlead.ApiServer.Storage;
using Microsoft.Extensions.Logging;

namespace Fairlead.ApiServer;

/// <summary>A running API server, in this process.</summary>
/// <remarks>
/// <see cref="StartAsync"/> returns when every listener accepts connections and the built-in objects are there. <see cref="StopAsync"/>
/// ends watches and log streams, then closes the store; what was acknowledged is kept. The host owns its <see cref="Pki"/>.
/// </remarks>
public sealed class ApiServerHost : IAsyncDisposable
{
    private readonly HttpFront _front;
    private readonly ObjectStore _store;
    private readonly ServiceAllocator _allocator;
    private readonly CancellationTokenSource _stopping;
    private readonly Task _expiry;
    private bool _disposed;

    private ApiServerHost(HttpFront front, Pki pki, ObjectStore store, ServiceAllocator allocator, CancellationTokenSource stopping, ApiServerOptions options)
    {
        _expiry = new EventExpiry(store, options.Time).RunAsync(stopping.Token);
        (_front, _store, _allocator, _stopping, Pki, UnixSocket) = (front, store, allocator, stopping, pki, options.UnixSocket);
        Endpoints = front.Endpoints;
    }

    public Pki Pki { get; }

    /// <summary>Where HTTPS is served, with the ports that were picked.</summary>
    public ImmutableArray<IPEndPoint> Endpoints { get; }

    public string? UnixSocket { get; }

    /// <summary>Throws <see cref="IOException"/> when a port or the store is in use.</summary>
    public static async Task<ApiServerHost> StartAsync(ApiServerOptions options, CancellationToken ct)
    {
        var store = new ObjectStore(options.StorePath is { } path ? SqliteJournal.Open(path) : new MemoryJournal(), options.WatchHistory);
        var allocator = new ServiceAllocator(store.Resource("services"), options.ServiceCidr, options.NodePorts);
        var writer = new ObjectWriter(store, allocator, options.Time);
        var stopping = new CancellationTokenSource();
        var builtIn = Task.Run(() => BuiltInObjects.EnsureAsync(writer, ct), ct);   // reads the schema, while Kestrel and the keys are made
        Pki? pki = null;
        HttpFront? front = null;
        try
        {
            pki = Pki.Open(options.PkiFolder, options.Time);
            front = await HttpFront.StartAsync(options, pki, Compose(options, pki, store, writer, stopping.Token).HandleAsync, ct);
            await builtIn;
            if ((options.Advertise ?? front.Endpoints.FirstOrDefault()) is { } advertise)
            {
                await BuiltInObjects.EnsureServiceAsync(writer, options.ServiceCidr, advertise, ct);
            }

            return new ApiServerHost(front, pki, store, allocator, stopping, options);
        }
        catch
        {
            await stopping.CancelAsync();
            await (front?.DisposeAsync() ?? default);
            await builtIn.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await store.DisposeAsync();
            allocator.Dispose();
            stopping.Dispose();
            pki?.Dispose();
            throw;
        }
    }

    /// <summary>A kubeconfig for one of this server's endpoints (the first by default).</summary>
    public string Kubeconfig(string cluster, string user, params ReadOnlySpan<string> groups)
        => Pki.Kubeconfig(cluster, new Uri($"https://{Endpoints[0]}"), user, groups);

    public async Task StopAsync(CancellationToken ct)
    {
        await _stopping.CancelAsync();
        await _front.StopAsync(ct);
    }

    public async ValueTask DisposeAsync()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        await _stopping.CancelAsync();
        await _front.DisposeAsync();
        await _expiry;
        await _store.DisposeAsync();
        _allocator.Dispose();
        _stopping.Dispose();
        Pki.Dispose();
    }

    private static RequestHandler Compose(ApiServerOptions options, Pki pki, ObjectStore store, ObjectWriter writer, CancellationToken stopping)
    {
        var (time, authorizer) = (options.Time, new Authorizer(store));
        var tokens = new AccountTokens(pki, store, $"https://kubernetes.default.svc.{options.ClusterDomain}", time);
        var deletion = new Deletion(store, time);
        return new RequestHandler(
            new Authenticator(pki, tokens, time),
            authorizer,
            new ObjectEndpoint(store, writer, deletion, time),
            new ListEndpoint(store, time),
            new WatchEndpoint(store, time, stopping),
            new SubresourceEndpoint(store, writer, deletion, tokens, time),
            new LogEndpoint(writer, options.PodStreams, time, stopping),
            new ReviewEndpoint(authorizer, tokens),
            options.Logging.CreateLogger<RequestHandler>());
    }
}
