using System.Net;
using Fairlead.Core.Nodes;
using Fairlead.Core.Services;
using Fairlead.Core.State;
using Fairlead.Kube.State;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Nftables;
using Microsoft.Extensions.Logging;

namespace Fairlead.Agent.Masquerade;

/// <summary>Gives what this node's pods send out of the cluster the node's own address, and nothing else.</summary>
/// <remarks>
/// Pods keep their address towards each other on whatever way, because policies and logs go by it. Towards virtual addresses of
/// Services too: those are turned into pods before a packet leaves. Where the cluster's range of a family is not known nothing of that
/// family is touched: a pod elsewhere could not be told from the rest of the world.
/// </remarks>
/// <param name="clusterRanges">The ranges of all pods.</param>
/// <param name="exceptions">What else sees the pods' own addresses: the ranges of Services, and those that the host's administrator names.</param>
/// <param name="network">The node's network; null for this process's own.</param>
/// <param name="logger">Where it tells of what it wrote.</param>
public sealed partial class MasqueradeReconciler(
    EquatableArray<IPNetwork> clusterRanges, EquatableArray<IPNetwork> exceptions, NetworkNamespace? network, ILogger<MasqueradeReconciler> logger)
    : IReconciler<NodeTopology>
{
    public const string Table = "fairlead-masquerade";

    /// <summary>After the service proxy's at 100, which takes its mark off a packet first.</summary>
    private const int Priority = 110;

    private static readonly Side s_ipv4 = new(NftFamily.Ip, IPFamily.IPv4, Load.IpSaddr, Load.IpDaddr, [IPNetwork.Parse("224.0.0.0/4")]);

    /// <summary>Link-local addresses are never routed, so nothing to them may be changed either.</summary>
    private static readonly Side s_ipv6 = new(NftFamily.Ip6, IPFamily.IPv6, Load.Ip6Saddr, Load.Ip6Daddr, [IPNetwork.Parse("ff00::/8"), IPNetwork.Parse("fe80::/10")]);

    public string Name => "masquerade";

    public Task ReconcileAsync(NodeTopology desired, CancellationToken ct)
    {
        if (desired.Self is not { } self)
        {
            return Task.CompletedTask;
        }

        using var socket = NftablesSocket.Open(network);
        foreach (var side in new[] { s_ipv4, s_ipv6 })
        {
            if (!clusterRanges.Of(side.Addresses).Any() || !self.PodRanges.Of(side.Addresses).Any())
            {
                Remove(socket, side.Tables);
            }
            else if (socket.Rewrite(Plan(side.Addresses, self.PodRanges, clusterRanges, exceptions)))
            {
                LogWritten(string.Join(", ", self.PodRanges.Of(side.Addresses)), string.Join(", ", clusterRanges.Of(side.Addresses)));
            }
        }

        return Task.CompletedTask;
    }

    public Task CleanAsync(CancellationToken ct)
    {
        using var socket = NftablesSocket.Open(network);
        Remove(socket, NftFamily.Ip);
        Remove(socket, NftFamily.Ip6);
        return Task.CompletedTask;
    }

    /// <summary>What makes the table of one family.</summary>
    internal static NftTransaction Plan(IPFamily family, EquatableArray<IPNetwork> podRanges, EquatableArray<IPNetwork> clusterRanges, EquatableArray<IPNetwork> exceptions)
    {
        var side = family == IPFamily.IPv4 ? s_ipv4 : s_ipv6;
        var transaction = new NftTransaction(side.Tables, Table)
            .Add(new AddTable("Fairlead masquerade"))
            .Add(new AddChain("postrouting", new(NftChainType.Nat, NftHook.Postrouting, Priority)));
        foreach (var podRange in podRanges.Of(family))
        {
            transaction = transaction.Add(new AddRule(
                "postrouting",
                [
                    Match.Equal(side.Source, podRange),
                    .. new[] { podRange }.Concat(clusterRanges.Of(family)).Concat(exceptions.Of(family)).Concat(side.NeverChanged).Select(r => Match.NotEqual(side.Destination, r)),
                    Nat.Masquerade(fullyRandom: true),
                ]));
        }

        return transaction;
    }

    private static void Remove(NftablesSocket socket, NftFamily family)
    {
        if (socket.HasTable(family, Table))
        {
            socket.Commit(new NftTransaction(family, Table).Add(new DeleteTable()));
        }
    }

    [LoggerMessage(LogLevel.Information, "Masquerading what {PodRange} sends outside of {ClusterCidr}")]
    private partial void LogWritten(string podRange, string clusterCidr);

    /// <summary>What the two families have each their own of.</summary>
    private sealed record Side(NftFamily Tables, IPFamily Addresses, NftExpression Source, NftExpression Destination, IReadOnlyList<IPNetwork> NeverChanged);
}
