using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;
using Microsoft.Extensions.Logging;

namespace Fairlead.Agent.Overlay;

/// <summary>Hears from the kernel when somebody else changes what the overlay stands on, and asks for a look.</summary>
/// <remarks>
/// A look that finds all in order changes nothing and so causes no event: this cannot chase itself. The wait gathers what comes
/// in one go, such as the routes that fall with a link.
/// </remarks>
internal sealed partial class DriftMonitor(NetworkNamespace? network, Action look, TimeProvider time, ILogger<DriftMonitor> logger)
{
    private static readonly TimeSpan s_gather = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan s_again = TimeSpan.FromSeconds(1);

    public async Task RunAsync(CancellationToken ct)
    {
        while (true)
        {
            try
            {
                using var monitor = RouteMonitor.Open(network);
                await foreach (var change in monitor.ReadAllAsync(ct))
                {
                    if (IsOurs(change))
                    {
                        await Task.Delay(s_gather, time, ct);
                        look();
                    }
                }
            }
            catch (Exception e) when (!ct.IsCancellationRequested)
            {
                LogLost(e, s_again);
                await Task.Delay(s_again, time, ct);
                look();
            }
        }
    }

    /// <summary>Additions are ours, as a rule; what breaks things is what goes, and links that change.</summary>
    private static bool IsOurs(RouteEvent change) => change switch
    {
        ResynchroniseEvent => true,
        LinkEvent link => link.Link.Name == VxlanPlanner.LinkName,
        RouteChangeEvent route => route.Removed && route.Route.Protocol == RouteProtocol.Fairlead,
        AddressEvent address => address.Removed,
        NeighbourEvent neighbour => neighbour.Removed && neighbour.Neighbour.State.HasFlag(NeighbourState.Permanent),
        FdbEvent entry => entry.Removed && entry.Entry.Destination is not null,
        _ => false,
    };

    [LoggerMessage(LogLevel.Warning, "Lost the kernel's events; listening again in {Pause}")]
    private partial void LogLost(Exception e, TimeSpan pause);
}
