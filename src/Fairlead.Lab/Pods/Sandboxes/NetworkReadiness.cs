using Fairlead.Cni.Protocol;
using Fairlead.Cni.Runtime;
using Fairlead.Kube.State;
using Microsoft.Extensions.Logging;

namespace Fairlead.Lab.Pods.Sandboxes;

/// <summary>Whether pods can get a network on this node, and if not, why.</summary>
/// <param name="IsReady">A network is configured and its plugins say that they can serve.</param>
/// <param name="Message">Why not.</param>
internal sealed record NetworkState(bool IsReady, string Message)
{
    public static readonly NetworkState Unknown = new(false, "cni plugin not initialized");
}

/// <summary>Watches the folder in which the node's agent puts the network's configuration.</summary>
internal sealed partial class NetworkReadiness(CniRuntime network, string folder, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan s_retry = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan s_longestRetry = TimeSpan.FromSeconds(5);

    public Snapshot<NetworkState> State { get; } = new(NetworkState.Unknown);

    public async Task RunAsync(CancellationToken ct)
    {
        Directory.CreateDirectory(folder);
        var bell = new Doorbell(time);
        using var watcher = new FileSystemWatcher(folder);
        watcher.Created += (_, _) => bell.Ring();
        watcher.Changed += (_, _) => bell.Ring();
        watcher.Renamed += (_, _) => bell.Ring();
        watcher.Deleted += (_, _) => bell.Ring();
        watcher.EnableRaisingEvents = true;
        var retry = s_retry;
        while (true)
        {
            var state = await AskAsync(ct);
            if (state != State.Current)
            {
                LogState(folder, state.IsReady, state.Message);
                State.Publish(state);
            }

            // An empty folder tells by itself when that changes; a plugin that refuses does not.
            var isConfigured = Directory.EnumerateFileSystemEntries(folder).Any();
            await bell.WaitAsync(state.IsReady || !isConfigured ? null : retry, ct);
            retry = state.IsReady ? s_retry : TimeSpan.FromTicks(Math.Min(retry.Ticks * 2, s_longestRetry.Ticks));
        }
    }

    private async Task<NetworkState> AskAsync(CancellationToken ct)
    {
        try
        {
            _ = await network.StatusAsync(ct);
            return new NetworkState(true, "");
        }
        catch (Exception e) when (e is CniException or IOException or UnauthorizedAccessException)
        {
            return new NetworkState(false, e.Message);
        }
    }

    [LoggerMessage(LogLevel.Debug, "Network of {Folder}: ready {Ready} {Message}")]
    private partial void LogState(string folder, bool ready, string message);
}
