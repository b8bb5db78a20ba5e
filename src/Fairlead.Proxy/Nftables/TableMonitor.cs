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
internal sealed partial class TableMonitor(NetworkNamespace? network, Func<uint> own, Action look, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan s_again = TimeSpan.FromSeconds(1);

    public async Task RunAsync(CancellationToken ct)
    {
        while (true)
        {
            try
            {
                using var monitor = NftablesMonitor.Open(network);
                await foreach (var change in monitor.ReadAllAsync(ct))
                {
                    if (change.Table == NftablesLayout.Table && change.PortId != own())
                    {
                        look();
                    }
                }
            }
            catch (NetlinkOverrunException)
            {
                look();
            }
            catch (Exception e) when (!ct.IsCancellationRequested)
            {
                LogLost(e, s_again);
                await Task.Delay(s_again, time, ct);
                look();
            }
        }
    }

    [LoggerMessage(LogLevel.Warning, "Lost the kernel's nftables events; listening again in {Pause}")]
    private partial void LogLost(Exception e, TimeSpan pause);
}
