using System.Net;
using System.Net.Sockets;
using Fairlead.Linux;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;
using Fairlead.Linux.Nftables;
using Fairlead.Topology.Containers.State;

namespace Fairlead.Topology.Containers.Kernel;

/// <summary>A container's own network stack: a namespace that <c>ip netns</c> lists, with or without a cable to a bridge.</summary>
internal static class ContainerNetwork
{
    private const string Interface = "eth0";

    /// <summary>Where programs in a container of a network with names find the resolver: Docker's address, which nothing else uses.</summary>
    public static readonly IPAddress ResolverAddress = IPAddress.Parse("127.0.0.11");

    /// <summary>Makes the namespace, with the loopback up.</summary>
    public static NetworkNamespace CreateNamespace(ContainerRecord container, Explanation explain)
    {
        var name = Naming.Namespace(container.Name);
        explain.NamespaceMade(name);
        NetworkNamespace network;
        try
        {
            network = NetworkNamespace.CreateNew(name);
        }
        catch (LinuxException e) when (e.IsExists)
        {
            throw new ContainerException($"the network namespace {name} is there and is not of a container in this state folder", "choose another --name");
        }

        using (var routes = RouteSocket.Open(network))
        {
            routes.SetUp(routes.GetLink("lo").Index);
        }

        // As Docker has it: a port below 1024 needs no right of its own in a container.
        Sysctl.Write("net/ipv4/ip_unprivileged_port_start", "0", network);
        return network;
    }

    /// <summary>Lays the cable between a container and the bridge of its network, and gives it its addresses.</summary>
    public static void Attach(HostStack host, NetworkRecord network, ContainerRecord container, NetworkNamespace inside, Explanation explain)
    {
        var veth = Naming.VethOf(container.Id);
        var bridge = host.Routes.GetLink(network.Bridge);
        explain.CableMade(veth, Interface, inside.Name!);
        var link = host.Routes.CreateVeth(new VethSpec(veth)
        {
            PeerName = Interface,
            PeerNamespace = inside,
            PeerMac = MacAddress.Parse(container.Mac),
            Group = Naming.LinkGroup,
            PeerGroup = 0,
        });
        host.Routes.AddAltName(link.Index, Naming.LinkMark(container.Name));
        explain.CablePlugged(veth, network.Bridge);

        // A container may reach itself by a port that it has published: then its packet goes out by the port that it came in by.
        host.Routes.SetLink(link.Index, new LinkChange { Master = bridge.Index });
        host.Routes.SetLink(link.Index, new LinkChange { Hairpin = true });

        using var routes = RouteSocket.Open(inside);
        var near = routes.GetLink(Interface);
        explain.AddressesGiven(network, container, inside.Name!, Interface);
        foreach (var address in container.InterfaceAddresses)
        {
            routes.ReplaceAddress(
                near.Index, address, address.Address.AddressFamily == AddressFamily.InterNetworkV6 ? AddressFlags.NoDuplicateDetection : AddressFlags.None);
        }

        HostStack.WithoutDuplicateDetection(Interface, inside);
        explain.InterfacesUp(network, veth, inside.Name!, Interface);
        host.Routes.SetUp(link.Index);
        routes.SetUp(near.Index);
        if (!network.Internal)
        {
            foreach (var subnet in network.Subnets)
            {
                routes.AddRoute(new Route(subnet.Family == AddressFamily.InterNetwork ? IPNetwork.Parse("0.0.0.0/0") : IPNetwork.Parse("::/0"))
                {
                    Gateway = subnet.GatewayAddress,
                    Link = near.Index,
                });
            }
        }
    }

    /// <summary>Leads what programs send to the resolver's address to where it really listens, so that port 53 stays theirs.</summary>
    public static void RedirectResolver(NetworkNamespace inside, int port)
    {
        const string chain = "resolver";
        using var nftables = NftablesSocket.Open(inside);
        var change = new NftTransaction(NftFamily.Inet, Naming.Table)
            .Add(new AddTable("names of the network's members"))
            .Add(new AddChain(chain, new NftBaseChain(NftChainType.Nat, NftHook.Output, -100)));
        foreach (var dport in (ReadOnlySpan<NftExpression>)[Load.UdpDport, Load.TcpDport])
        {
            change.Add(new AddRule(chain, Match.Equal(Load.IpDaddr, ResolverAddress), Match.Equal(dport, 53), Linux.Nftables.Nat.Destination(ResolverAddress, (ushort)port)));
        }

        nftables.Commit(change);
    }

    /// <summary>Removes what a container has in the kernel; what is gone already is fine.</summary>
    public static void Remove(HostStack host, ContainerRecord container)
    {
        // The cable first: with the namespace alone it would go some time later.
        if (host.Routes.FindLink(Naming.VethOf(container.Id)) is { Group: Naming.LinkGroup } link)
        {
            _ = host.Routes.TryDeleteLink(link.Name);
        }

        if (container.Options.Network != NetworkNames.Host)
        {
            _ = NetworkNamespace.Delete(Naming.Namespace(container.Name));
        }
    }

    /// <summary>An Ethernet address that follows from the IPv4 address: who remembers the neighbour that had it before is not led astray.</summary>
    public static MacAddress MacOf(IReadOnlyList<InterfaceAddress> addresses)
        => addresses.FirstOrDefault(a => a.Address.AddressFamily == AddressFamily.InterNetwork) is { Address: { } address }
            ? new MacAddress([0x02, 0xfa, .. address.GetAddressBytes()])
            : MacAddress.Random();
}
