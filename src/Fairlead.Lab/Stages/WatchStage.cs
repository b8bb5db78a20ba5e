using Fairlead.Core.State;
using Fairlead.Kube.Client;
using Fairlead.Kube.Informers;
using Fairlead.Kube.Objects;

namespace Fairlead.Lab.Stages;

/// <summary>The lab's own view of the cluster: what the later stages wait for and follow.</summary>
internal sealed class WatchStage(Func<KubeClient> client, TimeProvider time) : ILabStage
{
    private readonly CancellationTokenSource _stopping = new();
    private Task _running = Task.CompletedTask;

    public string Name => "watches";

    public Informer<Node> Nodes { get; private set; } = null!;

    public Informer<Deployment> Deployments { get; private set; } = null!;

    public Informer<Service> Services { get; private set; } = null!;

    public Task Running => _running;

    public Task StartAsync(CancellationToken ct)
    {
        Nodes = new Informer<Node>(client(), KubeResources.Nodes, time: time);
        Deployments = new Informer<Deployment>(client(), KubeResources.Deployments, time: time);
        Services = new Informer<Service>(client(), KubeResources.Services, time: time);
        _running = Parts.RunAsync(_stopping.Token, Nodes.RunAsync, Deployments.RunAsync, Services.RunAsync);
        return Task.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _running.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        _stopping.Dispose();
    }
}
