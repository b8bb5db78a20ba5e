using System.Collections.Immutable;
using Fairlead.ApiServer.Pods;
using Fairlead.Kube.Client;
using Fairlead.Kube.Objects;
using Fairlead.Lab.Pods.Containers;
using Fairlead.Lab.Pods.Files;
using Fairlead.Lab.Pods.Logs;
using Fairlead.Lab.Pods.Reporting;
using Fairlead.Lab.Pods.Sandboxes;
using Fairlead.Lab.Pods.Variables;
using Microsoft.Extensions.Logging;

namespace Fairlead.Lab.Pods;

/// <summary>Makes one pod be what its object says, from its sandbox to its end.</summary>
/// <remarks>
/// Level, not edge: each turn of the loop looks at the newest object and at what there is, and does what is missing. Whatever may
/// matter (the object, a container's end, a probe, a ConfigMap, the network) rings the bell. Only the loop changes the pod's state.
/// </remarks>
internal sealed partial class PodWorker : IDisposable
{
    private static readonly TimeSpan s_firstRetry = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_longestRetry = TimeSpan.FromSeconds(5);

    private readonly PodHost _host;
    private readonly PodFolder _folder;
    private readonly PodVolumes _volumes;
    private readonly PodStatusWriter _status;
    private readonly PodContainers _containers;
    private readonly Doorbell _bell;
    private readonly CancellationTokenSource _hurry = new();
    private readonly DateTimeOffset _startTime;

    private Pod _pod;
    private volatile bool _isGone;
    private volatile ImmutableDictionary<string, LogSource> _logs = ImmutableDictionary<string, LogSource>.Empty;
    private PodSandbox? _sandbox;
    private PodAddresses _addresses;
    private TimeSpan _retry = s_firstRetry;
    private string? _fault;
    private string? _lastFault;
    private bool _isFinished;
    private bool _isDisposed;
    private string? _deadlineReason;

    public PodWorker(PodHost host, Pod pod)
    {
        (_host, _pod) = (host, pod);
        _bell = new Doorbell(host.Time);
        _folder = new PodFolder(host.Options.StateDirectory, pod);
        _volumes = new PodVolumes(host, _folder);
        _status = new PodStatusWriter(host.Client, pod, host.Time, host.Logger);
        _addresses = new PodAddresses(host.Options.NodeAddress, pod.Status.PodIPs.Select(ip => ip.Ip).ToList());
        _startTime = pod.Status.StartTime ?? Now;
        _isFinished = pod.Status.Phase is "Succeeded" or "Failed";
        _containers = new PodContainers(host, _folder, _bell, _pod, resume: !_isFinished);
    }

    public ObjectKey Key => _pod.Key;

    public string Uid => _pod.Metadata.Uid;

    /// <summary>Whole seconds, as the API keeps them: a time that is read back must equal the one that was written.</summary>
    private DateTimeOffset Now => new(_host.Time.GetUtcNow().Ticks / TimeSpan.TicksPerSecond * TimeSpan.TicksPerSecond, TimeSpan.Zero);

    /// <summary>The object has changed.</summary>
    public void Update(Pod pod)
    {
        Volatile.Write(ref _pod, pod);
        if (pod is { IsTerminating: true, Metadata.DeletionGracePeriodSeconds: 0 })
        {
            Hurry();
        }

        _bell.Ring();
    }

    /// <summary>The object is no more: what still runs has no right to.</summary>
    public void Forget()
    {
        _isGone = true;
        Hurry();
        _bell.Ring();
    }

    /// <summary>Something outside has changed that the pod may depend on.</summary>
    public void Ring() => _bell.Ring();

    public PodLogResult OpenLog(string container, PodLogOptions options, CancellationToken ct)
    {
        var name = container.Length > 0 ? container : _pod.Spec.Containers[0].Name;
        if (!_logs.TryGetValue(name, out var source))
        {
            return _containers.Names.Contains(name, StringComparer.Ordinal)
                ? PodLogResult.Refused(400, "BadRequest", $"container \"{name}\" in pod \"{Key.Name}\" is waiting to start: ContainerCreating")
                : PodLogResult.Refused(400, "BadRequest", $"container {name} is not valid for pod {Key.Name}");
        }

        var log = options.Previous ? source.Previous : source.Current;
        return log is not null ? PodLogResult.Opened(LogReader.Open(log, options, ct))
            : options.Previous ? PodLogResult.Refused(400, "BadRequest", $"previous terminated container \"{name}\" in pod \"{Key.Name}\" not found")
            : PodLogResult.Refused(400, "BadRequest", $"container \"{name}\" in pod \"{Key.Name}\" is waiting to start: {source.Waiting}");
    }

    /// <summary>Runs until the pod's end, or until <paramref name="ct"/>, which is the end of the lab: then all of it is killed and removed.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);

        // A restart may be giving a container its whole grace just now; the lab does not wait for that.
        await using var hurrying = ct.Register(Hurry);
        var writing = Task.Run(() => _status.RunAsync(stop.Token), CancellationToken.None);
        try
        {
            while (!_isGone && !_pod.IsTerminating)
            {
                var next = await TrySyncAsync(ct);
                Publish();
                await _bell.WaitAsync(next, ct);
            }

            await EndAsync(ct);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // The lab stops. What the pod has made goes with it, below.
        }
        catch (Exception e)
        {
            LogBroken(e, Key);
        }

        await KillAsync();
        await stop.CancelAsync();
        await writing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>After <see cref="RunAsync"/>; the object may still be heard of.</summary>
    public void Dispose()
    {
        _containers.Dispose();
        lock (_hurry)
        {
            _isDisposed = true;
            _hurry.Dispose();
        }
    }

    private void Hurry()
    {
        lock (_hurry)
        {
            if (!_isDisposed)
            {
                _hurry.Cancel();
            }
        }
    }

    private async Task<TimeSpan?> TrySyncAsync(CancellationToken ct)
    {
        try
        {
            var next = await SyncAsync(_pod, ct);
            if (_fault is null)
            {
                _retry = s_firstRetry;
            }

            return next;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            LogFailed(e, Key);
            return Retry("FailedSync", e.Message);
        }
    }

    /// <summary>One step as far as it goes without waiting.</summary>
    /// <returns>When to look again although nothing has rung.</returns>
    private async Task<TimeSpan?> SyncAsync(Pod pod, CancellationToken ct)
    {
        _fault = null;
        if (_isFinished)
        {
            return null;
        }

        _containers.Reap(pod);
        if (await FinishAsync(pod, ct))
        {
            return null;
        }

        if (_sandbox is null && await MakeSandboxAsync(pod, ct) is { } again)
        {
            return again == TimeSpan.Zero ? null : again;
        }

        if (await _volumes.SyncAsync(pod, _addresses, ct) is { } missing)
        {
            return Retry("FailedMount", missing);
        }

        var next = Min(RefreshDelay(), DeadlineDelay(pod));
        return Min(next, await _containers.EnsureAsync(pod, _sandbox!, _hurry.Token, ct));
    }

    /// <summary>Zero: wait for the bell; another time: try again then; null: it is there.</summary>
    private async Task<TimeSpan?> MakeSandboxAsync(Pod pod, CancellationToken ct)
    {
        if (!_host.Inputs.IsSynced)
        {
            return TimeSpan.Zero;
        }

        if (pod.Spec.HostNetwork)
        {
            _sandbox = PodSandbox.OfNode(_host.Node, _host.Options.NodeAddress);
        }
        else if (!_host.Readiness.State.Current.IsReady)
        {
            Fault("NetworkNotReady", $"network is not ready: container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady "
                + $"message:Network plugin returns error: {_host.Readiness.State.Current.Message}");
            return TimeSpan.Zero;
        }
        else
        {
            try
            {
                _sandbox = await PodSandbox.CreateAsync(pod, _host.Options.Lab, _host.Options.NodeAddress, _host.Network, _host.Leftovers, ct);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                return Retry("FailedCreatePodSandBox", $"Failed to create pod sandbox: plugin failed (add): {e.Message}");
            }
        }

        _addresses = _sandbox.Addresses;
        PodFiles.Write(pod, _addresses, _folder, _host.Options);
        return null;
    }

    /// <summary>Whether the pod has run to its end; its network goes then, and its logs stay.</summary>
    private async Task<bool> FinishAsync(Pod pod, CancellationToken ct)
    {
        if (DeadlineDelay(pod) == TimeSpan.Zero)
        {
            _deadlineReason = "DeadlineExceeded";
            _host.Events.Normal(pod, null, "DeadlineExceeded", "Pod was active on the node longer than the specified deadline");
            await _containers.StopAsync(pod, TimeSpan.Zero, _addresses.PodIP, _hurry.Token);
            _containers.Reap(pod);
        }
        else if (PodStatusCompiler.PhaseOf(pod.Spec, Observe()) is not ("Succeeded" or "Failed"))
        {
            return false;
        }

        await _containers.StopAsync(pod, TimeSpan.Zero, _addresses.PodIP, _hurry.Token);
        _containers.Reap(pod);
        _isFinished = true;
        Publish();
        await RemoveSandboxAsync(ct);
        return true;
    }

    /// <summary>Deletion: containers end, the network and the files go, and last the object.</summary>
    private async Task EndAsync(CancellationToken ct)
    {
        var pod = _pod;
        var serveOn = IsReady && !_isGone && pod.Metadata.DeletionGracePeriodSeconds is not 0 ? _host.Options.EndpointGrace : TimeSpan.Zero;
        foreach (var name in _containers.Running)
        {
            _host.Events.Normal(pod, name, "Killing", $"Stopping container {name}");
        }

        var stopping = _containers.StopAsync(pod, serveOn, _addresses.PodIP, _hurry.Token);
        _ = stopping.ContinueWith(_ => _bell.Ring(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        while (!stopping.IsCompleted)
        {
            Publish();
            await _bell.WaitAsync(null, ct);
            _containers.Reap(pod);
        }

        await stopping;
        _containers.Reap(pod);
        _isFinished = true;
        Publish();
        await RemoveSandboxAsync(ct);
        if (!_isGone)
        {
            await DeleteObjectAsync(pod, ct);
        }

        _volumes.Remove();
        DeleteFolder(_folder.LogFolder);
    }

    private async Task DeleteObjectAsync(Pod pod, CancellationToken ct)
    {
        for (var retry = s_firstRetry; !_isGone; retry = Longer(retry))
        {
            try
            {
                // False: another pod has the name, or none.
                if (await _status.FlushAsync(ct))
                {
                    await _host.Client.DeleteAsync(KubeResources.Pods, Key.Namespace, Key.Name, new DeleteOptions { GracePeriodSeconds = 0, Uid = pod.Metadata.Uid }, ct);
                }

                return;
            }
            catch (KubeException e) when (e.IsConflict)
            {
                return; // of all preconditions there is only the uid: another pod has the name
            }
            catch (Exception e) when (e is KubeException or HttpRequestException or IOException)
            {
                LogFailed(e, Key);
                await Task.Delay(retry, _host.Time, ct);
            }
        }
    }

    /// <summary>Whatever is still there goes now; the end of every worker.</summary>
    private async Task KillAsync()
    {
        // Each for itself: a process that cannot be ended must not keep a mount in the lab's folder.
        await TryAsync(_containers.KillAsync);
        await TryAsync(() => RemoveSandboxAsync(CancellationToken.None));
        await TryAsync(() =>
        {
            _volumes.Remove();
            DeleteFolder(_folder.Root);
            return Task.CompletedTask;
        });
    }

    private async Task TryAsync(Func<Task> step)
    {
        try
        {
            await step();
        }
        catch (Exception e)
        {
            LogBroken(e, Key);
        }
    }

    private async Task RemoveSandboxAsync(CancellationToken ct)
    {
        if (_sandbox is { } sandbox)
        {
            _sandbox = null;
            try
            {
                await sandbox.RemoveAsync(ct);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                // The namespace is gone with all links in it; an address that was not given back is collected at the next start.
                LogFailed(e, Key);
            }
        }
    }

    private void Publish()
    {
        if (_isFinished && !_containers.HaveRun && _deadlineReason is null && _pod.Status.Phase is ("Succeeded" or "Failed"))
        {
            return; // it ended before this runtime's time: what was said then is all that is known
        }

        var seen = Observe();
        _status.Publish(PodStatusCompiler.Compile(_pod, seen, _status.Latest.Conditions, Now));
        _logs = _containers.Logs();
    }

    private PodObservation Observe()
    {
        return new PodObservation
        {
            Addresses = _addresses,
            HasSandbox = _sandbox is not null,
            StartTime = _startTime,
            InitContainers = _containers.InitStatuses,
            Containers = _containers.Statuses,
            IsEnding = _isFinished,
            Reason = _deadlineReason,
            Message = _deadlineReason is null ? null : "Pod was active on the node longer than the specified deadline",
        };
    }

    private bool IsReady => _status.Latest.Conditions.Any(c => c is { Type: "Ready", Status: "True" });

    private TimeSpan? RefreshDelay() => _volumes.NextRefresh is { } at ? Positive(at - _host.Time.GetUtcNow()) : null;

    private TimeSpan? DeadlineDelay(Pod pod)
        => pod.Spec.ActiveDeadlineSeconds is { } seconds && _deadlineReason is null
            ? Positive(_startTime + TimeSpan.FromSeconds(seconds) - _host.Time.GetUtcNow())
            : null;

    private TimeSpan Retry(string reason, string message)
    {
        Fault(reason, message);
        var now = _retry;
        _retry = Longer(_retry);
        return now;
    }

    /// <summary>Says once what holds the pod up.</summary>
    private void Fault(string reason, string message)
    {
        _fault = message;
        if (_lastFault != message)
        {
            _lastFault = message;
            _host.Events.Warning(_pod, null, reason, message);
        }
    }

    private static void DeleteFolder(string path)
    {
        if (Directory.Exists(path))
        {
            Directory.Delete(path, recursive: true);
        }
    }

    private static TimeSpan Positive(TimeSpan value) => value > TimeSpan.Zero ? value : TimeSpan.Zero;

    private static TimeSpan? Min(TimeSpan? a, TimeSpan? b) => a is null ? b : b is null ? a : a < b ? a : b;

    private static TimeSpan Longer(TimeSpan retry) => TimeSpan.FromTicks(Math.Min(retry.Ticks * 2, s_longestRetry.Ticks));

    private void LogFailed(Exception e, ObjectKey pod) => LogFailed(_host.Logger, e, pod);

    private void LogBroken(Exception e, ObjectKey pod) => LogBroken(_host.Logger, e, pod);

    [LoggerMessage(LogLevel.Debug, "Pod {Pod}: a step failed and will be tried again")]
    private static partial void LogFailed(ILogger logger, Exception e, ObjectKey pod);

    [LoggerMessage(LogLevel.Error, "Pod {Pod}: cannot go on")]
    private static partial void LogBroken(ILogger logger, Exception e, ObjectKey pod);
}
