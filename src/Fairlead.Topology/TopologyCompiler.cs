using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Fairlead.Linux;
using Fairlead.Topology.Checks;
using Fairlead.Topology.Kernel;
using Fairlead.Topology.Nat;

namespace Fairlead.Topology;

/// <summary>What a topology asks of the kernel, and everything it cannot have. Pure.</summary>
internal static class TopologyCompiler
{
    /// <summary>MTU of an Ethernet, and what the kernel gives a cable where nothing is said.</summary>
    private const int EthernetMtu = 1500;

    /// <summary>Compiles; where there are diagnostics there are no states.</summary>
    public static (ImmutableArray<HostState> Hosts, ImmutableArray<TopologyDiagnostic> Diagnostics) Compile(NetworkTopology topology)
    {
        var (wiring, diagnostics) = Wiring.Resolve(topology);
        diagnostics = [.. diagnostics, .. AddressChecks.Check(topology, wiring), .. HostChecks.Check(topology, wiring)];
        return diagnostics.IsEmpty ? ([.. topology.Hosts.Select(h => HostOf(topology, wiring, h))], []) : ([], diagnostics);
    }

    private static HostState HostOf(NetworkTopology topology, Wiring wiring, TopologyHost host)
    {
        var mark = new OwnershipMark(topology.Name);
        var links = HostState.NoLinks.ToBuilder();
        if (!host.IsMachine)
        {
            links["lo"] = new InterfaceState("lo", LinkKind.Loopback, mark.NamespaceLabel(host.Name));
        }

        foreach (var bridge in topology.Switches.Where(s => s.Host == host.Name))
        {
            links[bridge.Name] = new InterfaceState(bridge.Name, LinkKind.Switch, mark.SwitchLabel(host.Name, bridge.Name))
            {
                Mac = bridge.Mac,
                Mtu = bridge.Mtu,
                SpanningTree = bridge.SpanningTree,
                VlanFiltering = bridge.VlanFiltering,
                Addresses = Sorted(bridge.Addresses),
            };
        }

        foreach (var (near, far) in wiring.EndsOf(host.Name))
        {
            var (a, b) = near.IsFirst ? (near, far) : (far, near);
            links[near.Interface] = new InterfaceState(near.Interface, LinkKind.Cable, mark.CableLabel(a.Host, a.Interface, b.Host, b.Interface))
            {
                Mac = near.End.Mac,
                Mtu = near.Link.Mtu ?? EthernetMtu,
                Master = near.Switch?.Name,
                Addresses = Sorted(near.End.Addresses),
                Peer = (far.Host, far.Interface),
            };
        }

        var ways = wiring.WaysOf(host);
        return new HostState(host.Name, host.Namespace)
        {
            Links = links.ToImmutable(),
            Routes = [.. Routes(host).Select(r => new RouteState(r.To, r.Via, ways.InterfaceTo(r.Via)!)).OrderBy(r => r.ToString(), StringComparer.Ordinal)],
            Settings = Settings(topology, host, ways, links.Values),
            Rules = NatTable.Sorted(
            [
                .. host.Masquerade.Select(m => new MasqueradeRule(m.From, m.Out)),
                .. host.PortForwards.Select(f => new PortForwardRule(f.Protocol, f.Address, f.Port, f.To, f.ToPort, ways.PrefixAround(f.To))),
            ]),
        };
    }

    /// <summary>The routes and gateways of a host.</summary>
    internal static IEnumerable<TopologyRoute> Routes(TopologyHost host)
        => host.Routes.Concat(host.Gateways.Select(g => new TopologyRoute(
            new IPNetwork(g.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0), g)));

    private static ImmutableSortedDictionary<string, string> Settings(
        NetworkTopology topology, TopologyHost host, HostWays ways, IEnumerable<InterfaceState> links)
    {
        var settings = HostState.NoSettings.ToBuilder();

        // A new namespace begins with what the machine has, so ours say what they mean. The machine keeps what is not spoken of; and IPv6
        // there stays as it is where the topology has none, since a router no longer listens to its own router.
        if ((host.Forwarding ?? (host.IsMachine ? null : false)) is { } forwarding)
        {
            settings["net/ipv4/ip_forward"] = forwarding ? "1" : "0";
            if (!host.IsMachine || links.Any(l => l.Addresses.Items.Any(a => a.Address.AddressFamily == AddressFamily.InterNetworkV6)))
            {
                settings["net/ipv6/conf/all/forwarding"] = forwarding ? "1" : "0";
            }
        }

        // A switch passes frames; the firewall's hooks on them would only cost time, and are on in a new namespace.
        if (!host.IsMachine && topology.Switches.Any(s => s.Host == host.Name))
        {
            foreach (var hook in (string[])["arptables", "ip6tables", "iptables"])
            {
                settings[$"net/bridge/bridge-nf-call-{hook}"] = "0";
            }
        }

        // On where the loopback's packets leave by it, and off again where they no longer do.
        foreach (var name in links.Where(l => l.Addresses.Items.Any(a => a.Address.AddressFamily == AddressFamily.InterNetwork)).Select(l => l.Name))
        {
            settings[$"net/ipv4/conf/{name}/route_localnet"] = "0";
        }

        foreach (var forward in host.PortForwards.Where(f => f.To.AddressFamily == AddressFamily.InterNetwork && (f.Address is null || IPAddress.IsLoopback(f.Address))))
        {
            if (ways.InterfaceTo(forward.To) is { } way)
            {
                settings[$"net/ipv4/conf/{way}/route_localnet"] = "1";
            }
        }

        return settings.ToImmutable();
    }

    private static ValueArray<InterfaceAddress> Sorted(IEnumerable<InterfaceAddress> addresses)
        => [.. addresses.OrderBy(a => a.ToString(), StringComparer.Ordinal)];
}
