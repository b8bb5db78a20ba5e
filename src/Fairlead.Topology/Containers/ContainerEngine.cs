using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Fairlead.Topology.Containers.Logs;
using Fairlead.Topology.Containers.State;

namespace Fairlead.Topology.Containers;

/// <summary>Runs, lists, stops and removes containers: programs of the host's file system in namespaces of their own.</summary>
public sealed class ContainerEngine(ContainerHost surroundings)
{
    private static readonly TimeSpan s_supervisorPatience = TimeSpan.FromSeconds(10);

    /// <summary>The containers that this very process supervises.</summary>
    private readonly ConcurrentDictionary<string, RunningContainer> _supervised = new(StringComparer.Ordinal);

    /// <summary>Refuses what could never be run, before anything is looked at.</summary>
    public static void Check(ContainerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Command.Count == 0)
        {
            throw ContainerException.Usage("no command is given", "fairlead run [OPTIONS] -- COMMAND [ARGUMENTS]");
        }

        if (options.Name is { } name)
        {
            Naming.Check("--name", name);
        }

        if (options.HostName is { } host)
        {
            Naming.CheckHost("--hostname", host);
        }

        foreach (var alias in options.Aliases)
        {
            Naming.CheckHost("--network-alias", alias);
        }

        if (options.Dns.FirstOrDefault(d => !System.Net.IPAddress.TryParse(d, out _)) is { } dns)
        {
            throw ContainerException.Usage($"--dns '{dns}' is not an address");
        }

        if (options.Aliases.Count > 0 && NetworkNames.IsPredefined(options.Network))
        {
            throw ContainerException.Usage($"--network-alias with --network {options.Network}: its members are not found by name", "fairlead network create NAME, and --network NAME");
        }

        var ports = options.Ports.Where(p => p.HostPort > 0).ToList();
        for (var i = 0; i < ports.Count; i++)
        {
            if (ports.Take(i).FirstOrDefault(p => p.MeetsHostPortOf(ports[i])) is not null)
            {
                throw ContainerException.Usage($"port {ports[i].HostSide} of the host is published twice");
            }
        }
    }

    /// <summary>Starts a container; this process is its supervisor from now on.</summary>
    /// <param name="options">What is asked.</param>
    /// <param name="attached">What it reads and writes; where null its output goes to its log.</param>
    /// <param name="explain">Told of each step.</param>
    /// <param name="ct">Ends the waiting for the right to begin.</param>
    public async Task<RunningContainer> StartAsync(ContainerOptions options, ContainerStreams? attached, Action<ExplainedStep>? explain, CancellationToken ct)
    {
        Check(options);
        if (attached is { } streams)
        {
            return await StartAsync(options, explain, streams.Input, streams.Output, streams.Error, _ => (null, []), ct);
        }

        using var output = new OutputPipe();
        using var error = new OutputPipe();
        return await StartAsync(
            options, explain, null, output.Writer, error.Writer,
            id =>
            {
                var log = ContainerLog.Create(surroundings.Store().LogOf(id));
                return (log,
                [
                    new LogLineWriter(log, "stdout", surroundings.Time).PumpAsync(output.TakeReader(), CancellationToken.None),
                    new LogLineWriter(log, "stderr", surroundings.Time).PumpAsync(error.TakeReader(), CancellationToken.None),
                ]);
            },
            ct);
    }

    /// <summary>All containers as they are; with the right to it, what killed processes left is healed before.</summary>
    public async Task<IReadOnlyList<ContainerRecord>> ListAsync(CancellationToken ct)
    {
        var store = surroundings.Store();
        if (Environment.IsPrivilegedProcess && Directory.Exists(store.Folder))
        {
            using var change = await ContainerChange.BeginAsync(surroundings, ct);
            return change.Store.Containers();
        }

        return store.Containers();
    }

    /// <summary>The container of a name, an id, or the beginning of one.</summary>
    public async Task<ContainerRecord> GetAsync(string name, CancellationToken ct) => Find(await ListAsync(ct), name);

    /// <summary>Asks a container to end, and ends it where it has not after the grace period.</summary>
    /// <returns>False where it had ended already.</returns>
    public async Task<bool> StopAsync(string name, TimeSpan grace, CancellationToken ct)
    {
        Privilege.Check();
        var container = await GetAsync(name, ct);
        if (!container.IsLive)
        {
            return false;
        }

        await EndAsync(container, grace, ct);
        return true;
    }

    /// <summary>Removes a container that has ended; with <paramref name="force"/> it is ended before.</summary>
    public async Task RemoveAsync(string name, bool force, CancellationToken ct)
    {
        Privilege.Check();
        var container = await GetAsync(name, ct);
        if (container.IsLive)
        {
            if (!force)
            {
                throw new ContainerException($"container '{container.Name}' is running", $"fairlead stop {container.Name}, or fairlead rm -f {container.Name}");
            }

            await EndAsync(container, TimeSpan.Zero, ct);
        }

        using var change = await ContainerChange.BeginAsync(surroundings, ct);
        if (change.Store.Containers().FirstOrDefault(c => c.Id == container.Id) is { } left)
        {
            change.Store.Delete(left);
            change.Settle();
        }
    }

    /// <summary>Removes every container and network, and says what it removed.</summary>
    public async Task<IReadOnlyList<string>> RemoveAllAsync(CancellationToken ct)
    {
        var removed = new List<string>();
        if (!Directory.Exists(surroundings.StateFolder))
        {
            return removed;
        }

        foreach (var container in await ListAsync(ct))
        {
            await RemoveAsync(container.Id, force: true, ct);
            removed.Add($"container '{container.Name}'");
        }

        using (var change = await ContainerChange.BeginAsync(surroundings, ct))
        {
            foreach (var network in change.Store.Networks())
            {
                change.RemoveNetwork(network);
                removed.Add($"network '{network.Name}'");
            }

            change.Settle();
        }

        Directory.Delete(surroundings.StateFolder, recursive: true);
        return removed;
    }

    /// <summary>The container that a name means.</summary>
    internal static ContainerRecord Find(IReadOnlyList<ContainerRecord> containers, string name)
    {
        if (containers.FirstOrDefault(c => c.Name == name || c.Id == name) is { } exact)
        {
            return exact;
        }

        var byId = containers.Where(c => name.Length >= 3 && c.Id.StartsWith(name, StringComparison.Ordinal)).ToList();
        return byId.Count switch
        {
            1 => byId[0],
            0 => throw new ContainerException($"there is no container '{name}'", "fairlead ps -a"),
            _ => throw new ContainerException($"'{name}' is the beginning of the ids of {string.Join(", ", byId.Select(c => c.Name))}", "give more of it"),
        };
    }

    private async Task<RunningContainer> StartAsync(
        ContainerOptions options, Action<ExplainedStep>? explain, SafeHandle? input, SafeHandle output, SafeHandle error,
        Func<string, (ContainerLog? Log, Task[] Pumps)> follow, CancellationToken ct)
    {
        StartedContainer started;
        using (var change = await ContainerChange.BeginAsync(surroundings, ct))
        {
            started = await new ContainerStart(surroundings, change, new Explanation(explain)).RunAsync(options, input, output, error, ct);
        }

        var (log, pumps) = follow(started.Record.Id);
        return _supervised[started.Record.Id] = new RunningContainer(surroundings, started, log, pumps);
    }

    /// <summary>Its supervisor sees the end and cleans up. One that does not, is ended too, and we clean up.</summary>
    private async Task EndAsync(ContainerRecord container, TimeSpan grace, CancellationToken ct)
    {
        if (_supervised.TryGetValue(container.Id, out var own))
        {
            await own.StopAsync(grace);
            await own.Exited.WaitAsync(ct);
            return;
        }

        using (var process = container.Process?.Open())
        {
            if (process is not null)
            {
                await process.StopAsync(grace, surroundings.Time, ct);
            }
        }

        using var supervisor = container.Supervisor.Open();
        if (supervisor is null)
        {
            return;
        }

        await ((Task)supervisor.WaitAsync(ct)).WaitAsync(s_supervisorPatience, surroundings.Time, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        ct.ThrowIfCancellationRequested();
        if (supervisor.Kill())
        {
            await supervisor.WaitAsync(ct);
        }
    }
}

/// <summary>What an attached container reads and writes.</summary>
public sealed record ContainerStreams(SafeHandle Input, SafeHandle Output, SafeHandle Error);
