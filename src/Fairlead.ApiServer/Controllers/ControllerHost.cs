using System.Collections.Immutable;
using Fairlead.ApiServer.Controllers.Endpoints;
using Fairlead.ApiServer.Controllers.Garbage;
using Fairlead.ApiServer.Controllers.Namespaces;
using Fairlead.ApiServer.Controllers.Nodes;
using Fairlead.ApiServer.Controllers.Scheduling;
using Fairlead.ApiServer.Controllers.Workloads;
using Fairlead.Kube.Client;
using Fairlead.Kube.Events;
using Microsoft.Extensions.Logging;

namespace Fairlead.ApiServer.Controllers;

/// <summary>All controllers of a cluster in one process, over one set of informers.</summary>
/// <remarks>
/// Only the API tells them what to do, and only there they act: they may be stopped and started at any moment, and run
/// beside an API server of anybody. Run one host at a time; there is no leader election.
/// </remarks>
public sealed class ControllerHost(KubeClient client, ControllerOptions options, TimeProvider time, ILoggerFactory loggers)
{
    /// <summary>Runs every controller until cancelled; that is its only end.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        var informers = new SharedInformers(client, time, loggers);
        var events = ImmutableArray.CreateBuilder<EventRecorder>();

        ControllerContext Context(string component)
        {
            var recorder = new EventRecorder(
                client, component, time: time, logger: loggers.CreateLogger($"Fairlead.ApiServer.Controllers.{component}"));
            events.Add(recorder);
            return new(client, informers, recorder, options, time, loggers.CreateLogger($"Fairlead.ApiServer.Controllers.{component}"));
        }

        ImmutableArray<Func<CancellationToken, Task>> controllers =
        [
            new SchedulerController(Context(SchedulingPlanner.SchedulerName)).RunAsync,
            new DeploymentController(Context("deployment-controller")).RunAsync,
            new ReplicaSetController(Context("replicaset-controller")).RunAsync,
            new DaemonSetController(Context("daemonset-controller")).RunAsync,
            new EndpointSliceController(Context("endpoint-slice-controller")).RunAsync,
            new NamespaceController(Context("namespace-controller")).RunAsync,
            new ServiceAccountController(Context("serviceaccount-controller")).RunAsync,
            new GarbageController(Context("garbage-collector")).RunAsync,
            new PodCidrController(Context("node-ipam-controller")).RunAsync,
            new NodeLifecycleController(Context("node-controller")).RunAsync,
            new PodGarbageController(Context("pod-garbage-collector")).RunAsync,
        ];

        // If one ends, by a fault of ours, all must: half a control plane looks like a whole one.
        using var all = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var running = new List<Task> { informers.RunAsync(all.Token) };
        running.AddRange(events.Select(e => e.RunAsync(all.Token)));

        // Deciding needs every kind: a ReplicaSet without its pods would seem to lack them all.
        var synced = informers.SyncedAsync(all.Token);
        running.AddRange(controllers.Select(run => RunAfterAsync(synced, run, all.Token)));
        try
        {
            await Together.RunAsync(running);
        }
        finally
        {
            await all.CancelAsync();
            await Task.WhenAll(running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static async Task RunAfterAsync(Task before, Func<CancellationToken, Task> run, CancellationToken ct)
    {
        await before;
        await run(ct);
    }
}
