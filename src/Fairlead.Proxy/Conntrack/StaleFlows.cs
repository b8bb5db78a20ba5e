using System.Net;
using Fairlead.Core.Services;
using Fairlead.Linux.Conntrack;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;
using Fairlead.Proxy.Nftables;

namespace Fairlead.Proxy.Conntrack;

/// <summary>Makes the kernel forget flows of datagrams to endpoints that no longer answer for their Service.</summary>
/// <remarks>
/// A TCP connection to a pod that is gone ends by itself. UDP has no end: a client that keeps sending keeps its flow alive and would
/// talk to the dead address for ever (kubernetes/kubernetes#48370 and many after it). The same holds for flows from before the
/// Service was there, which go nowhere.
/// </remarks>
internal static class StaleFlows
{
    /// <summary>Looks at the flows of the frontends that a plan changed.</summary>
    /// <param name="actual">What the kernel's table holds now, after the plan.</param>
    /// <returns>How many flows were forgotten.</returns>
    public static int Cut(NftablesPlan plan, NftablesImage actual, NetworkNamespace? network)
    {
        var changed = plan.Frontends
            .Where(f => f.Key.Protocol != Protocol.Tcp && (f.Before is null || f.Before.Slots.Except(f.After?.Slots ?? []).Any()))
            .Select(f => f.Key with { Kind = Everywhere(f.Key.Kind) })
            .ToHashSet();
        if (changed.Count == 0)
        {
            return 0;
        }

        var here = changed.Any(k => k.Address is null) ? LocalAddresses(network) : [];
        using var conntrack = ConntrackSocket.Open(network);
        return conntrack.Delete(entry => KeyOf(entry, changed, here) is { } key && !Answers(key, entry, actual));
    }

    /// <summary>The kind of frontend for all clients, of one for those outside.</summary>
    private static FrontendKind Everywhere(FrontendKind kind) => kind switch
    {
        FrontendKind.NodePortLocal => FrontendKind.NodePort,
        FrontendKind.OutsideLocal => FrontendKind.Outside,
        _ => kind,
    };

    private static FrontendKind ForThoseOutside(FrontendKind kind) => kind == FrontendKind.NodePort ? FrontendKind.NodePortLocal : FrontendKind.OutsideLocal;

    /// <summary>Which of the changed frontends a flow was begun to.</summary>
    private static FrontendKey? KeyOf(ConntrackEntry entry, HashSet<FrontendKey> changed, HashSet<IPAddress> here)
    {
        var (protocol, sentTo) = ((Protocol)entry.Protocol, entry.Original);
        var virtualAddress = new FrontendKey(FrontendKind.ClusterIP, sentTo.Destination, protocol, sentTo.DestinationPort);
        var outside = virtualAddress with { Kind = FrontendKind.Outside };
        var nodePort = new FrontendKey(FrontendKind.NodePort, null, protocol, sentTo.DestinationPort);
        return changed.Contains(virtualAddress) ? virtualAddress
            : changed.Contains(outside) ? outside
            : changed.Contains(nodePort) && here.Contains(sentTo.Destination) ? nodePort
            : null;
    }

    private static bool Answers(FrontendKey key, ConntrackEntry entry, NftablesImage actual)
    {
        var answering = new Target(entry.Reply.Source, entry.Reply.SourcePort);
        return Has(key) || (key.Kind != FrontendKind.ClusterIP && Has(key with { Kind = ForThoseOutside(key.Kind) }));

        bool Has(FrontendKey k) => actual.Frontends.TryGetValue(k, out var placement) && placement.Slots.Contains(answering);
    }

    private static HashSet<IPAddress> LocalAddresses(NetworkNamespace? network)
    {
        using var routes = RouteSocket.Open(network);
        return [.. routes.Addresses().Select(a => a.Address.Address)];
    }
}
