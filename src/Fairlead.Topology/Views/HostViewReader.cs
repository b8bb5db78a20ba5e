using System.Collections.Immutable;
using System.Globalization;
using Fairlead.Linux;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;
using Fairlead.Linux.Nftables;
using Fairlead.Topology.Kernel;

namespace Fairlead.Topology.Views;

/// <summary>Reads the network of a namespace, whoever made it.</summary>
public static class HostViewReader
{
    private static readonly string[] s_nat = ["nat", "masq", "redir"];

    /// <summary>Reads.</summary>
    /// <param name="name">What to call it.</param>
    /// <param name="network">The namespace; null is the one that this process is in.</param>
    public static HostView Read(string name, NetworkNamespace? network) => network is null ? ReadHere(name) : network.Run(() => ReadHere(name));

    private static HostView ReadHere(string name)
    {
        using var socket = RouteSocket.Open();
        var links = socket.Links();
        var names = links.ToDictionary(l => l.Index, l => l.Name);
        var addresses = socket.Addresses().ToLookup(a => a.Link, a => a.Address.ToString());
        return new HostView(
            name,
            [.. links.Select(l => new InterfaceView(
                l.Name,
                l.Kind.Length > 0 ? l.Kind : l.Name == "lo" ? "loopback" : "device",
                l.Mac?.ToString(),
                l.Running ? "up" : l.Up ? "no carrier" : "down",
                l.Mtu,
                NameOf(l.Master),
                PeerOf(l),
                [.. addresses[l.Index]],
                OwnershipMark.TopologyOf(l.Alias)))],
            [.. socket.Routes(table: Route.MainTable).Where(r => r.Type == RouteType.Unicast).Select(r => new RouteView(
                r.Destination.PrefixLength == 0 ? "default" : r.Destination.ToString(), r.Gateway?.ToString(), NameOf(r.Link), r.Source?.ToString(), r.Metric, ProtocolOf(r.Protocol)))],
            [.. socket.Neighbours().Where(n => !n.State.HasFlag(NeighbourState.NoArp)).Select(n => new NeighbourView(
                n.Address.ToString(), n.Mac?.ToString(), NameOf(n.Link), n.Proxy ? "proxy" : n.State.ToString().ToLowerInvariant()))],
            new ForwardingView(Sysctl.Read("net/ipv4/ip_forward") == "1", Sysctl.Find("net/ipv6/conf/all/forwarding") is { } v6 ? v6 == "1" : null),
            Rules());

        string? NameOf(int? index) => index is { } i ? names.GetValueOrDefault(i) : null;

        string? PeerOf(Link link) => link switch
        {
            { Peer: null } => null,
            { PeerNamespaceId: null } => NameOf(link.Peer),
            _ => LabelledPeer(link) ?? string.Create(CultureInfo.InvariantCulture, $"interface {link.Peer} of another namespace"),
        };
    }

    /// <summary>A cable's label names both its ends.</summary>
    private static string? LabelledPeer(Link link)
    {
        if (OwnershipMark.TopologyOf(link.Alias) is null || link.Alias!.Split(' ') is not [_, _, _, var a, "to", var b])
        {
            return null;
        }

        return a.EndsWith($":{link.Name}", StringComparison.Ordinal) && !b.EndsWith($":{link.Name}", StringComparison.Ordinal) ? b
            : b.EndsWith($":{link.Name}", StringComparison.Ordinal) && !a.EndsWith($":{link.Name}", StringComparison.Ordinal) ? a
            : $"{a} or {b}";
    }

    private static ImmutableArray<RuleView> Rules()
    {
        if (Privileges.Missing("CAP_NET_ADMIN") is not null)
        {
            return [];
        }

        using var socket = NftablesSocket.Open();
        return
        [
            .. socket.Tables().SelectMany(t => socket.Rules(t.Family, t.Name).Select(r => (Table: t, Rule: r)))
                .Where(r => r.Rule.Expressions.Items.Any(e => s_nat.Contains(e, StringComparer.Ordinal)) || r.Table.Name.StartsWith("fairlead-net-", StringComparison.Ordinal))
                .Select(r => new RuleView(
                    $"{r.Table.Family.ToString().ToLowerInvariant()} {r.Table.Name}", r.Rule.Chain, r.Rule.Text, r.Rule.Comment, r.Rule.Packets, r.Rule.Bytes)),
        ];
    }

    private static string ProtocolOf(RouteProtocol protocol) => Enum.IsDefined(protocol)
        ? protocol.ToString().ToLowerInvariant()
        : ((byte)protocol).ToString(CultureInfo.InvariantCulture);
}
