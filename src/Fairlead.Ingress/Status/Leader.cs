using Fairlead.Ingress.Certificates;
using Fairlead.Ingress.Controller;
using Fairlead.Core.State;
using Fairlead.Kube.Client;
using Fairlead.Kube.Events;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Microsoft.Extensions.Logging;

namespace Fairlead.Ingress.Status;

/// <summary>What only one replica does: the status of Ingresses and the Events about them.</summary>
internal sealed class Leader
{
    private readonly IngressOptions _options;
    private readonly TimeProvider _time;
    private readonly LeaderElection _election;
    private readonly EventRecorder _recorder;
    private readonly StatusUpdater _status;
    private readonly DiagnosticEvents _events;

    public Leader(KubeClient client, IngressOptions options, RouteSource source, CertificateStore certificates, TimeProvider time,
        ILogger logger)
    {
        (_options, _time) = (options, time);
        var lease = new ObjectKey(options.PodNamespace, options.ElectionId);
        _election = new(client, lease, options.PodName, options.ElectionTtl, time, logger);
        _recorder = new(client, "fairlead-ingress", options.PodName, time, logger);
        var addresses = new PublishedAddresses(client, options, source.Services.Snapshot, time);
        _status = new(client, options, addresses, source.Routes, _election.State, time, logger);
        _events = new(_recorder, source.Routes, certificates, _election.State);
    }

    /// <summary>Whether this replica leads.</summary>
    public Snapshot<Leadership> State => _election.State;

    /// <summary>Takes part until cancelled; then lets the next replica lead.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        using var election = new CancellationTokenSource();
        var elected = ElectAsync(election.Token);
        try
        {
            // The election goes on while the status is emptied at the end, so it is watched here and not ended here.
            await Parts.RunAsync(
                ct, _events.RunAsync, _recorder.RunAsync, t => _options.UpdateStatus ? _status.RunAsync(t) : Task.CompletedTask, t => elected.WaitAsync(t));
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(2), _time);
            if (_options is { UpdateStatus: true, UpdateStatusOnShutdown: true } && State.Current.IsLeader)
            {
                await _status.ClearAsync(limit.Token);
            }
        }
        finally
        {
            await election.CancelAsync();
            await elected.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task ElectAsync(CancellationToken ct)
    {
        if (_options.LeaderElection)
        {
            await _election.RunAsync(ct);
        }
        else
        {
            State.Publish(Leadership.Leader);
        }
    }
}
