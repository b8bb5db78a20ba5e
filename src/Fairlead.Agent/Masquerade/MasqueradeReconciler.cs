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
/// Services too: those are turned into pods before a packet leaves.
/// </remarks>
public sealed partial class MasqueradeReconciler(IPNetwork clusterCidr, IPNetwork serviceCidr, NetworkNamespace? network, ILogger<MasqueradeReconciler> logger)
    : IReconciler<NodeTopology>
{
    public const string Table = "fairlead-masquerade";

    /// <summary>After the service proxy's at 100, which takes its mark off a packet first.</summary>
    private const int Priority = 110;

    private static readonly IPNetwork s_multicast = IPNetwork.Parse("224.0.0.0/4");

    public string Name => "masquerade";

    public Task ReconcileAsync(NodeTopology desired, CancellationToken ct)
    {
        if (desired.Self is not { } self)
        {
            return Task.CompletedTask;
        }

        var podRanges = self.PodRanges.Of(clusterCidr.BaseAddress.Family).ToEquatableArray();
        using var socket = NftablesSocket.Open(network);
        if (socket.Rewrite(Plan(podRanges, clusterCidr, serviceCidr)))
        {
            LogWritten(string.Join(", ", podRanges), clusterCidr);
        }

        return Task.CompletedTask;
    }

    public Task CleanAsync(CancellationToken ct)
    {
        using var socket = NftablesSocket.Open(network);
        if (socket.HasTable(NftFamily.Ip, Table))
        {
            socket.Commit(new NftTransaction(NftFamily.Ip, Table).Add(new DeleteTable()));
        }

        return Task.CompletedTask;
    }

    /// <summary>What makes the table.</summary>
    internal static NftTransaction Plan(EquatableArray<IPNetwork> podRanges, IPNetwork clusterCidr, IPNetwork serviceCidr)
    {
        var transaction = new NftTransaction(NftFamily.Ip, Table)
            .Add(new AddTable("Fairlead masquerade"))
            .Add(new AddChain("postrouting", new(NftChainType.Nat, NftHook.Postrouting, Priority)));
        foreach (var podRange in podRanges)
        {
            transaction = transaction.Add(new AddRule(
                "postrouting",
                Match.Equal(Load.IpSaddr, podRange),
                Match.NotEqual(Load.IpDaddr, podRange),
                Match.NotEqual(Load.IpDaddr, clusterCidr),
                Match.NotEqual(Load.IpDaddr, serviceCidr),
                Match.NotEqual(Load.IpDaddr, s_multicast),
                Nat.Masquerade(fullyRandom: true)));
        }

        return transaction;
    }

    [LoggerMessage(LogLevel.Information, "Masquerading what {PodRange} sends outside of {ClusterCidr}")]
    private partial void LogWritten(string podRange, IPNetwork clusterCidr);
}
