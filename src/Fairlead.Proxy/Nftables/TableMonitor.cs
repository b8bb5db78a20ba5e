using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink;
using Fairlead.Linux.Nftables;
using Microsoft.Extensions.Logging;

namespace Fairlead.Proxy.Nftables;

/// <summary>Hears from the kernel when somebody else changes the proxy's table, and asks for a look.</summary>
/// <remarks>
/// Other tables change with each pod and are no reason to read ours. A kernel that tells more than we can hear, as it does of our own
/// first transaction, is one: the look costs nothing where only we wrote.
/// </remarks>
internal sealed partial class TableMonitor(NetworkNamespace? network, Func<uint, bool> isOwn, Action look, TimeProvider time, ILogger logger)
{
    public Task RunAsync(CancellationToken ct)
        => MonitorLoop.RunAsync(() => NftablesMonitor.Open(network), Heard, look, e => LogLost(e, MonitorLoop.Pause), time, ct);

    private Task Heard(NftChange change)
    {
        if (change.IsResynchronise || (change.Table == NftablesLayout.Table && !isOwn(change.PortId)))
        {
            look();
        }

        return Task.CompletedTask;
    }

    [LoggerMessage(LogLevel.Warning, "Lost the kernel's nftables events; listening again in {Pause}")]
    private partial void LogLost(Exception e, TimeSpan pause);
}
