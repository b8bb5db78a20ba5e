using System.Buffers;
using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Fairlead.Linux.Namespaces;

namespace Fairlead.Linux.Netlink.Route;

/// <summary>Links, addresses, routes, neighbours and rules of one network namespace.</summary>
/// <remarks>
/// Calls are synchronous, as the kernel's answers are, and safe from several threads. Lists are read again where the table changed
/// while it was read. Deletions of what is not there throw with <see cref="LinuxException.IsNotFound"/>; the <c>Try…</c> forms say so.
/// </remarks>
public sealed class RouteSocket : IDisposable
{
    /// <summary>What is sent at once fits the send buffer that a socket has by itself.</summary>
    private const int MaxBytesAtOnce = 128 * 1024;

    private const int MaxOperationsAtOnce = 1000;

    private readonly NetlinkSocket _socket;

    private RouteSocket(NetlinkSocket socket) => _socket = socket;

    /// <summary>Opens a socket in a namespace, or in the calling thread's.</summary>
    public static RouteSocket Open(NetworkNamespace? network = null) => new(NetlinkSocket.Open(NetlinkProtocol.Route, network));

    /// <param name="statistics">Also what went through each.</param>
    public IReadOnlyList<Link> Links(bool statistics = false)
        => _socket.Dump<Link>("link list", LinkMessages.WriteDump, statistics ? LinkMessages.ReadWithStatistics : LinkMessages.Read);

    /// <summary>Gives each interface to the visitor as it comes, and keeps none.</summary>
    /// <returns>Whether they are of one moment; where the table changed meanwhile one may be missing or given twice.</returns>
    public bool VisitLinks(LinkVisitor visit)
    {
        ArgumentNullException.ThrowIfNull(visit);
        using var batch = _socket.NewBatch();
        LinkMessages.WriteDump(batch);
        return _socket.Request("link list", batch, message =>
        {
            if (LinkView.TryRead(message, out var view))
            {
                visit(view);
            }
        });
    }

    /// <summary>Finds an interface by name or alternative name.</summary>
    public Link? FindLink(string name, bool statistics = false)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return FindLink(0, name, statistics);
    }

    public Link? FindLink(int index, bool statistics = false) => FindLink(index, null, statistics);

    /// <summary>As <see cref="FindLink(string, bool)"/>, but throws where there is none.</summary>
    public Link GetLink(string name) => FindLink(name) ?? throw new LinuxException($"link {name}", Errno.NoDevice);

    public Link GetLink(int index) => FindLink(index) ?? throw new LinuxException($"link {index}", Errno.NoDevice);

    /// <summary>Creates an interface and gives it as the kernel made it.</summary>
    public Link CreateLink(LinkSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        ForeignLink.Create(this, spec);
        if (spec is VethSpec { PeerUp: true } veth)
        {
            using var own = veth.PeerNamespace is null ? NetworkNamespace.OfSocket(_socket.Handle) : null;
            using var other = Open(veth.PeerNamespace ?? own);
            other.SetUp(other.GetLink(veth.PeerName).Index);
        }

        if (spec.Namespace is { } network)
        {
            using var there = Open(network);
            return there.GetLink(spec.Name);
        }

        return GetLink(spec.Name);
    }

    public Link CreateBridge(BridgeSpec spec) => CreateLink(spec);

    /// <summary>Creates a veth pair.</summary>
    /// <returns>The near end.</returns>
    public Link CreateVeth(VethSpec spec) => CreateLink(spec);

    public Link CreateVxlan(VxlanSpec spec) => CreateLink(spec);

    public Link CreateDummy(DummySpec spec) => CreateLink(spec);

    public Link CreateMacvlan(MacvlanSpec spec) => CreateLink(spec);

    public Link CreateIfb(IfbSpec spec) => CreateLink(spec);

    public Link CreateVlan(VlanSpec spec) => CreateLink(spec);

    public Link CreateIpvlan(IpvlanSpec spec) => CreateLink(spec);

    public Link CreateVrf(VrfSpec spec) => CreateLink(spec);

    public void SetLink(int link, LinkChange change) => Do(new SetLink(link, change));

    public void SetUp(int link) => SetLink(link, new() { Up = true });

    public void DeleteLink(int link) => Do(new DeleteLink(link));

    /// <summary>Removes an interface by name or alternative name.</summary>
    /// <returns>Whether there was one.</returns>
    public bool TryDeleteLink(string name) => FindLink(name) is { } link && Try(new DeleteLink(link.Index));

    public void AddAltName(int link, string name) => Do(new AddAltName(link, name));

    public void DeleteAltName(int link, string name) => Do(new DeleteAltName(link, name));

    /// <summary>The VLANs of the ports of bridges and of bridges themselves; none where the kernel has no VLAN filtering.</summary>
    public IReadOnlyList<PortVlan> PortVlans(int? link = null)
        => [.. _socket.Dump("bridge vlan list", LinkMessages.WritePortVlanDump, LinkMessages.ReadPortVlans)
            .SelectMany(v => v).Where(v => link is null || v.Link == link)];

    public void AddPortVlan(PortVlan vlan) => Do(new AddPortVlan(vlan));

    public bool TryDeletePortVlan(PortVlan vlan) => Try(new DeletePortVlan(vlan));

    /// <summary>The number by which links here speak of another namespace (<see cref="Link.PeerNamespaceId"/>); null where none does.</summary>
    public int? FindNamespaceId(NetworkNamespace other)
    {
        ArgumentNullException.ThrowIfNull(other);
        using var batch = _socket.NewBatch();
        NamespaceIdMessages.WriteQuery(batch, other.Descriptor);
        int? found = null;
        _ = _socket.Request($"namespace id of {other}", batch, message => found = NamespaceIdMessages.Read(message) ?? found);
        return found;
    }

    /// <summary>The addresses of one interface, or of all.</summary>
    public IReadOnlyList<LinkAddress> Addresses(int? link = null)
        => [.. _socket.Dump("address list", b => AddressMessages.WriteDump(b, link ?? 0), AddressMessages.Read).Where(a => link is null || a.Link == link)];

    /// <summary>Gives each address to the visitor as it comes, and keeps none.</summary>
    /// <returns>As of <see cref="VisitLinks"/>.</returns>
    public bool VisitAddresses(AddressVisitor visit)
    {
        ArgumentNullException.ThrowIfNull(visit);
        using var batch = _socket.NewBatch();
        AddressMessages.WriteDump(batch, 0);
        return _socket.Request("address list", batch, message =>
        {
            if (AddressView.TryRead(message, out var view))
            {
                visit(view);
            }
        });
    }

    /// <summary>Adds an address to an interface, or leaves it there.</summary>
    public void ReplaceAddress(LinkAddress address) => Do(new ReplaceAddress(address));

    /// <summary>Adds an address to an interface, or leaves it there.</summary>
    public void ReplaceAddress(int link, InterfaceAddress address, AddressFlags flags = AddressFlags.None, RouteScope scope = RouteScope.Universe)
        => Do(new ReplaceAddress(new(link, address) { Flags = flags, Scope = scope }));

    public void DeleteAddress(int link, InterfaceAddress address) => Do(new DeleteAddress(new(link, address)));

    public bool TryDeleteAddress(int link, InterfaceAddress address) => Try(new DeleteAddress(new(link, address)));

    /// <summary>The routes of both families: of one protocol or table, or of all.</summary>
    public IReadOnlyList<Route> Routes(RouteProtocol? protocol = null, uint? table = null)
        => [.. _socket.Dump("route list", b => RouteMessages.WriteDump(b, protocol ?? RouteProtocol.Unspecified, table ?? 0), RouteMessages.Read)
            .Where(r => (protocol is null || r.Protocol == protocol) && (table is null || r.Table == table))];

    /// <summary>Gives each route to the visitor as it comes, and keeps none: for tables of any length.</summary>
    /// <returns>As of <see cref="VisitLinks"/>.</returns>
    public bool VisitRoutes(RouteVisitor visit, RouteProtocol? protocol = null, uint? table = null, AddressFamily family = AddressFamily.Unspecified)
    {
        ArgumentNullException.ThrowIfNull(visit);
        using var batch = _socket.NewBatch();
        RouteMessages.WriteDump(batch, protocol ?? RouteProtocol.Unspecified, table ?? 0, family switch
        {
            AddressFamily.InterNetwork => RouteConstants.AfInet,
            AddressFamily.InterNetworkV6 => RouteConstants.AfInet6,
            _ => RouteConstants.AfUnspec,
        });
        return _socket.Request("route list", batch, message =>
        {
            if (RouteView.TryRead(message, out var view) && (protocol is null || view.Protocol == protocol) && (table is null || view.Table == table))
            {
                visit(view);
            }
        });
    }

    /// <summary>The route the kernel would take to an address, or null where there is none.</summary>
    public Route? Lookup(IPAddress destination, IPAddress? source = null)
    {
        using var batch = _socket.NewBatch();
        RouteMessages.WriteLookup(batch, destination, source);
        Route? found = null;
        try
        {
            _ = _socket.Request($"route get {destination}", batch, message => found = RouteMessages.Read(message, cached: true) ?? found);
        }
        catch (LinuxException e) when (e.Errno is Errno.NetworkUnreachable or Errno.HostUnreachable or Errno.Invalid or Errno.Access)
        {
            // Unreachable, blackhole and prohibit routes answer with the error a packet would get.
            return null;
        }

        return found;
    }

    public void AddRoute(Route route) => Do(new AddRoute(route));

    public void ReplaceRoute(Route route) => Do(new ReplaceRoute(route));

    public void DeleteRoute(Route route) => Do(new DeleteRoute(route));

    public bool TryDeleteRoute(Route route) => Try(new DeleteRoute(route));

    /// <summary>The neighbours on one interface, or on all.</summary>
    /// <param name="link">Index of the interface.</param>
    /// <param name="proxies">Those that this machine answers for, in the place of those that it knows.</param>
    public IReadOnlyList<Neighbour> Neighbours(int? link = null, bool proxies = false)
        => [.. _socket.Dump("neighbour list", b => NeighbourMessages.WriteDump(b, RouteConstants.AfUnspec, link ?? 0, proxies), NeighbourMessages.Read)
            .Where(n => link is null || n.Link == link)];

    /// <summary>Gives each neighbour, or each entry of the forwarding databases, to the visitor as it comes, and keeps none.</summary>
    /// <returns>As of <see cref="VisitLinks"/>.</returns>
    public bool VisitNeighbours(NeighbourVisitor visit, bool fdb = false)
    {
        ArgumentNullException.ThrowIfNull(visit);
        using var batch = _socket.NewBatch();
        NeighbourMessages.WriteDump(batch, fdb ? RouteConstants.AfBridge : RouteConstants.AfUnspec, 0);
        return _socket.Request("neighbour list", batch, message =>
        {
            if (NeighbourView.TryRead(message, out var view))
            {
                visit(view);
            }
        });
    }

    /// <summary>Forgets the neighbours that the kernel found by itself; what a person said stays.</summary>
    /// <returns>How many were forgotten.</returns>
    public int FlushNeighbours(int? link = null)
    {
        const NeighbourState Kept = NeighbourState.Permanent | NeighbourState.NoArp;
        var found = Neighbours(link).Where(n => (n.State & Kept) == 0).ToList();
        return found.Count - ApplyAll(found.Select(n => new DeleteNeighbour(n)), static (_, error) =>
        {
            if (!error.IsNotFound)
            {
                throw error;
            }
        });
    }

    public void ReplaceNeighbour(Neighbour neighbour) => Do(new ReplaceNeighbour(neighbour));

    public bool TryDeleteNeighbour(Neighbour neighbour) => Try(new DeleteNeighbour(neighbour));

    /// <summary>The forwarding database of one interface, or of all.</summary>
    public IReadOnlyList<FdbEntry> Fdb(int? link = null)
        => [.. _socket.Dump("fdb list", b => NeighbourMessages.WriteDump(b, RouteConstants.AfBridge, link ?? 0), NeighbourMessages.ReadFdb)
            .Where(e => link is null || e.Link == link)];

    public void ReplaceFdb(FdbEntry entry) => Do(new ReplaceFdb(entry));

    public bool TryDeleteFdb(FdbEntry entry) => Try(new DeleteFdb(entry));

    public IReadOnlyList<RoutingRule> Rules() => _socket.Dump("rule list", RuleMessages.WriteDump, RuleMessages.Read);

    public void AddRule(RoutingRule rule) => Do(new AddRoutingRule(rule));

    public bool TryDeleteRule(RoutingRule rule) => Try(new DeleteRoutingRule(rule));

    /// <summary>The queueing disciplines of one interface, or of all.</summary>
    public IReadOnlyList<Qdisc> Qdiscs(int? link = null)
        => [.. _socket.Dump("qdisc list", TrafficControlMessages.WriteQdiscDump, TrafficControlMessages.ReadQdisc).Where(q => link is null || q.Link == link)];

    /// <summary>Index of the interface that <see cref="RedirectIngress"/> leads what comes in by this one to, or null.</summary>
    public int? FindIngressRedirection(int link)
    {
        using var batch = _socket.NewBatch();
        TrafficControlMessages.WriteFilterDump(batch, link);
        int? found = null;
        _ = _socket.Request($"filters of link {link}", batch, message => found = TrafficControlMessages.ReadRedirection(message) ?? found);
        return found;
    }

    /// <summary>Applies operations in order with as few system calls as may be. One that fails does not keep the others from being done.</summary>
    /// <returns>For each operation what the kernel said against it, or null.</returns>
    public ImmutableArray<LinuxException?> Apply(params ReadOnlySpan<RouteOperation> operations)
    {
        var errors = new LinuxException?[operations.Length];
        for (var done = 0; done < operations.Length;)
        {
            var from = done;
            done += ApplySome(operations[from..], (operation, error) => errors[from + operation] ??= error);
        }

        return ImmutableCollectionsMarshal.AsImmutableArray(errors);
    }

    /// <summary>Applies operations of any number in order, made as they are needed: none is kept longer than its batch.</summary>
    /// <param name="operations">What to do. One object may be given again where it is to be done again.</param>
    /// <param name="refused">Told of each that was refused.</param>
    /// <returns>How many were refused.</returns>
    public int ApplyAll(IEnumerable<RouteOperation> operations, Action<RouteOperation, LinuxException> refused)
    {
        ArgumentNullException.ThrowIfNull(operations);
        ArgumentNullException.ThrowIfNull(refused);
        var window = ArrayPool<RouteOperation>.Shared.Rent(MaxOperationsAtOnce);
        var (count, failures) = (0, 0);
        try
        {
            foreach (var operation in operations)
            {
                window[count++] = operation;
                if (count == window.Length)
                {
                    Flush();
                }
            }

            Flush();
            return failures;
        }
        finally
        {
            ArrayPool<RouteOperation>.Shared.Return(window, clearArray: true);
        }

        void Flush()
        {
            for (var done = 0; done < count;)
            {
                var from = done;
                var last = -1;
                done += ApplySome(window.AsSpan(from, count - from), (operation, error) =>
                {
                    // An operation of several messages may be refused more than once.
                    if (operation != last)
                    {
                        (last, failures) = (operation, failures + 1);
                        refused(window[from + operation], error);
                    }
                });
            }

            count = 0;
        }
    }

    /// <summary>Tells of changes from this call on, until cancelled; see <see cref="RouteMonitor.ReadAllAsync"/>.</summary>
    public IAsyncEnumerable<RouteEvent> MonitorAsync(RouteGroups groups = RouteGroups.All, CancellationToken ct = default)
    {
        using var network = NetworkNamespace.OfSocket(_socket.Handle);
        return RouteMonitor.Open(network, groups).ReadAllAsync(ct);
    }

    public void Dispose() => _socket.Dispose();

    /// <summary>Adds routes that differ in nothing but their destination: for tables of any length, with no object for each.</summary>
    /// <param name="destinations">Where to, each of the family of <paramref name="like"/>.</param>
    /// <param name="like">Everything else; its own destination does not count.</param>
    /// <param name="refused">Told of each that was refused.</param>
    /// <returns>How many were refused.</returns>
    public int AddRoutes(IEnumerable<IPNetwork> destinations, Route like, Action<IPNetwork, LinuxException> refused)
    {
        ArgumentNullException.ThrowIfNull(destinations);
        ArgumentNullException.ThrowIfNull(like);
        ArgumentNullException.ThrowIfNull(refused);
        var window = new List<IPNetwork>(MaxOperationsAtOnce);
        var failures = 0;
        using var batch = _socket.NewBatch();
        foreach (var destination in destinations)
        {
            RouteMessages.Write(batch, RouteConstants.RtmNewRoute, RouteOperation.New, like, destination);
            window.Add(destination);
            if (window.Count == MaxOperationsAtOnce || window.Count == _socket.MaxAnswers || batch.Bytes.Length >= MaxBytesAtOnce)
            {
                Flush();
            }
        }

        if (window.Count > 0)
        {
            Flush();
        }

        return failures;

        void Flush()
        {
            foreach (var (message, refusal) in _socket.ExchangeAll(batch).Refusals ?? [])
            {
                failures++;
                refused(window[message], new AddRoute(like with { Destination = window[message] }).Refused(refusal));
            }

            window.Clear();
            _socket.Restart(batch);
        }
    }

    private Link? FindLink(int index, string? name, bool statistics)
    {
        using var batch = _socket.NewBatch();
        LinkMessages.WriteQuery(batch, index, name);
        Link? found = null;
        try
        {
            _ = _socket.Request($"link {name ?? $"{index}"}", batch, message => found = (statistics ? LinkMessages.ReadWithStatistics(message) : LinkMessages.Read(message)) ?? found);
        }
        catch (LinuxException e) when (e.IsNotFound)
        {
            return null;
        }

        return found;
    }

    /// <summary>Sends as many operations as go at once.</summary>
    /// <returns>How many that was.</returns>
    private int ApplySome(ReadOnlySpan<RouteOperation> operations, Action<int, LinuxException> refused)
    {
        using var batch = _socket.NewBatch();
        var taken = 0;
        while (taken < operations.Length && taken < MaxOperationsAtOnce && batch.Count < _socket.MaxAnswers && batch.Bytes.Length < MaxBytesAtOnce)
        {
            operations[taken++].Encode(batch);
            batch.Mark();
        }

        if (_socket.ExchangeAll(batch).Refusals is { } refusals)
        {
            foreach (var (message, refusal) in refusals)
            {
                var operation = batch.OperationOf(message);
                refused(operation, operations[operation].Refused(refusal));
            }
        }

        return taken;
    }

    private void Do(RouteOperation operation)
    {
        if (Apply(operation)[0] is { } error)
        {
            throw error;
        }
    }

    private bool Try(RouteOperation operation) => Apply(operation)[0] switch
    {
        null => true,
        { IsNotFound: true } => false,
        var error => throw error,
    };
}
