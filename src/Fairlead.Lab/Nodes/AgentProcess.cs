using Fairlead.Lab.State;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Processes;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace Fairlead.Lab.Nodes;

/// <summary>Keeps one node's agent running: the program that a real node runs, started inside the node's namespace.</summary>
/// <remarks>An agent that ends is started again, after a pause that grows while it keeps ending at once.</remarks>
internal sealed partial class AgentProcess(
    UnderlayNode node,
    LabOptions options,
    LabPaths paths,
    Action<string, LabProcess?> register,
    TimeProvider time,
    ILogger<AgentProcess> logger) : IAsyncDisposable
{
    private const long LargestLog = 8 << 20;
    private static readonly TimeSpan s_shortestPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_goodRun = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(2);

    private readonly CancellationTokenSource _stopping = new();
    private Task _running = Task.CompletedTask;

    public void Start() => _running = KeepRunningAsync(_stopping.Token);

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _running;
        _stopping.Dispose();
    }

    private async Task KeepRunningAsync(CancellationToken ct)
    {
        var pause = s_shortestPause;
        while (!ct.IsCancellationRequested)
        {
            var started = time.GetTimestamp();
            try
            {
                using var process = StartOnce();
                register(node.Name, new LabProcess(process.Id, process.StartTime));
                await RunOnceAsync(process, ct);
            }
            catch (Exception e) when (e is IOException)
            {
                LogNotStarted(e, node.Name);
            }

            register(node.Name, null);
            if (ct.IsCancellationRequested)
            {
                return;
            }

            pause = time.GetElapsedTime(started) > s_goodRun ? s_shortestPause : TimeSpan.FromTicks(Math.Min(pause.Ticks * 2, s_longestPause.Ticks));
            await Task.Delay(pause, time, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task RunOnceAsync(ProcessHandle process, CancellationToken ct)
    {
        try
        {
            var status = await process.WaitAsync(ct);
            LogEnded(node.Name, process.Id, status);
        }
        catch (OperationCanceledException)
        {
            await process.StopAsync(s_grace, time, CancellationToken.None);
        }
    }

    private ProcessHandle StartOnce()
    {
        using var network = NetworkNamespace.Open(node.Namespace);
        using var log = OpenLog(paths.AgentLog(node.Name));
        return ProcessHandle.Start(new SpawnOptions
        {
            Executable = LabExecutable.Path,
            Arguments =
            [
                "agent",
                "--kubeconfig", paths.NodeKubeConfig(node.Name),
                "--node-name", node.Name,
                "--cni-conf-dir", paths.CniConf(node.Name),
                "--cni-bin-dir", paths.CniBin(node.Name),
                "--state-dir", paths.AgentState(node.Name),
                "--cni-cache-dir", paths.CniCache(node.Name),
                "--cni-socket", paths.AgentSocket(node.Name),
                "--cluster-cidr", options.PodCidr,
                "--service-cidr", options.ServiceCidr,
                "--proxy-mode", options.ProxyMode,
                "--overlay", options.Overlay,
            ],
            Environment = LabExecutable.SmallEnvironment(),
            Network = network,
            Output = log,
            Error = log,
        });
    }

    /// <summary>Goes on where the agent before it ended, whose last words are why it did; of a long log one older file is kept.</summary>
    private static SafeFileHandle OpenLog(string path)
    {
        if (new FileInfo(path) is { Exists: true, Length: > LargestLog })
        {
            File.Move(path, path + ".1", overwrite: true);
        }

        return AppendFile.Open(path);
    }

    [LoggerMessage(LogLevel.Warning, "The agent of {Node} (process {Process}) ended with {Status}; it is started again")]
    private partial void LogEnded(string node, int process, ExitStatus status);

    [LoggerMessage(LogLevel.Error, "The agent of {Node} could not be started")]
    private partial void LogNotStarted(Exception e, string node);
}
