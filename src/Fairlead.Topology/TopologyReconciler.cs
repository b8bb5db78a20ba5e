using Fairlead.Linux;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Topology;

/// <summary>Makes the kernel match a <see cref="NetworkTopology"/>, and removes one again.</summary>
/// <remarks>
/// Idempotent: what is there already is kept. A failure undoes the whole topology, so that there is never half of one.
/// In the machine's own namespace only links that carry our alternative name are touched.
/// </remarks>
public static class TopologyReconciler
{
    /// <summary>Makes everything that is missing.</summary>
    /// <exception cref="LinuxException">The kernel refused a part; nothing of the topology is left.</exception>
    public static void Apply(NetworkTopology topology)
    {
        try
        {
            var hosts = topology.Hosts.ToDictionary(h => h.Name, OpenOrCreate, StringComparer.Ordinal);
            try
            {
                Make(topology, hosts);
            }
            finally
            {
                foreach (var host in hosts.Values)
                {
                    host.Dispose();
                }
            }
        }
        catch (Exception)
        {
            Delete(topology);
            throw;
        }
    }

    /// <summary>Removes everything of the topology that is there; what is gone already is fine.</summary>
    public static void Delete(NetworkTopology topology)
    {
        var own = topology.Hosts.Where(h => h.Namespace is null).Select(h => h.Name).ToHashSet(StringComparer.Ordinal);
        using (var routes = RouteSocket.Open())
        {
            foreach (var end in topology.Links.SelectMany(l => new[] { l.A, l.B }).Where(e => own.Contains(e.Host)))
            {
                if (end.AltName is { } mark && routes.FindLink(mark) is { } link)
                {
                    routes.DeleteLink(link.Index);
                }
            }
        }

        foreach (var host in topology.Hosts)
        {
            if (host.Namespace is { } name)
            {
                NetworkNamespace.Delete(name);
            }
        }
    }

    private static void Make(NetworkTopology topology, Dictionary<string, OpenHost> hosts)
    {
        foreach (var host in hosts.Values)
        {
            host.MakeSwitches();
        }

        foreach (var link in topology.Links)
        {
            MakeLink(hosts[link.A.Host], link.A, hosts[link.B.Host], link.B);
        }

        // Routes need the addresses of both ends' networks, so they come when every link is there.
        foreach (var host in hosts.Values)
        {
            host.MakeRoutes();
        }
    }

    private static void MakeLink(OpenHost hostA, TopologyEnd a, OpenHost hostB, TopologyEnd b)
    {
        if (hostA.FindOwn(a) is null)
        {
            // A leftover of the other end would keep the pair from being made.
            if (hostB.FindOwn(b) is { } leftover)
            {
                hostB.Routes.DeleteLink(leftover.Index);
            }

            hostA.Routes.CreateVeth(new VethSpec(a.Interface) { PeerName = b.Interface, PeerNamespace = hostB.Network });
        }

        hostA.Plug(a);
        hostB.Plug(b);
    }

    private static OpenHost OpenOrCreate(TopologyHost host)
    {
        var network = host.Namespace is { } name ? NetworkNamespace.Create(name) : NetworkNamespace.Current();
        try
        {
            return new OpenHost(host, network);
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    /// <summary>A host while its parts are being made.</summary>
    private sealed class OpenHost : IDisposable
    {
        private readonly TopologyHost _host;

        public OpenHost(TopologyHost host, NetworkNamespace network)
        {
            _host = host;
            Network = network;
            Routes = RouteSocket.Open(network);
            if (host.Namespace is not null)
            {
                Routes.SetUp(Routes.GetLink("lo").Index);
            }

            if (host.Forwarding)
            {
                Sysctl.Write("net/ipv4/ip_forward", "1", network);
            }
        }

        public NetworkNamespace Network { get; }

        public RouteSocket Routes { get; }

        public void MakeSwitches()
        {
            foreach (var wanted in _host.Switches)
            {
                var bridge = Routes.FindLink(wanted.Name) ?? Routes.CreateBridge(new BridgeSpec(wanted.Name));
                if (wanted.Address is { } address)
                {
                    Routes.ReplaceAddress(bridge.Index, address);
                }

                Routes.SetUp(bridge.Index);
            }

            // A switch passes frames; the firewall hooks of bridged frames would only cost time (they default to on in a new namespace).
            if (_host.Switches.Length > 0 && Sysctl.Find("net/bridge/bridge-nf-call-iptables", Network) is not null)
            {
                Sysctl.Write("net/bridge/bridge-nf-call-iptables", "0", Network);
            }
        }

        /// <summary>The interface of an end, if it is there and ours: in a namespace of our own everything is, elsewhere what has the mark.</summary>
        /// <exception cref="LinuxException">The name is taken by an interface that is not ours.</exception>
        public Link? FindOwn(TopologyEnd end)
        {
            var link = Routes.FindLink(end.Interface);
            return link is null || _host.Namespace is not null || (end.AltName is { } mark && link.HasName(mark))
                ? link
                : throw new LinuxException($"link {end.Interface} of {_host.Name} is not Fairlead's", Errno.Exists);
        }

        /// <summary>Gives one end of a link what it should have.</summary>
        public void Plug(TopologyEnd end)
        {
            var link = Routes.GetLink(end.Interface);
            if (end.AltName is { } mark && !link.HasName(mark))
            {
                Routes.AddAltName(link.Index, mark);
            }

            if (end.Switch is { } bridge)
            {
                Routes.SetLink(link.Index, new LinkChange { Master = Routes.GetLink(bridge).Index });
            }

            if (end.Address is { } address)
            {
                Routes.ReplaceAddress(link.Index, address);
            }

            Routes.SetUp(link.Index);
        }

        public void MakeRoutes()
        {
            foreach (var route in _host.Routes)
            {
                Routes.ReplaceRoute(new Route(route.Destination) { Gateway = route.Gateway });
            }
        }

        public void Dispose()
        {
            Routes.Dispose();
            Network.Dispose();
        }
    }
}
