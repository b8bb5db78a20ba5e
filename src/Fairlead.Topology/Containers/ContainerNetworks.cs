using System.Net;
using System.Net.Sockets;
using Fairlead.Linux.Processes;
using Fairlead.Topology.Containers.Addressing;
using Fairlead.Topology.Containers.Kernel;
using Fairlead.Topology.Containers.State;

namespace Fairlead.Topology.Containers;

/// <summary>What is asked of <c>fairlead network create</c>.</summary>
public sealed record NetworkOptions(string Name)
{
    /// <summary>Ranges, at most one of each family; one of IPv4 is chosen where none is given.</summary>
    public IReadOnlyList<IPNetwork> Subnets { get; init; } = [];

    /// <summary>The bridge's addresses in them; the first of each where none is given.</summary>
    public IReadOnlyList<IPAddress> Gateways { get; init; } = [];

    /// <summary>The parts that containers get their addresses from.</summary>
    public IReadOnlyList<IPNetwork> Pools { get; init; } = [];

    /// <summary>Whether it has IPv6 too; a unique local range is drawn where none is given.</summary>
    public bool IPv6 { get; init; }

    /// <summary>Nothing gets in or out.</summary>
    public bool Internal { get; init; }

    /// <summary>What its owner wants to remember.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);
}

/// <summary>The networks of containers: bridges on the host.</summary>
public sealed class ContainerNetworks(ContainerHost surroundings)
{
    /// <summary>Creates a network, bridge and all.</summary>
    /// <exception cref="ContainerException">It cannot be; nothing has changed.</exception>
    public async Task<NetworkRecord> CreateAsync(NetworkOptions options, CancellationToken ct)
    {
        Check(options);
        using var change = await ContainerChange.BeginAsync(surroundings, ct);
        if (change.Store.Networks().Any(n => n.Name == options.Name))
        {
            throw new ContainerException($"there is a network '{options.Name}' already", $"fairlead network inspect {options.Name}");
        }

        var record = Plan(options, change.Host, surroundings.Time.GetUtcNow());
        _ = change.Host.FindOwnBridge(record);
        change.Store.Save(record);
        try
        {
            change.Host.EnsureBridge(record, Explanation.Silent);
            change.Host.EnsureForwarding([record]);
            change.Settle();
        }
        catch
        {
            change.RemoveNetwork(record);
            change.Settle();
            throw;
        }

        return record;
    }

    /// <summary>Removes a network that no running container is in.</summary>
    public async Task RemoveAsync(string name, CancellationToken ct)
    {
        if (NetworkNames.IsPredefined(name))
        {
            throw new ContainerException(
                $"network '{name}' is always there and cannot be removed", name == NetworkNames.Bridge ? "it goes by itself with its last container" : null);
        }

        using var change = await ContainerChange.BeginAsync(surroundings, ct);
        var network = Find(change.Store, name) ?? throw Unknown(name);
        var members = change.Members(network.Name).Select(m => m.Name).ToList();
        if (members.Count > 0)
        {
            throw new ContainerException($"network '{network.Name}' is in use by {string.Join(", ", members)}", $"fairlead stop {string.Join(' ', members)}");
        }

        change.RemoveNetwork(network);
        change.Settle();
    }

    /// <summary>All networks that have a bridge now.</summary>
    public IReadOnlyList<NetworkRecord> List() => surroundings.Store().Networks();

    /// <summary>The network of a name, or of the beginning of an id.</summary>
    public NetworkRecord Get(string name) => Find(surroundings.Store(), name) ?? throw Unknown(name);

    internal static NetworkRecord? Find(ContainerStore store, string name)
    {
        var all = store.Networks();
        var named = all.FirstOrDefault(n => n.Name == name);
        var byId = all.Where(n => name.Length >= 3 && n.Id.StartsWith(name, StringComparison.Ordinal)).ToList();
        return named ?? (byId.Count == 1 ? byId[0] : null);
    }

    internal static ContainerException Unknown(string name)
        => new($"there is no network '{name}'", $"fairlead network create {name}; fairlead network ls shows those that are there");

    /// <summary>The network that a container is to be in; the default bridge is made up where it is not there yet.</summary>
    internal static NetworkRecord PlanFor(ContainerOptions options, ContainerChange change, DateTimeOffset now)
    {
        if (Find(change.Store, options.Network) is { } network)
        {
            return network.IsDefault && change.Members(network.Name).All(m => false) && change.Host.FindOwnBridge(network) is null
                ? Rechosen(network, change.Host, now)
                : network;
        }

        return options.Network == NetworkNames.Bridge ? Plan(new NetworkOptions(NetworkNames.Bridge), change.Host, now) : throw Unknown(options.Network);
    }

    /// <summary>The default bridge of an earlier boot: its range may meet something by now.</summary>
    private static NetworkRecord Rechosen(NetworkRecord network, HostStack host, DateTimeOffset now)
    {
        var taken = host.TakenRanges().Where(t => !t.Holder.StartsWith($"network '{network.Name}'", StringComparison.Ordinal));
        return taken.Any(t => network.Subnets.Any(s => s.Network.Meets(t.Range))) ? Plan(new NetworkOptions(NetworkNames.Bridge), host, now) : network;
    }

    private static NetworkRecord Plan(NetworkOptions options, HostStack host, DateTimeOffset now)
    {
        var id = Naming.NewId();
        var taken = host.TakenRanges();
        var subnets = options.Subnets.ToList();
        var isDefault = options.Name == NetworkNames.Bridge;
        if (subnets.All(s => s.BaseAddress.AddressFamily != AddressFamily.InterNetwork))
        {
            subnets.Insert(0, SubnetChooser.ChooseIPv4(taken, isDefault));
        }

        if (options.IPv6 && subnets.All(s => s.BaseAddress.AddressFamily != AddressFamily.InterNetworkV6))
        {
            subnets.Add(SubnetChooser.ChooseIPv6());
        }

        return new NetworkRecord
        {
            Id = id,
            Name = options.Name,
            Bridge = Naming.BridgeOf(options.Name, id),
            Subnets = [.. subnets.OrderBy(s => s.BaseAddress.AddressFamily).Select(subnet => SubnetChooser.Check(
                subnet,
                options.Gateways.FirstOrDefault(g => g.AddressFamily == subnet.BaseAddress.AddressFamily),
                options.Pools.Select(p => (IPNetwork?)p).FirstOrDefault(p => p!.Value.BaseAddress.AddressFamily == subnet.BaseAddress.AddressFamily),
                taken))],
            Internal = options.Internal,
            Labels = options.Labels,
            Created = now,
            HostNamespace = host.Id,
            BootId = Boot.Id,
        };
    }

    private static void Check(NetworkOptions options)
    {
        if (NetworkNames.IsPredefined(options.Name))
        {
            throw ContainerException.Usage($"network '{options.Name}' is always there", "choose another name");
        }

        Naming.Check("network", options.Name);
        foreach (var (option, families) in (ReadOnlySpan<(string, IEnumerable<AddressFamily>)>)
            [
                ("--subnet", options.Subnets.Select(s => s.BaseAddress.AddressFamily)), ("--gateway", options.Gateways.Select(g => g.AddressFamily)),
                ("--ip-range", options.Pools.Select(p => p.BaseAddress.AddressFamily)),
            ])
        {
            if (families.GroupBy(f => f).Any(g => g.Count() > 1))
            {
                throw ContainerException.Usage($"{option} is given more than once for a family", "give at most one of IPv4 and one of IPv6");
            }

            if (families.Contains(AddressFamily.InterNetworkV6) && !options.IPv6)
            {
                throw ContainerException.Usage($"{option} of IPv6 without --ipv6", "add --ipv6");
            }
        }
    }
}
