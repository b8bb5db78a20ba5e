using System.Collections.Immutable;
using Fairlead.Linux;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;
using Fairlead.Topology.Checks;
using Fairlead.Topology.Kernel;
using Fairlead.Topology.Plans;
using Fairlead.Topology.State;

namespace Fairlead.Topology;

/// <summary>Makes the kernel match a <see cref="NetworkTopology"/>, and removes one again.</summary>
/// <remarks>
/// It touches what carries the topology's mark and nothing else: something of others in the way is an error before anything changes.
/// If a step fails, what was there before is put back. A process that is killed at any moment leaves what the next apply or
/// delete finds by its marks. The caller holds <see cref="TopologyStore.LockAsync"/> where others may work on the same topology.
/// </remarks>
/// <param name="store">Where it is noted what was made; without one the machine's own settings are not put back.</param>
/// <param name="progress">Told now and then how far it is.</param>
public sealed class TopologyReconciler(TopologyStore? store = null, Action<string>? progress = null)
{
    /// <summary>A change may take along what was right: the kernel drops routes with their addresses. So it is looked again.</summary>
    private const int MaxRounds = 4;

    /// <summary>The steps to a topology, of which none is taken.</summary>
    /// <exception cref="TopologyException">It cannot be, or something of others is in the way.</exception>
    public TopologyPlan Plan(NetworkTopology topology, PersistOptions? persist = null) => Prepare(topology, persist).WholePlan;

    /// <summary>Makes the kernel match the topology.</summary>
    /// <returns>The steps that were taken.</returns>
    /// <exception cref="TopologyException">It cannot be, or something of others is in the way; nothing was changed.</exception>
    /// <exception cref="LinuxException">The kernel refused a step; all is as it was before.</exception>
    public TopologyPlan Apply(NetworkTopology topology, PersistOptions? persist = null, CancellationToken ct = default)
    {
        var work = Prepare(topology, persist);
        var done = new TopologyRecord(
            topology.Name,
            NamespacesOf(work.Desired),
            work.Machine.Settings,
            MachineSettings.Borrow(work.Former, work.Machine.Settings, work.ActualMachine.Settings).RemoveRange(work.PutBack.Keys).RemoveRange(work.HandedOn),
            MachineSettings.Boot(),
            [.. work.Files.Select(f => f.Path)]);
        if (work.WholePlan.IsEmpty && work.Record is { } last && IsSame(last, done))
        {
            return work.Plan;
        }

        // Before anything is made it is noted where to look for it, and what the machine's settings were.
        store?.Write(done with
        {
            Namespaces = Both(done.Namespaces, work.Record?.Namespaces),
            Former = done.Former.SetItems(work.Former),
            Persisted = [.. done.Persisted.Union(work.Record?.Persisted ?? [], StringComparer.Ordinal)],
        });
        try
        {
            Run(work, ct);
            FilePlanner.Run(work.FileSteps);
        }
        catch (Exception failure)
        {
            Undo(work, failure);
            throw;
        }

        RemoveLeftovers(work);
        foreach (var heir in work.Heirs)
        {
            store?.Write(heir);
        }

        store?.Write(done);
        return work.WholePlan;
    }

    /// <summary>The steps that would remove a topology.</summary>
    public TopologyPlan PlanDeletion(string name, NetworkTopology? topology = null) => PrepareDeletion(name, topology).WholePlan;

    /// <summary>Removes everything of the topology that is there; what is gone already is fine.</summary>
    /// <returns>The steps that were taken.</returns>
    public TopologyPlan Delete(NetworkTopology topology, CancellationToken ct = default) => Delete(topology?.Name ?? "", topology, ct);

    /// <summary>Removes everything that carries the topology's mark.</summary>
    /// <param name="name">The topology.</param>
    /// <param name="topology">Its description, where there is one: says where to look besides what is noted.</param>
    /// <param name="ct">Stops between two steps; what is left can be deleted again.</param>
    public TopologyPlan Delete(string name, NetworkTopology? topology = null, CancellationToken ct = default)
    {
        var work = PrepareDeletion(name, topology);

        // First what would bring it back.
        FilePlanner.Run(work.FileSteps);
        Run(work, ct);
        RemoveLeftovers(work);
        foreach (var heir in work.Heirs)
        {
            store?.Write(heir);
        }

        store?.Remove(name);
        return work.WholePlan;
    }

    /// <summary>Whether a text can name a topology of a person's.</summary>
    public static bool IsName(string name) => HostChecks.IsName(name);

    /// <summary>Whether anything is noted of a topology.</summary>
    public bool IsNoted(string name) => store?.Read(name) is not null;

    private static OwnershipMark MarkOf(string topology)
    {
        using var machine = NetworkNamespace.Current();
        return new OwnershipMark(topology, machine.Inode);
    }

    private static ImmutableSortedDictionary<string, string> NamespacesOf(IEnumerable<HostState> hosts)
        => hosts.Where(h => !h.IsMachine).ToImmutableSortedDictionary(h => h.Name, h => h.Namespace!, StringComparer.Ordinal);

    /// <summary>The namespaces of now and of before; a host that has moved to another has two for a while.</summary>
    private static ImmutableSortedDictionary<string, string> Both(ImmutableSortedDictionary<string, string> now, ImmutableSortedDictionary<string, string>? before)
        => now.SetItems((before ?? HostState.NoSettings).Where(n => !now.ContainsValue(n.Value))
            .Select(n => now.ContainsKey(n.Key) ? KeyValuePair.Create($"{n.Key} in {n.Value}", n.Value) : n));

    private static bool IsSame(TopologyRecord a, TopologyRecord b)
        => a.Boot == b.Boot && a.Namespaces.SequenceEqual(b.Namespaces) && a.Settings.SequenceEqual(b.Settings) && a.Former.SequenceEqual(b.Former)
            && a.Persisted.SequenceEqual(b.Persisted, StringComparer.Ordinal);

    private Work Prepare(NetworkTopology topology, PersistOptions? persist)
    {
        ArgumentNullException.ThrowIfNull(topology);
        var (desired, diagnostics) = TopologyCompiler.Compile(topology);
        return diagnostics.IsEmpty ? Prepare(topology.Name, desired, [], topology, persist) : throw new TopologyException(null, diagnostics);
    }

    private Work PrepareDeletion(string name, NetworkTopology? topology)
    {
        var known = (topology?.Hosts ?? []).Where(h => h.Namespace is not null).Select(h => (h.Name, h.Namespace!)).ToList();
        if (store?.Read(name) is null && topology is null)
        {
            known.AddRange(FindNamespaces(MarkOf(name)));
        }

        return Prepare(name, [], known, topology, null);
    }

    private Work Prepare(
        string name, ImmutableArray<HostState> desired, IEnumerable<(string Host, string Namespace)> alsoThere, NetworkTopology? topology, PersistOptions? persist)
    {
        var mark = MarkOf(name);
        var record = store?.Read(name);
        var former = MachineSettings.FormerOf(record);
        var machine = desired.FirstOrDefault(h => h.IsMachine) ?? new HostState(topology?.Hosts.FirstOrDefault(h => h.IsMachine)?.Name ?? TopologyHost.Machine, null);
        var (putBack, heirs) = MachineSettings.Release(store, name, former.RemoveRange(machine.Settings.Keys));
        desired = [machine with { Settings = machine.Settings.SetItems(putBack) }, .. desired.Where(h => !h.IsMachine)];

        // The same namespace may have been another host's.
        var spaces = desired.Select(h => h.Namespace).ToHashSet(StringComparer.Ordinal);
        var others = (record?.Namespaces.Select(n => (n.Key, n.Value)) ?? []).Concat(alsoThere).Where(n => spaces.Add(n.Item2)).ToList();
        var actual = Read();
        var written = record?.Persisted ?? [];
        ImmutableArray<PersistedFile> files = persist is not null && (persist.IsAsked || !written.IsEmpty) ? persist.FilesOf(name, machine.Settings) : [];
        var fileSteps = FilePlanner.Plan(machine.Name, files, written);
        if (TopologyPlanner.Conflicts(desired, actual, mark).AddRange(FilePlanner.Conflicts(fileSteps)) is { IsEmpty: false } conflicts)
        {
            throw new TopologyException(null, conflicts) { IsInvalid = false };
        }

        return new Work(
            mark, record, former, putBack, [.. former.Keys.Where(k => !putBack.ContainsKey(k) && !machine.Settings.ContainsKey(k))], heirs, desired, machine, actual, Read,
            TopologyPlanner.Plan(desired, actual, mark), files, fileSteps);

        ImmutableArray<HostActual> Read() => TopologyReader.Read(mark,
            [
                .. desired.Select(h => (h.Name, h.Namespace, h.Settings.Keys.ToImmutableArray())),
                .. others.Select(o => (o.Item1, (string?)o.Item2, ImmutableArray<string>.Empty)),
            ]);
    }

    private void Run(Work work, CancellationToken ct)
    {
        var plan = work.Plan;
        for (var round = 1; !plan.IsEmpty; round++)
        {
            if (round > MaxRounds)
            {
                throw new IOException($"somebody else keeps changing the topology {work.Mark.Topology}: still to do is\n{plan}");
            }

            Run(work, work.Desired, work.Actual, plan, ct);

            // Where all was only made, all is as it was asked for.
            plan = plan.Steps.Any(s => s.Sign is '~' or '-') ? TopologyPlanner.Plan(work.Desired, work.Read(), work.Mark) : new([]);
        }
    }

    private void Run(Work work, ImmutableArray<HostState> desired, ImmutableArray<HostActual> actual, TopologyPlan plan, CancellationToken ct)
        => new PlanRunner(work.Mark, desired, progress, ct).Run(
            plan, actual.DistinctBy(a => a.State.Name, StringComparer.Ordinal).ToDictionary(a => a.State.Name, a => a.State.Namespace, StringComparer.Ordinal));

    /// <summary>Goes back to what was read before the first step, by a plan like any other.</summary>
    private void Undo(Work work, Exception failure)
    {
        ImmutableArray<HostState> before = [.. work.Actual.Where(a => a is { Exists: true, ForeignOwner: null }).Select(a => a.State)];
        try
        {
            FilePlanner.Undo(work.FileSteps);
            for (var round = 1; round <= MaxRounds; round++)
            {
                var now = work.Read();
                var plan = TopologyPlanner.Plan(before, now, work.Mark);
                if (plan.IsEmpty)
                {
                    break;
                }

                Run(work, before, now, plan, CancellationToken.None);
            }
        }
        catch (Exception e) when (e is IOException or TopologyException)
        {
            throw new IOException($"{failure.Message}; and not all could be put back: {e.Message}", failure);
        }

        if (work.Record is { } record)
        {
            store?.Write(record);
        }
        else
        {
            store?.Remove(work.Mark.Topology);
        }
    }

    /// <summary>Removes the empty files, which are no namespaces, that a creation or removal left when it was killed.</summary>
    private static void RemoveLeftovers(Work work)
    {
        foreach (var host in work.Actual.Where(a => !a.Exists && a.State.Namespace is not null))
        {
            _ = NetworkNamespace.DeleteLeftover(host.State.Namespace!);
        }
    }

    /// <summary>Looks for the mark in every named namespace.</summary>
    private static IEnumerable<(string Host, string Namespace)> FindNamespaces(OwnershipMark mark)
    {
        foreach (var name in NetworkNamespace.List())
        {
            var isOurs = false;
            try
            {
                using var network = NetworkNamespace.Open(name);
                using var socket = RouteSocket.Open(network);
                isOurs = mark.OwnsNamespace(socket.FindLink("lo")?.Alias);
            }
            catch (LinuxException e) when (e.IsNotFound || e.Errno == Errno.Invalid)
            {
                // Gone meanwhile.
            }

            if (isOurs)
            {
                yield return (name, name);
            }
        }
    }

    /// <summary>What is to be done, and what was found.</summary>
    private sealed record Work(
        OwnershipMark Mark,
        TopologyRecord? Record,
        ImmutableSortedDictionary<string, string> Former,
        ImmutableSortedDictionary<string, string> PutBack,
        ImmutableArray<string> HandedOn,
        ImmutableArray<TopologyRecord> Heirs,
        ImmutableArray<HostState> Desired,
        HostState Machine,
        ImmutableArray<HostActual> Actual,
        Func<ImmutableArray<HostActual>> Read,
        TopologyPlan Plan,
        ImmutableArray<PersistedFile> Files,
        ImmutableArray<TopologyStep> FileSteps)
    {
        public TopologyPlan WholePlan => new(Plan.Steps.AddRange(FileSteps));

        public HostState ActualMachine => Actual.First(a => a.State.IsMachine).State;
    }
}
