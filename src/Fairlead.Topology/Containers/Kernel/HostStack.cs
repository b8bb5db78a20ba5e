using Fairlead.Linux;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;
using Fairlead.Linux.Nftables;
using Fairlead.Topology.Containers.Addressing;
using Fairlead.Topology.Containers.State;

namespace Fairlead.Topology.Containers.Kernel;

/// <summary>The network stack that containers are attached to: the one that the command was given in, or a namespace that plays the host.</summary>
internal sealed class HostStack : IDisposable
{
    private const string IPv4Forwarding = "net/ipv4/ip_forward";
    private const string IPv6Forwarding = "net/ipv6/conf/all/forwarding";

    private readonly ContainerStore _store;

    public HostStack(NetworkNamespace network, ContainerStore store)
    {
        (Network, _store) = (network, store);
        Routes = RouteSocket.Open(network);
    }

    public NetworkNamespace Network { get; }

    public RouteSocket Routes { get; }

    public ulong Id => Network.Inode;

    /// <summary>The ranges that routes, addresses and other networks have.</summary>
    public List<TakenRange> TakenRanges()
    {
        var ours = Routes.Links().Where(l => l.Group == Naming.LinkGroup).ToDictionary(l => l.Index, l => l.Name);
        var names = Routes.Links().ToDictionary(l => l.Index, l => l.Name);
        string On(int? link) => link is { } index && names.TryGetValue(index, out var name) ? $" on {name}" : "";
        return
        [
            .. _store.Networks().SelectMany(n => n.Subnets.Select(s => new TakenRange(s.Network, $"network '{n.Name}' ({s.Range})"))),
            .. Routes.Addresses().Where(a => !ours.ContainsKey(a.Link) && !a.Address.Address.IsIPv6LinkLocal)
                .Select(a => new TakenRange(a.Address.Network, $"the address {a.Address}{On(a.Link)}")),
            .. Routes.Routes(table: Route.MainTable)
                .Where(r => r.Destination.PrefixLength > 0 && !r.Destination.BaseAddress.IsIPv6LinkLocal && !(r.Link is { } link && ours.ContainsKey(link)))
                .Select(r => new TakenRange(r.Destination, $"the route to {r.Destination}{On(r.Link)}")),
        ];
    }

    /// <summary>Refuses a bridge whose name an interface of somebody else's has.</summary>
    public Link? FindOwnBridge(NetworkRecord network)
    {
        var link = Routes.FindLink(network.Bridge);
        return link is null || link.Group == Naming.LinkGroup
            ? link
            : throw new ContainerException(
                $"the interface {network.Bridge} is there and is not Fairlead's", $"rename it (ip link set {network.Bridge} name OTHER) or remove it, and run this again");
    }

    /// <summary>Makes sure that the bridge of a network is there, with its addresses; what is there already is kept.</summary>
    public void EnsureBridge(NetworkRecord network, Explanation explain)
    {
        var link = FindOwnBridge(network);
        explain.BridgeMade(network, isNew: link is null);
        link ??= Routes.CreateBridge(new BridgeSpec(network.Bridge) { Group = Naming.LinkGroup, Mac = MacAddress.Random() });
        if (!link.HasName(Naming.BridgeMark(network.Name)))
        {
            Routes.AddAltName(link.Index, Naming.BridgeMark(network.Name));
        }

        foreach (var subnet in network.Subnets)
        {
            Routes.ReplaceAddress(
                link.Index, subnet.BridgeAddress, subnet.Family == System.Net.Sockets.AddressFamily.InterNetworkV6 ? AddressFlags.NoDuplicateDetection : AddressFlags.None);
        }

        WithoutDuplicateDetection(network.Bridge, Network);

        // 127.0.0.1:PORT of the host leads to a container, so packets with such a source must be let out by this interface. The table's guard belongs to it.
        Sysctl.Write($"net/ipv4/conf/{network.Bridge}/route_localnet", "1", Network);
        Routes.SetUp(link.Index);
    }

    /// <summary>Has IPv6 use its link-local address at once: nobody else can have it here, and neighbours are asked from it.</summary>
    public static void WithoutDuplicateDetection(string link, NetworkNamespace network)
    {
        var key = $"net/ipv6/conf/{link}/accept_dad";
        if (Sysctl.Find(key, network) is not null)
        {
            Sysctl.Write(key, "0", network);
        }
    }

    /// <summary>Removes the bridge of a network where it is ours.</summary>
    public void RemoveBridge(NetworkRecord network)
    {
        if (Routes.FindLink(network.Bridge) is { Group: Naming.LinkGroup })
        {
            _ = Routes.TryDeleteLink(network.Bridge);
        }
    }

    /// <summary>Lets the host pass packets on, and notes before how it was.</summary>
    public void EnsureForwarding(IEnumerable<NetworkRecord> networks)
    {
        var wanted = networks.Any(n => n.HasIPv6) ? new[] { IPv4Forwarding, IPv6Forwarding } : [IPv4Forwarding];
        var settings = _store.Settings();
        var before = settings is { } noted && noted.HostNamespace == Id && noted.BootId == Linux.Processes.Boot.Id
            ? noted.Before.ToDictionary(StringComparer.Ordinal)
            : new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var key in wanted)
        {
            var value = Sysctl.Find(key, Network);
            if (value is null or "1")
            {
                continue;
            }

            before.TryAdd(key, value);
            _store.Save(new HostSettings { Before = before, HostNamespace = Id, BootId = Linux.Processes.Boot.Id });
            Sysctl.Write(key, "1", Network);
        }
    }

    /// <summary>Sets back what we changed, once no network is left; what somebody else has changed since stays.</summary>
    public void RestoreForwarding()
    {
        if (_store.Settings() is not { } settings)
        {
            return;
        }

        if (settings.HostNamespace == Id && settings.BootId == Linux.Processes.Boot.Id)
        {
            foreach (var (key, value) in settings.Before.Where(s => Sysctl.Find(s.Key, Network) == "1"))
            {
                Sysctl.Write(key, value, Network);
            }
        }

        _store.Save((HostSettings?)null);
    }

    /// <summary>Puts the table in force that the records ask for.</summary>
    public void CommitTable(IReadOnlyList<NetworkRecord> networks, IEnumerable<ContainerRecord> containers)
    {
        using var nftables = NftablesSocket.Open(Network);
        if (networks.Count > 0)
        {
            nftables.Rewrite(RunTable.Compile(_store.Folder, networks, containers));
        }
        else if (nftables.HasTable(NftFamily.Inet, Naming.Table))
        {
            nftables.Commit(new NftTransaction(NftFamily.Inet, Naming.Table).Add(new DeleteTable()));
        }
    }

    public void Dispose() => Routes.Dispose();
}
