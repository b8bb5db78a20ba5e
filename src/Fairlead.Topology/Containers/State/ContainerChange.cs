using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Nftables;
using Fairlead.Linux.Processes;
using Fairlead.Topology.Containers.Files;
using Fairlead.Topology.Containers.Kernel;

namespace Fairlead.Topology.Containers.State;

/// <summary>The right to change containers and networks, held while something is changed. To take it also heals what a killed process left.</summary>
internal sealed class ContainerChange : IDisposable
{
    private const int UnseenExit = 255;

    private readonly IDisposable _lock;
    private readonly ContainerHost _surroundings;
    private readonly bool _ownsNetwork;

    private ContainerChange(IDisposable held, ContainerHost surroundings, ContainerStore store)
    {
        (_lock, _surroundings, Store) = (held, surroundings, store);
        _ownsNetwork = surroundings.Network is null;
        Host = new HostStack(surroundings.Network ?? NetworkNamespace.Current(), store);
    }

    public ContainerStore Store { get; }

    public HostStack Host { get; }

    /// <summary>Waits for the lock, then removes what has nobody any more.</summary>
    public static async Task<ContainerChange> BeginAsync(ContainerHost surroundings, CancellationToken ct)
    {
        Privilege.Check();
        var store = surroundings.Store();
        var held = await store.LockAsync(ct);
        ContainerChange? change = null;
        try
        {
            change = new ContainerChange(held, surroundings, store);
            change.CheckHost();
            await change.HealAsync();
            return change;
        }
        catch
        {
            change?.Host.Dispose();
            held.Dispose();
            throw;
        }
    }

    /// <summary>Makes the kernel and the files agree with the records: the table, the members' names, and what is there for nobody.</summary>
    public void Settle()
    {
        var containers = Store.Containers();
        foreach (var network in Store.Networks())
        {
            // The default bridge comes with its first container and goes with its last.
            if (network.IsDefault && containers.All(c => c.Options.Network != network.Name))
            {
                RemoveNetwork(network);
            }
            else
            {
                Store.SaveHosts(network.Name, ContainerFiles.Members(Members(network.Name)));
            }
        }

        var networks = Store.Networks();
        Host.CommitTable(networks, containers);
        if (networks.Count == 0)
        {
            Host.RestoreForwarding();
        }

        Store.NoteSettled();
    }

    /// <summary>The containers that have an address of a network.</summary>
    public IEnumerable<ContainerRecord> Members(string network) => Store.Containers().Where(c => c.IsLive && c.Options.Network == network);

    /// <summary>The bridge goes before the record that speaks of it.</summary>
    public void RemoveNetwork(NetworkRecord network)
    {
        Host.RemoveBridge(network);
        Store.Delete(network);
    }

    /// <summary>Ends a container's life in the records, once its program has ended.</summary>
    public void Finish(ContainerRecord container, int exitCode, DateTimeOffset at)
    {
        ContainerNetwork.Remove(Host, container);
        if (container.Options.Remove || container.State == ContainerState.Created)
        {
            Store.Delete(container);
        }
        else
        {
            Store.Save(container with { State = ContainerState.Exited, ExitCode = exitCode, Finished = at, Addresses = [], Process = null });
        }
    }

    public void Dispose()
    {
        Host.Dispose();
        if (_ownsNetwork)
        {
            Host.Network.Dispose();
        }

        _lock.Dispose();
    }

    private async Task HealAsync()
    {
        var healed = false;
        Store.SweepFolders();
        foreach (var container in Store.Containers().Where(c => c.IsLive))
        {
            var sameBoot = container.BootId == Boot.Id;
            if (sameBoot && container.Supervisor.IsAlive())
            {
                continue;
            }

            if (sameBoot && container.Process?.Open() is { } orphan)
            {
                using (orphan)
                {
                    await orphan.StopAsync(TimeSpan.Zero, _surroundings.Time);
                }
            }

            Finish(container, UnseenExit, _surroundings.Time.GetUtcNow());
            healed = true;
        }

        if (healed || Store.IsUnsettled || HasOrphanedDefault())
        {
            Settle();
        }
    }

    private bool HasOrphanedDefault()
        => Store.Networks().Any(n => n.IsDefault) && Store.Containers().All(c => c.Options.Network != NetworkNames.Bridge);

    /// <summary>One host has the containers of one folder: two would each replace the other's table.</summary>
    private void CheckHost()
    {
        if (Store.Containers().FirstOrDefault(c => c.IsLive && c.BootId == Boot.Id && c.HostNamespace != Host.Id && c.Supervisor.IsAlive()) is { } elsewhere)
        {
            throw new ContainerException(
                $"the containers of {Store.Folder} are in another network namespace than this ({elsewhere.Name} is one)", "run this there, or set XDG_STATE_HOME to another folder");
        }

        using var nftables = NftablesSocket.Open(Host.Network);
        if (nftables.Tables().FirstOrDefault(t => t is { Family: NftFamily.Inet, Name: Naming.Table }) is { Comment: { } comment }
            && RunTable.FolderOf(comment) is { } folder && folder != RunTable.Shown(Store.Folder) && Directory.Exists(Path.Combine(folder, "networks")))
        {
            throw new ContainerException(
                $"containers of another state folder are on this host: {folder}", $"set XDG_STATE_HOME so that it is used, or remove them with 'fairlead cleanup' there");
        }
    }
}
