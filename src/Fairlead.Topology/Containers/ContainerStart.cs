using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Fairlead.Cni.Launcher;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Processes;
using Fairlead.Topology.Containers.Addressing;
using Fairlead.Topology.Containers.Files;
using Fairlead.Topology.Containers.Kernel;
using Fairlead.Topology.Containers.Launch;
using Fairlead.Topology.Containers.Ports;
using Fairlead.Topology.Containers.State;

namespace Fairlead.Topology.Containers;

/// <summary>Brings one container up: its record, its network, its files, and then its program.</summary>
/// <remarks>All that can be refused is refused before the record is written. From then on a failure takes back what was made.</remarks>
internal sealed class ContainerStart(ContainerHost surroundings, ContainerChange change, Explanation explain)
{
    private const string UsualPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    private readonly ContainerStore _store = change.Store;

    /// <summary>What the container is and holds, once it runs.</summary>
    public async Task<StartedContainer> RunAsync(ContainerOptions options, SafeHandle? input, SafeHandle output, SafeHandle error, CancellationToken ct)
    {
        var launcher = surroundings.Launcher ?? throw new ContainerException("fairlead-cni, which starts containers, is not beside this program", "build it: ./fairlead does");
        options = Named(options);
        var network = NetworkNames.IsBridge(options.Network) ? ContainerNetworks.PlanFor(options, change, surroundings.Time.GetUtcNow()) : null;
        if (network is null && options.Addresses.Count > 0)
        {
            throw ContainerException.Usage($"--ip with --network {options.Network}: it has no addresses to give");
        }

        var addresses = network is null ? [] : AddressPool.Take(network, options.Addresses, change.Members(network.Name));
        if (network is not null)
        {
            _ = change.Host.FindOwnBridge(network);
        }

        // Ports mean nothing where there is no bridge, as with Docker.
        var ports = PortReservation.Take(network is null || network.Internal ? [] : options.Ports, _store.Containers(), surroundings.Network);
        var id = Naming.NewId();
        var record = new ContainerRecord
        {
            Id = id,
            Options = options with { Ports = ports.Ports, Network = network?.Name ?? options.Network },
            State = ContainerState.Created,
            HostName = options.HostName ?? (options.Network == NetworkNames.Host ? Environment.MachineName : Naming.Short(id)),
            Addresses = [.. addresses.Select(a => a.ToString())],
            Mac = network is null ? "" : ContainerNetwork.MacOf(addresses).ToString(),
            Created = surroundings.Time.GetUtcNow(),
            Supervisor = ProcessRecord.Self,
            BootId = Boot.Id,
            HostNamespace = change.Host.Id,
        };
        IContainerResolver? resolver = null;
        NetworkNamespace? inside = null;
        try
        {
            if (network is not null)
            {
                _store.Save(network);
            }

            _store.Save(record);
            var names = NamePlan.For(record.Options, network, ResolvConf.Parse(ReadOrEmpty(surroundings.ResolvConf)));
            inside = MakeNetwork(record, network);
            if (names.NeedsResolver)
            {
                resolver = await StartResolverAsync(inside!, network!, names, ct);
            }

            ContainerFiles.Write(_store, record, names.Conf, ReadOrEmpty(surroundings.HostsFile));
            var process = ContainerProcess.Start(
                new ContainerPlace(launcher, inside ?? surroundings.Network, Namespaces, input, output, error),
                Specification(record),
                started => _store.Save(record = record with
                {
                    State = ContainerState.Running, Process = ProcessRecord.Of(started), Started = surroundings.Time.GetUtcNow(),
                }));
            if (Forwarded(addresses.Select(a => a.Address)) is { } target)
            {
                ports.ForwardTo(target, surroundings.Network, surroundings.Time);
            }

            return new StartedContainer(record, process, ports, resolver);
        }
        catch
        {
            await ports.DisposeAsync();
            if (resolver is not null)
            {
                await resolver.DisposeAsync();
            }

            change.Finish(record with { State = ContainerState.Created }, 0, surroundings.Time.GetUtcNow());
            change.Settle();
            throw;
        }
        finally
        {
            inside?.Dispose();
        }
    }

    private static NamespaceKinds Namespaces => NamespaceKinds.Mount | NamespaceKinds.HostName | NamespaceKinds.Process | NamespaceKinds.Ipc;

    /// <summary>Connections from ::1 go to IPv6 where the container has it, else to IPv4.</summary>
    private static IPAddress? Forwarded(IEnumerable<IPAddress> addresses) => addresses.OrderByDescending(a => a.AddressFamily == AddressFamily.InterNetworkV6).FirstOrDefault();

    private ContainerOptions Named(ContainerOptions options)
    {
        var taken = _store.Containers().Select(c => c.Name).ToHashSet(StringComparer.Ordinal);
        if (options.Name is { } name)
        {
            return taken.Contains(name)
                ? throw new ContainerException($"there is a container '{name}' already", $"fairlead rm {name}, or choose another --name")
                : options;
        }

        string made;
        do
        {
            made = Naming.NewName();
        }
        while (taken.Contains(made));
        return options with { Name = made };
    }

    /// <summary>The eight steps.</summary>
    private NetworkNamespace? MakeNetwork(ContainerRecord record, NetworkRecord? network)
    {
        if (record.Options.Network == NetworkNames.Host)
        {
            return null;
        }

        var inside = ContainerNetwork.CreateNamespace(record, explain);
        try
        {
            if (network is not null)
            {
                change.Host.EnsureBridge(network, explain);
                ContainerNetwork.Attach(change.Host, network, record, inside, explain);
                explain.NatEnabled(network, record);
                change.Host.EnsureForwarding([network]);
                change.Settle();
            }

            return inside;
        }
        catch
        {
            inside.Dispose();
            throw;
        }
    }

    private async Task<IContainerResolver?> StartResolverAsync(NetworkNamespace inside, NetworkRecord network, NamePlan names, CancellationToken ct)
    {
        if (surroundings.Resolver is not { } start)
        {
            return null;
        }

        var resolver = await start(new ResolverRequest(inside, network.IsDefault ? null : _store.Hosts(network.Name), names.Upstreams), ct);
        ContainerNetwork.RedirectResolver(inside, resolver.Port);
        return resolver;
    }

    private PodLaunchSpec Specification(ContainerRecord record) => new()
    {
        Command = [.. record.Options.Command],
        Root = new PodRoot { Hidden = [_store.Folder, .. surroundings.Hidden] },
        Mounts = [.. ContainerFiles.Mounts(_store, record)],
        HostName = record.HostName,
        Environment = ImmutableDictionary.CreateRange(StringComparer.Ordinal, new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["PATH"] = UsualPath,
            ["HOSTNAME"] = record.HostName,
            ["HOME"] = "/root",
        }).SetItems(record.Options.Environment),
    };

    private static string ReadOrEmpty(string path) => File.Exists(path) ? File.ReadAllText(path) : "";
}

/// <summary>A container that has just been started, and what its supervisor holds for it.</summary>
internal sealed record StartedContainer(ContainerRecord Record, ContainerProcess Process, PortReservation Ports, IContainerResolver? Resolver);
