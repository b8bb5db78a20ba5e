using Fairlead.Agent;
using Fairlead.CommandLine;
using Fairlead.Containers;
using Fairlead.Lab;
using Fairlead.Topology;
using Fairlead.Topology.State;

namespace Fairlead.Commands;

/// <summary><c>fairlead cleanup</c>: removes everything of Fairlead's from this host, and says what.</summary>
internal sealed class CleanupCommand : FairleadCommand
{
    private readonly TimeProvider _time;

    public CleanupCommand(TimeProvider time)
        : base("cleanup", "Removes everything of Fairlead's from this host: every lab, every topology of fairlead net, and what an agent made in the host's own network.")
    {
        _time = time;
        SetAction((_, ct) => RunAsync(ct));
    }

    public override IReadOnlyList<(string CommandLine, string What)> Examples =>
        [("fairlead cleanup", "what is not Fairlead's by its mark (nftables tables, route protocol, names of links and namespaces) is left alone")];

    private async Task<int> RunAsync(CancellationToken ct)
    {
        if (!Environment.IsPrivilegedProcess)
        {
            throw new LabException("namespaces, links and rules are root's", "sudo fairlead cleanup");
        }

        foreach (var lab in LabPaths.All(LabPaths.StateRoot()))
        {
            await LabControl.DownAsync(lab, _time, ct);
            Console.Out.WriteLine($"removed lab '{lab.Name}'");
        }

        var store = TopologyStore.Default();
        foreach (var topology in store.Names())
        {
            using var held = await store.LockAsync(topology, _time, ct);
            _ = new TopologyReconciler(store).Delete(topology, null, ct);
            Console.Out.WriteLine($"removed topology '{topology}'");
        }

        foreach (var removed in await ContainerRole.Engine(_time).RemoveAllAsync(ct))
        {
            Console.Out.WriteLine($"removed {removed}");
        }

        return await RoleRun.RunAsync("cleanup", logging => AgentRole.RunAsync(new AgentOptions { Cleanup = true, Loggers = logging }, ct));
    }
}
