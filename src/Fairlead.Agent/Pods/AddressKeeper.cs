using Fairlead.Cni.AgentSocket;
using Fairlead.Cni.Runtime;
using Fairlead.Linux.Namespaces;
using Microsoft.Extensions.Logging;

namespace Fairlead.Agent.Pods;

/// <summary>Keeps what the node says of its pods in step with the pods: at start, and now and then.</summary>
/// <remarks>A runtime that was killed, and a machine that lost power, send no DEL: addresses would be lost, and policies speak of nobody.</remarks>
internal sealed partial class AddressKeeper(
    LocalPods pods, string network, string leases, string runtimeCache, NetworkNamespace? node, TimeProvider time, ILogger<AddressKeeper> logger)
{
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(30);
    private readonly CniRuntime _runtime = new(new CniRuntimeOptions { CacheDirectory = runtimeCache }, time);

    /// <summary>Looks once.</summary>
    public void Look()
    {
        foreach (var (address, owner) in NodeAttachments.GiveBackLost(network, leases, node, _runtime.Attachments(), time))
        {
            LogLost(address, owner.ContainerId);
        }

        pods.ReadBack();
    }

    public async Task RunAsync(CancellationToken ct)
    {
        while (true)
        {
            await Task.Delay(s_pause, time, ct);
            try
            {
                Look();
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or Cni.Protocol.CniException)
            {
                LogFailed(e);
            }
        }
    }

    [LoggerMessage(LogLevel.Warning, "Address {Address} was kept for container {Container}, which is no more: it is free again")]
    private partial void LogLost(System.Net.IPAddress address, string container);

    [LoggerMessage(LogLevel.Warning, "The pods of this node could not be read back; trying again later")]
    private partial void LogFailed(Exception e);
}
