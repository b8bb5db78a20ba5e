using Fairlead.Agent.Masquerade;
using Fairlead.Agent.Overlay;
using Fairlead.Kube.State;
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
internal sealed partial class DriftMonitor(
    NetworkNamespace? network, Snapshot<OverlayInForce> overlay, Action look, TimeProvider time, ILogger<DriftMonitor> logger)
{
    private static readonly TimeSpan s_gather = TimeSpan.FromMilliseconds(20);

    private readonly Snapshot<object> _heard = new(new object());

    public Task RunAsync(CancellationToken ct)
        => Task.WhenAll(
            FollowAsync(() => RouteMonitor.Open(network), IsOurs, ct),
            FollowAsync(() => NftablesMonitor.Open(network), change => change.Table == MasqueradeReconciler.Table, ct),
            LookAsync(ct));

    private Task FollowAsync<TChange>(Func<IChangeMonitor<TChange>> open, Func<TChange, bool> isOurs, CancellationToken ct)
        => MonitorLoop.RunAsync(
            open,
            change =>
            {
                if (isOurs(change))
                {
                    _heard.Publish(new object());
                }

                return Task.CompletedTask;
            },
            look,
            e => LogLost(e, MonitorLoop.Pause),
            time,
            ct);

    private async Task LookAsync(CancellationToken ct)
    {
        var seen = _heard.Current;
        while (true)
        {
            await _heard.ChangedAsync(seen).WaitAsync(ct);
            await Task.Delay(s_gather, time, ct);
            seen = _heard.Current;
            look();
        }
    }

    /// <summary>Additions are ours, as a rule; what breaks things is what goes, what is put in the place of ours, and links that change.</summary>
    private bool IsOurs(RouteEvent change) => change switch
    {
        ResynchroniseEvent => true,
        LinkEvent link => link.Link.Name == overlay.Current.LinkName || IsUnderlay(link.Link.Index),
        RouteChangeEvent route => route.Removed ? route.Route.Protocol == RouteProtocol.Fairlead : route.Route.Protocol != RouteProtocol.Fairlead && IsToPods(route.Route),

        // Each pod's cable gets a link-local address; a node's address may come to an interface that it was missing on.
        AddressEvent address => !address.Address.Address.Address.IsIPv6LinkLocal,
        NeighbourEvent neighbour => neighbour.Removed && neighbour.Neighbour.State.HasFlag(NeighbourState.Permanent),
        FdbEvent entry => entry.Removed && entry.Entry.Destination is not null,
        SettingEvent setting => setting.Forwarding == false && setting.Link == SettingEvent.AllLinks,
        _ => false,
    };

    private bool IsUnderlay(int link) => !overlay.Current.Topology.IsKnown || overlay.Current.Underlays.All.Any(u => u.Link == link);

    private bool IsToPods(Route route)
        => route.Table == Route.MainTable && overlay.Current.Topology.Peers.Any(p => p.PodRanges.Contains(route.Destination));

    [LoggerMessage(LogLevel.Warning, "Lost the kernel's events; listening again in {Pause}")]
    private partial void LogLost(Exception e, TimeSpan pause);
}
