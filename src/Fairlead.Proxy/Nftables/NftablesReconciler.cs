using System.Net;
using Fairlead.Core.Services;
using Fairlead.Core.State;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Fairlead.Linux;
using Fairlead.Linux.Nftables;
using Fairlead.Proxy.Conntrack;
using Microsoft.Extensions.Logging;

namespace Fairlead.Proxy.Nftables;

/// <summary>Keeps the table <c>fairlead-proxy</c> as the service table says.</summary>
/// <remarks>
/// A change costs its own elements in one transaction. What the kernel holds is read at the start and when somebody else may have
/// changed it, and then only differences are written too: an agent that starts anew changes nothing that was right. Connections
/// are never touched, but for UDP flows to endpoints that are gone.
/// Not for several threads at once: one loop owns it.
/// </remarks>
internal sealed partial class NftablesReconciler : IReconciler<ServiceTable>, IDisposable
{
    private const int Attempts = 5;

    private readonly ServiceProxyOptions _options;
    private readonly IPFamily _family;
    private readonly NftablesLayout _layout;
    private readonly FrontendIndex _desired;
    private readonly ILogger<NftablesReconciler> _logger;

    /// <summary>What the kernel holds; null while that is not known.</summary>
    private NftablesImage? _actual;

    /// <summary>The generation that the kernel is at if nobody but us changed anything since the table was last read.</summary>
    private uint _generation;

    /// <summary>Kept open: closing one makes the kernel wait until all that its last transaction removed is freed, 16 ms and more.</summary>
    private NftablesSocket? _socket;

    public NftablesReconciler(ServiceProxyOptions options, IPFamily family = IPFamily.IPv4)
    {
        (_options, _family) = (options, family);
        _layout = new(family, Of(options.ClusterCidrs, family), Of(options.ServiceCidrs, family));
        _desired = new(family);
        _logger = options.Loggers.CreateLogger<NftablesReconciler>();
    }

    public string Name => "services";

    /// <summary>What the kernel names our changes with; 0, which no socket of a process has, before the first.</summary>
    internal uint PortId => Volatile.Read(ref _socket)?.PortId ?? 0;

    public Task ReconcileAsync(ServiceTable desired, CancellationToken ct)
    {
        if (!desired.IsKnown)
        {
            return Task.CompletedTask;
        }

        var start = _options.Time.GetTimestamp();
        var before = _desired.Table;
        var touched = new Touched();
        _desired.Update(desired, touched);
        var full = _actual is null || ReferenceEquals(before, desired);
        try
        {
            var socket = _socket ??= NftablesSocket.Open(_options.Network);
            if (_actual is null || (ReferenceEquals(before, desired) && socket.Generation() != _generation))
            {
                Compare(socket);
            }
            else
            {
                Change(socket, touched);
            }
        }
        catch
        {
            Dispose();
            Telemetry.SyncFailures.Add(1);
            throw;
        }

        Measure(desired, before, start, full);
        return Task.CompletedTask;
    }

    public Task CleanAsync(CancellationToken ct)
    {
        using var socket = NftablesSocket.Open(_options.Network);
        if (socket.HasTable(_layout.Family, NftablesLayout.Table))
        {
            socket.Commit(new NftTransaction(_layout.Family, NftablesLayout.Table).Add(new DeleteTable()));
        }

        Dispose();
        return Task.CompletedTask;
    }

    /// <summary>Forgets what is known; the kernel keeps its table.</summary>
    public void Dispose()
    {
        _socket?.Dispose();
        (_socket, _actual) = (null, null);
    }

    /// <summary>Writes what changed, on top of what is known to be there.</summary>
    private void Change(NftablesSocket socket, Touched touched)
    {
        var plan = NftablesPlanner.Plan(_desired, touched, _actual!);
        if (plan.IsEmpty)
        {
            return;
        }

        try
        {
            Write(socket, plan, _actual!, null);
        }
        catch (LinuxException e)
        {
            // The table is not what it was taken for: somebody else was there.
            LogSurprised(e.Message);
            Compare(socket);
        }
    }

    /// <summary>Reads what is there and writes the differences, or everything where it cannot be made sense of.</summary>
    private void Compare(NftablesSocket socket)
    {
        for (var attempt = 1; ; attempt++)
        {
            var generation = socket.Generation();
            var actual = Read(socket);
            var image = actual ?? new NftablesImage();
            var plan = NftablesPlanner.Plan(_desired, Touched.All(_desired, image), image);
            if (actual is not null && plan.IsEmpty)
            {
                (_actual, _generation) = (image, generation);
                return;
            }

            try
            {
                if (actual is null)
                {
                    Commit(socket, Renew(socket, plan), plan, image, generation);
                }
                else
                {
                    Write(socket, plan, image, generation);
                }

                return;
            }
            catch (LinuxException e) when (e.Errno == Errno.Restart && attempt < Attempts)
            {
                // Somebody changed something between the reading and the writing.
            }
        }
    }

    private NftTransaction Renew(NftablesSocket socket, NftablesPlan plan) => NftRewrite.Plan(
        NftablesEncoding.Constant(_layout, []).Add(plan, _layout),
        socket.Chains(_layout.Family, NftablesLayout.Table),
        socket.Sets(_layout.Family, NftablesLayout.Table));

    /// <summary>Writes the plan, new chains in a transaction of their own.</summary>
    /// <remarks>
    /// A packet keeps the generation of rules that it began with, but sees the elements of now: an element that comes together with
    /// the chain it leads to would lead the packet into a chain without rules, and out again as if nobody served it.
    /// </remarks>
    private void Write(NftablesSocket socket, NftablesPlan plan, NftablesImage image, uint? generation)
    {
        if (!plan.NewChains.IsEmpty)
        {
            socket.Commit(Transaction().AddRange(plan.NewChains.SelectMany(_layout.ChainOf)), generation);
            generation = generation is { } before ? Next(before) : null;
            _generation = Next(_generation);
            plan = plan with { NewChains = [] };
        }

        Commit(socket, Transaction().Add(plan, _layout), plan, image, generation);
    }

    private void Commit(NftablesSocket socket, NftTransaction transaction, NftablesPlan plan, NftablesImage image, uint? generation)
    {
        socket.Commit(transaction, generation);
        image.Apply(plan);
        _actual = image;

        // One of ours is one more. Asking the kernel would count what others did meanwhile as ours, and never look at it.
        _generation = Next(generation ?? _generation);
        LogApplied(plan.Frontends.Length, transaction.Operations.Count, _desired.Table.Services.Count);
        Telemetry.ConntrackDeleted.Add(StaleFlows.Cut(plan, image, _options.Network));
    }

    /// <summary>The generation after this one; the kernel leaves 0 out.</summary>
    private static uint Next(uint generation) => generation == uint.MaxValue ? 1 : generation + 1;

    private NftTransaction Transaction() => new(_layout.Family, NftablesLayout.Table);

    /// <summary>The table as the kernel has it; null where there is none, or one of another layout, or one that was tampered with.</summary>
    private NftablesImage? Read(NftablesSocket socket)
    {
        if (!socket.HasTable(_layout.Family, NftablesLayout.Table))
        {
            return null;
        }

        var chains = socket.Chains(_layout.Family, NftablesLayout.Table);
        var names = chains.Select(c => c.Name).ToList();
        var (sets, rules) = (socket.Sets(_layout.Family, NftablesLayout.Table), socket.Rules(_layout.Family, NftablesLayout.Table));
        if (NftRewrite.IsInForce(NftablesEncoding.Constant(_layout, names), chains, sets, rules) && ReadElements(socket, names) is { } image)
        {
            return image;
        }

        LogRenewing(NftablesLayout.Table);
        return null;
    }

    /// <summary>The elements; null where some are missing that others lead to.</summary>
    private NftablesImage? ReadElements(NftablesSocket socket, IReadOnlyList<string> chains)
    {
        // A list that is read while the kernel moves a set to another table of its own may lack some: once is no proof.
        for (var attempt = 1; attempt <= Attempts; attempt++)
        {
            try
            {
                return NftablesEncoding.Read(_layout, chains, set => socket.Elements(_layout.Family, NftablesLayout.Table, set));
            }
            catch (TamperedTableException)
            {
                // Once more, or as it says above.
            }
        }

        return null;
    }

    private void Measure(ServiceTable desired, ServiceTable before, long start, bool full)
    {
        var seconds = _options.Time.GetElapsedTime(start).TotalSeconds;
        var now = _options.Time.GetUtcNow();
        var tag = new KeyValuePair<string, object?>("ip_family", _family == IPFamily.IPv4 ? "IPv4" : "IPv6");
        Telemetry.Sync.Record(seconds, tag);
        (full ? Telemetry.FullSync : Telemetry.PartialSync).Record(seconds, tag);
        Telemetry.LastSync.Record(now.ToUnixTimeMilliseconds() / 1000.0, tag);
        if (!before.IsKnown)
        {
            // What happened before the start was not this program's to be quick with.
            return;
        }

        var changed = desired.ChangedSince(before);
        Telemetry.ServiceChanges.Add(changed.Count);
        foreach (var key in changed)
        {
            if (Triggered(desired, key) is { } trigger && trigger != Triggered(before, key))
            {
                Telemetry.Programming.Record((now - trigger).TotalSeconds, tag);
            }
        }
    }

    private static IPNetwork? Of(EquatableArray<IPNetwork> ranges, IPFamily family)
        => ranges.Where(r => r.BaseAddress.Family == family).Select(r => (IPNetwork?)r).FirstOrDefault();

    private static DateTimeOffset? Triggered(ServiceTable table, ObjectKey key) => table.Services.GetValueOrDefault(key)?.Triggered;

    [LoggerMessage(LogLevel.Debug, "Services: {Frontends} frontends changed by {Operations} operations; {Services} services in the table")]
    private partial void LogApplied(int frontends, int operations, int services);

    [LoggerMessage(LogLevel.Warning, "The service table in the kernel is not as it was left ({Problem}): comparing all of it")]
    private partial void LogSurprised(string problem);

    [LoggerMessage(LogLevel.Warning, "Table {Table} is of another version, of other ranges, or was changed by somebody else: writing all of it")]
    private partial void LogRenewing(string table);
}
