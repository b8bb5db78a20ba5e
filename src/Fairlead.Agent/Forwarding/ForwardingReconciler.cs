using Fairlead.Core.Nodes;
using Fairlead.Core.Services;
using Fairlead.Core.State;
using Fairlead.Linux;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;
using Microsoft.Extensions.Logging;

namespace Fairlead.Agent.Forwarding;

/// <summary>Makes the kernel forward packets at all, and show bridged ones to the packet filter.</summary>
/// <remarks>
/// Without the latter a pod that reaches a sibling on its own bridge through a Service gets the answer from an address that it
/// never asked. IPv6 is touched where pods have it, only: a machine that forwards heeds no router's announcements any more unless it is told to, and
/// may have its own default route from one. Cleaning leaves the settings: what they were before is not known, and other software may have come to need them.
/// </remarks>
public sealed partial class ForwardingReconciler(NetworkNamespace? network, ILogger<ForwardingReconciler> logger) : IReconciler<NodeTopology>
{
    private static readonly (string Key, string Value)[] s_ipv4 = [("net/ipv4/ip_forward", "1"), ("net/bridge/bridge-nf-call-iptables", "1")];

    private static readonly (string Key, string Value)[] s_ipv6 = [("net/ipv6/conf/all/forwarding", "1"), ("net/bridge/bridge-nf-call-ip6tables", "1")];

    public string Name => "forwarding";

    public Task ReconcileAsync(NodeTopology desired, CancellationToken ct)
    {
        if (!desired.IsKnown)
        {
            return Task.CompletedTask;
        }

        using var routes = RouteSocket.Open(network);
        Set(s_ipv4);
        if (desired.Self is { } self && self.PodRanges.Of(IPFamily.IPv6).Any())
        {
            KeepHeedingRouters(routes, self);
            Set(s_ipv6);
        }

        if (routes.FindLink("lo") is { Up: false } loopback)
        {
            routes.SetUp(loopback.Index);
        }

        return Task.CompletedTask;
    }

    private void Set(params ReadOnlySpan<(string Key, string Value)> settings)
    {
        foreach (var (key, value) in settings)
        {
            // A kernel without bridge netfilter has no such file, and bridged packets pass by the filter: nothing to set.
            if (Sysctl.Find(key, network) is { } current && current != value)
            {
                Sysctl.Write(key, value, network);
                LogSet(key, value, current);
            }
        }
    }

    /// <summary>Before this machine becomes a router: on the interfaces that have the node's addresses or a router's route (accept_ra 2, forwarding or not).</summary>
    private void KeepHeedingRouters(RouteSocket routes, NodeSelf self)
    {
        var own = routes.Addresses().Where(a => a.Address.Address.Equals(self.Addresses.IPv4) || a.Address.Address.Equals(self.Addresses.IPv6)).Select(a => a.Link);
        foreach (var link in own.Concat(routes.Routes(RouteProtocol.RouterAnnouncement).Select(r => r.Link).OfType<int>()).Distinct().Order())
        {
            var key = $"net/ipv6/conf/{routes.GetLink(link).Name}/accept_ra";
            if (Sysctl.Find(key, network) == "1")
            {
                Set((key, "2"));
            }
        }
    }

    public Task CleanAsync(CancellationToken ct) => Task.CompletedTask;

    [LoggerMessage(LogLevel.Information, "Set {Key} to {Value}, it was {Before}")]
    private partial void LogSet(string key, string value, string before);
}
