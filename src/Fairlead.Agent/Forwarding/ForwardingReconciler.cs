using Fairlead.Core.Nodes;
using Fairlead.Core.State;
using Fairlead.Linux;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;
using Microsoft.Extensions.Logging;

namespace Fairlead.Agent.Forwarding;

/// <summary>Makes the kernel forward packets at all, and show bridged ones to the packet filter.</summary>
/// <remarks>
/// Without the latter a pod that reaches a sibling on its own bridge through a Service gets the answer from an address that it
/// never asked. Cleaning leaves the settings: what they were before is not known, and other software may have come to need them.
/// </remarks>
public sealed partial class ForwardingReconciler(NetworkNamespace? network, ILogger<ForwardingReconciler> logger) : IReconciler<NodeTopology>
{
    private static readonly (string Key, string Value)[] s_settings =
    [
        ("net/ipv4/ip_forward", "1"),
        ("net/bridge/bridge-nf-call-iptables", "1"),
    ];

    public string Name => "forwarding";

    public Task ReconcileAsync(NodeTopology desired, CancellationToken ct)
    {
        if (!desired.IsKnown)
        {
            return Task.CompletedTask;
        }

        foreach (var (key, value) in s_settings)
        {
            // A kernel without bridge netfilter has no such file, and bridged packets pass by the filter: nothing to set.
            if (Sysctl.Find(key, network) is { } current && current != value)
            {
                Sysctl.Write(key, value, network);
                LogSet(key, value, current);
            }
        }

        using var routes = RouteSocket.Open(network);
        if (routes.FindLink("lo") is { Up: false } loopback)
        {
            routes.SetUp(loopback.Index);
        }

        return Task.CompletedTask;
    }

    public Task CleanAsync(CancellationToken ct) => Task.CompletedTask;

    [LoggerMessage(LogLevel.Information, "Set {Key} to {Value}, it was {Before}")]
    private partial void LogSet(string key, string value, string before);
}
