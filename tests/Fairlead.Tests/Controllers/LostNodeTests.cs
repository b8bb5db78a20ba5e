using System.Text.Json.Nodes;
using Fairlead.ApiServer.Controllers;
using Fairlead.ApiServer.Controllers.Nodes;
using Fairlead.Kube.Events;
using Fairlead.Kube.Objects;
using Fairlead.Tests.Fixtures;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fairlead.Tests.Controllers;

public sealed class LostNodeTests : IAsyncLifetime
{
    private static readonly TimeSpan s_grace = new ControllerOptions().NodeGracePeriod;

    private readonly ManualTime _time = new();
    private readonly CancellationTokenSource _stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
    private FakeApi _api = null!;
    private Task _running = Task.CompletedTask;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _api = await FakeApi.StartAsync();
        await _api.Client.CreateAsync(KubeResources.Nodes, Make.Node("n1"), Ct);
        await _api.Client.CreateAsync(KubeResources.Pods, Make.Pod("p", "n1", ready: true), Ct);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _api.DisposeAsync();
        _stop.Dispose();
    }

    [Fact]
    public async Task A_node_whose_lease_is_not_renewed_is_unknown_and_its_pods_are_not_ready()
    {
        await RenewAsync(create: true);
        await StartAsync(context => new NodeLifecycleController(context).RunAsync);
        await _time.UntilAwaitedAsync(s_grace, Ct);

        _time.Advance(s_grace);

        await UntilAsync(() => Ready(Node().Status.Conditions) == "Unknown" && Ready(_api.All(KubeResources.Pods).Single().Status.Conditions) == "False");
    }

    [Fact]
    public async Task A_renewal_starts_the_time_anew()
    {
        await RenewAsync(create: true);
        await StartAsync(context => new NodeLifecycleController(context).RunAsync);
        await _time.UntilAwaitedAsync(s_grace, Ct);

        _time.Advance(s_grace / 2);
        await RenewAsync();
        await _time.UntilAwaitedAsync(s_grace, Ct);
        _time.Advance(s_grace - TimeSpan.FromSeconds(1));

        Assert.Equal("True", Ready(Node().Status.Conditions));
    }

    [Fact]
    public async Task Pods_of_a_node_that_is_gone_go_after_a_while()
    {
        await StartAsync(context => new PodGarbageController(context).RunAsync);
        await _api.Client.DeleteAsync(KubeResources.Nodes, null, "n1", ct: Ct);
        await _time.UntilAwaitedAsync(s_grace, Ct);
        Assert.Single(_api.All(KubeResources.Pods));

        _time.Advance(s_grace);

        await UntilAsync(() => _api.All(KubeResources.Pods).Count == 0);
    }

    private static string Ready(IEnumerable<Condition> conditions) => conditions.Single(c => c.Type == "Ready").Status;

    private Node Node() => _api.All(KubeResources.Nodes).Single();

    private async Task StartAsync(Func<ControllerContext, Func<CancellationToken, Task>> controller)
    {
        var informers = new SharedInformers(_api.Client, TimeProvider.System, NullLoggerFactory.Instance);
        var context = new ControllerContext(_api.Client, informers, new EventRecorder(_api.Client, "test"), new(), _time, NullLogger.Instance);
        var following = informers.RunAsync(_stop.Token);
        await informers.SyncedAsync(Ct);
        _running = Task.WhenAll(following, controller(context)(_stop.Token));
    }

    private async Task RenewAsync(bool create = false)
    {
        if (create)
        {
            await _api.Client.CreateAsync(
                KubeResources.Leases, new Lease { Metadata = new() { Name = "n1", Namespace = "kube-node-lease" }, Spec = new() { RenewTime = _time.GetUtcNow() } }, Ct);
            return;
        }

        var spec = new JsonObject { ["renewTime"] = _time.GetUtcNow().ToString("O", System.Globalization.CultureInfo.InvariantCulture) };
        await _api.Client.PatchAsync(KubeResources.Leases, "kube-node-lease", "n1", new JsonObject { ["spec"] = spec }, ct: Ct);
    }

    private async Task UntilAsync(Func<bool> condition)
    {
        while (true)
        {
            var next = _api.ChangedAsync();
            if (condition())
            {
                return;
            }

            await next.WaitAsync(TimeSpan.FromSeconds(20), Ct);
        }
    }
}
