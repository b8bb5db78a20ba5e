using Fairlead.ApiServer;
using Fairlead.Core.Routing;
using Fairlead.Ingress;
using Fairlead.Ingress.Certificates;
using Fairlead.Ingress.Controller;
using Fairlead.Ingress.Forwarding;
using Fairlead.Ingress.Status;
using Fairlead.Kube.Client;
using Fairlead.Kube.Objects;
using Fairlead.Kube.Yaml;
using Microsoft.Extensions.Logging.Abstractions;
using Cluster = Fairlead.Tests.Routing.Cluster;
using IngressObject = Fairlead.Kube.Objects.Ingress;

namespace Fairlead.Tests.Ingress;

/// <summary>The controller against a real API server in memory.</summary>
public sealed class ControllerTests : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fairlead-t-").FullName;
    private ApiServerHost _server = null!;
    private KubeClient _client = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        var socket = Path.Join(_folder, "api.sock");
        _server = await ApiServerHost.StartAsync(new ApiServerOptions { UnixSocket = socket }, Ct);
        _client = new KubeClient(KubeConfig.UnixSocket(socket));
        await ApplyAsync("""
            apiVersion: networking.k8s.io/v1
            kind: IngressClass
            metadata: {name: nginx, annotations: {ingressclass.kubernetes.io/is-default-class: "true"}}
            spec: {controller: k8s.io/ingress-nginx}
            """);
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _server.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task An_ingress_gets_routes_a_status_and_events_and_loses_the_status_at_the_end()
    {
        await using var replica = new Replica(_client, "one");
        await ApplyAsync(Cluster.Rules("store", "x.io/ gone:80", "limit-rps: 1"));

        await replica.UntilAsync(t => t.Hosts.ContainsKey("x.io"));
        await UntilAsync(async () => (await StoreAsync()).Status.LoadBalancer?.Ingress is [{ Ip: "192.0.2.1" }]);
        await UntilAsync(async () => (await _client.ListAsync(KubeResources.Events, "default", ct: Ct)).Items.Count == 2);
        var events = (await _client.ListAsync(KubeResources.Events, "default", ct: Ct)).Items;

        Assert.Equal(["AnnotationNotImplemented", "ServiceNotFound"], events.Select(e => e.Reason).Order(StringComparer.Ordinal));
        Assert.All(events, e => Assert.Equal(("Warning", "Ingress", "store"), (e.Type, e.InvolvedObject.Kind, e.InvolvedObject.Name)));

        await replica.DisposeAsync();
        Assert.Empty((await StoreAsync()).Status.LoadBalancer?.Ingress ?? default);
    }

    [Fact]
    public async Task One_replica_leads_and_the_next_takes_over_when_it_ends()
    {
        await using var first = new Replica(_client, "one");
        await UntilAsync(() => Task.FromResult(first.Leads));
        await using var second = new Replica(_client, "two");
        await second.UntilAsync(_ => true);

        Assert.Equal("one", await HolderAsync());
        await first.DisposeAsync();
        await UntilAsync(() => Task.FromResult(second.Leads));

        Assert.Equal("two", await HolderAsync());
        Assert.False(first.Leads);
    }

    private async Task<IngressObject> StoreAsync() => await _client.GetAsync(KubeResources.Ingresses, "default", "store", Ct);

    private async Task<string?> HolderAsync()
        => (await _client.GetAsync(KubeResources.Leases, "default", "ingress-controller-leader", Ct)).Spec.HolderIdentity;

    private async Task ApplyAsync(string yaml)
    {
        foreach (var node in KubeYaml.Parse(yaml))
        {
            await _client.ApplyAsync(node, Ct);
        }
    }

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        limit.CancelAfter(TimeSpan.FromSeconds(20));
        while (!await condition())
        {
            limit.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    /// <summary>A controller without its ports.</summary>
    private sealed class Replica : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly CancellationTokenSource _stopRoutes = new();
        private readonly RouteSource _source;
        private readonly LiveRoutes _live;
        private readonly CertificateStore _certificates;
        private readonly Leader _leader;
        private readonly Task _routes;
        private readonly Task _leading;
        private bool _disposed;

        public Replica(KubeClient client, string name)
        {
            var options = new IngressOptions
            {
                PodName = name, PodNamespace = "default", PublishAddresses = ["192.0.2.1"], ElectionTtl = TimeSpan.FromSeconds(1),
            };
            _source = new RouteSource(client, options, TimeProvider.System, NullLogger.Instance);
            _live = new LiveRoutes(_source.Routes, TimeProvider.System);
            _certificates = new CertificateStore(_live, TimeProvider.System);
            _leader = new Leader(client, options, _source, _certificates, TimeProvider.System, NullLogger.Instance);
            _routes = _source.RunAsync(_stopRoutes.Token);
            _leading = _leader.RunAsync(_stop.Token);
        }

        public bool Leads => _leader.State.Current.IsLeader;

        public async Task UntilAsync(Func<RouteTable, bool> condition)
        {
            await foreach (var table in _source.Routes.WatchAsync(Ct))
            {
                if (!ReferenceEquals(table, RouteTable.Empty) && condition(table))
                {
                    return;
                }
            }
        }

        public async ValueTask DisposeAsync()
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
            await _stop.CancelAsync();
            await _leading;
            await _stopRoutes.CancelAsync();
            await _routes.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _certificates.Dispose();
            _live.Dispose();
            _stop.Dispose();
            _stopRoutes.Dispose();
        }
    }
}
