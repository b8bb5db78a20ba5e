using Fairlead.Agent.Masquerade;
using Fairlead.Agent.Overlay;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink;
using Fairlead.Linux.Netlink.Route;
using Fairlead.Linux.Nftables;
using Microsoft.Extensions.Logging;

namespace Fairlead.Agent;

/// <summary>Hears from the kernel when somebody else changes what the overlay or the masquerade stands on, and asks for a look.</summary>
/// <remarks>
/// A look that finds all in order changes nothing and so causes no event: this cannot chase itself. The wait gathers what comes
/// in one go, such as the routes that fall with a link.
/// </remarks>
internal sealed partial class DriftMonitor(NetworkNamespace? network, Action look, TimeProvider time, ILogger<DriftMonitor> logger)
{
    private static readonly TimeSpan s_gather = TimeSpan.FromMilliseconds(20);

    public Task RunAsync(CancellationToken ct)
        => Task.WhenAll(
            FollowAsync(() => RouteMonitor.Open(network), IsOurs, ct),
            FollowAsync(() => NftablesMonitor.Open(network), change => change.Table == MasqueradeReconciler.Table, ct));

    private Task FollowAsync<TChange>(Func<IChangeMonitor<TChange>> open, Func<TChange, bool> isOurs, CancellationToken ct)
        => MonitorLoop.RunAsync(
            open,
            async change =>
            {
                if (isOurs(change))
                {
                    await Task.Delay(s_gather, time, ct);
                    look();
                }
            },
            look,
            e => LogLost(e, MonitorLoop.Pause),
            time,
            ct);

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
