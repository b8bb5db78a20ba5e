using System.Collections.Immutable;
using System.Globalization;
using Fairlead.Kube.Informers;
using Fairlead.Kube.Objects;
using Fairlead.Lab.Nodes;
using Microsoft.Extensions.Logging;

namespace Fairlead.Lab.Stages;

/// <summary>Every TCP NodePort of the cluster on 127.0.0.1 of the host as well.</summary>
internal sealed partial class LocalPortsStage(
    Func<Informer<Service>> services,
    UnderlayPlan underlay,
    Action<string> note,
    TimeProvider time,
    ILogger<LocalPortsStage> logger) : ILabStage
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly Dictionary<int, PortForward?> _forwards = [];
    private Task _following = Task.CompletedTask;

    public string Name => "NodePorts on 127.0.0.1";

    public Task Running => _following;

    public async Task StartAsync(CancellationToken ct)
    {
        var store = await services().SyncedAsync(ct);
        await MatchAsync(store);
        _following = FollowAsync(store, _stopping.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _following;
        foreach (var forward in _forwards.Values)
        {
            if (forward is not null)
            {
                await forward.DisposeAsync();
            }
        }

        _stopping.Dispose();
    }

    private async Task FollowAsync(Store<Service> store, CancellationToken ct)
    {
        try
        {
            while (true)
            {
                await services().Snapshot.ChangedAsync(store).WaitAsync(ct);
                store = services().Snapshot.Current;
                await MatchAsync(store);
            }
        }
        catch (OperationCanceledException)
        {
            // The lab is going down.
        }
    }

    /// <summary>Starts what is wanted and not there, ends what is there and not wanted.</summary>
    private async Task MatchAsync(Store<Service> store)
    {
        var wanted = store.Values.SelectMany(s => s.Spec.Ports).Where(p => p.NodePort > 0 && p.Protocol is "" or "TCP").Select(p => p.NodePort).ToImmutableSortedSet();
        foreach (var gone in _forwards.Keys.Where(p => !wanted.Contains(p)).ToList())
        {
            if (_forwards.Remove(gone, out var forward) && forward is not null)
            {
                await forward.DisposeAsync();
            }
        }

        foreach (var port in wanted.Where(p => !_forwards.ContainsKey(p)))
        {
            _forwards[port] = PortForward.TryStart(port, [.. underlay.Nodes.Select(n => n.Address)], time);
            if (_forwards[port] is null)
            {
                LogTaken(port);
                note(string.Create(CultureInfo.InvariantCulture,
                    $"127.0.0.1:{port} is another process's, so this lab's NodePort {port} is at http://{underlay.Nodes[0].Address}:{port} only"));
            }
        }
    }

    [LoggerMessage(LogLevel.Warning, "Port {Port} of 127.0.0.1 is in use; NodePort {Port} is reached on the nodes' addresses only")]
    private partial void LogTaken(int port);
}
