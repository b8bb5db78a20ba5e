using System.Collections.Immutable;
using System.Net;
using Fairlead.Linux.Namespaces;

namespace Fairlead.Linux.Netlink.Route;

/// <summary>Links, addresses, routes, neighbours and rules of one network namespace.</summary>
/// <remarks>
/// Calls are synchronous, as the kernel's answers are, and safe from several threads. Lists are read again where the table changed
/// while it was read. Deletions of what is not there throw with <see cref="LinuxException.IsNotFound"/>; the <c>Try…</c> forms say so.
/// </remarks>
public sealed class RouteSocket : IDisposable
{
    /// <summary>More acknowledgements than this could overflow the receive buffer.</summary>
    private const int MaxOperationsAtOnce = 1000;

    private readonly NetlinkSocket _socket;

    private RouteSocket(NetlinkSocket socket) => _socket = socket;

    /// <summary>Opens a socket in a namespace, or in the calling thread's.</summary>
    public static RouteSocket Open(NetworkNamespace? network = null) => new(NetlinkSocket.Open(NetlinkProtocol.Route, network));

    public IReadOnlyList<Link> Links() => _socket.Dump("link list", LinkMessages.WriteDump, LinkMessages.Read);

    /// <summary>Finds an interface by name or alternative name.</summary>
    public Link? FindLink(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return FindLink(0, name);
    }

    public Link? FindLink(int index) => FindLink(index, null);

    /// <summary>As <see cref="FindLink(string)"/>, but throws where there is none.</summary>
    public Link GetLink(string name) => FindLink(name) ?? throw new LinuxException($"link {name}", Errno.NoDevice);

    public Link GetLink(int index) => FindLink(index) ?? throw new LinuxException($"link {index}", Errno.NoDevice);

    /// <summary>Creates an interface and gives it as the kernel made it.</summary>
    public Link CreateLink(LinkSpec spec)
    {
        Do(new CreateLink(spec));
        if (spec is MacvlanSpec { Namespace: { } network })
        {
            using var there = Open(network);
            return there.GetLink(spec.Name);
        }

        if (spec is VethSpec { PeerUp: true } veth)
        {
            using var own = veth.PeerNamespace is null ? NetworkNamespace.OfSocket(_socket.Handle) : null;
            using var there = Open(veth.PeerNamespace ?? own);
            there.SetUp(there.GetLink(veth.PeerName).Index);
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

    public void SetLink(int link, LinkChange change) => Do(new SetLink(link, change));

    public void SetUp(int link) => SetLink(link, new() { Up = true });

    public void DeleteLink(int link) => Do(new DeleteLink(link));

    /// <summary>Removes an interface by name or alternative name.</summary>
    /// <returns>Whether there was one.</returns>
    public bool TryDeleteLink(string name) => FindLink(name) is { } link && Try(new DeleteLink(link.Index));

    public void AddAltName(int link, string name) => Do(new AddAltName(link, name));

    public void DeleteAltName(int link, string name) => Do(new DeleteAltName(link, name));

    /// <summary>The addresses of one interface, or of all.</summary>
    public IReadOnlyList<LinkAddress> Addresses(int? link = null)
        => [.. _socket.Dump("address list", b => AddressMessages.WriteDump(b, link ?? 0), AddressMessages.Read).Where(a => link is null || a.Link == link)];

    /// <summary>Adds an address to an interface, or leaves it there.</summary>
    public void ReplaceAddress(int link, InterfaceAddress address, AddressFlags flags = AddressFlags.None, RouteScope scope = RouteScope.Universe)
        => Do(new ReplaceAddress(new(link, address) { Flags = flags, Scope = scope }));

    public void DeleteAddress(int link, InterfaceAddress address) => Do(new DeleteAddress(new(link, address)));

    public bool TryDeleteAddress(int link, InterfaceAddress address) => Try(new DeleteAddress(new(link, address)));

    /// <summary>The routes of both families: of one protocol or table, or of all.</summary>
    public IReadOnlyList<Route> Routes(RouteProtocol? protocol = null, uint? table = null)
        => [.. _socket.Dump("route list", b => RouteMessages.WriteDump(b, protocol ?? RouteProtocol.Unspecified), RouteMessages.Read)
            .Where(r => (protocol is null || r.Protocol == protocol) && (table is null || r.Table == table))];

    /// <summary>The route the kernel would take to an address, or null where there is none.</summary>
    public Route? Lookup(IPAddress destination, IPAddress? source = null)
    {
        using var batch = _socket.NewBatch();
        RouteMessages.WriteLookup(batch, destination, source);
        Route? found = null;
        try
        {
            _socket.Request($"route get {destination}", batch, message => found = RouteMessages.Read(message, cached: true) ?? found);
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
    public IReadOnlyList<Neighbour> Neighbours(int? link = null)
        => [.. _socket.Dump("neighbour list", b => NeighbourMessages.WriteDump(b, RouteConstants.AfUnspec, link ?? 0), NeighbourMessages.Read)
            .Where(n => link is null || n.Link == link)];

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

    /// <summary>Applies operations in order with as few system calls as may be. One that fails does not keep the others from being done.</summary>
    /// <returns>For each operation what the kernel said against it, or null.</returns>
    public ImmutableArray<LinuxException?> Apply(params ReadOnlySpan<RouteOperation> operations)
    {
        var errors = ImmutableArray.CreateBuilder<LinuxException?>(operations.Length);
        while (!operations.IsEmpty)
        {
            var now = operations[..Math.Min(operations.Length, MaxOperationsAtOnce)];
            operations = operations[now.Length..];
            using var batch = _socket.NewBatch();
            var ends = new int[now.Length];
            for (var i = 0; i < now.Length; i++)
            {
                now[i].Encode(batch);
                ends[i] = batch.Count;
            }

            var refusals = _socket.Exchange(batch);
            for (var i = 0; i < now.Length; i++)
            {
                var refusal = refusals[(i == 0 ? 0 : ends[i - 1])..ends[i]].FirstOrDefault(r => r is not null);
                errors.Add(refusal?.ToException(now[i].ToString()));
            }
        }

        return errors.MoveToImmutable();
    }

    /// <summary>Tells of changes from this call on, until cancelled.</summary>
    /// <exception cref="NetlinkOverrunException">Events were lost: read everything anew and listen again.</exception>
    public IAsyncEnumerable<RouteEvent> MonitorAsync(RouteGroups groups = RouteGroups.All, CancellationToken ct = default)
    {
        using var network = NetworkNamespace.OfSocket(_socket.Handle);
        return RouteMonitor.Open(network, groups).ReadAllAsync(ct);
    }

    public void Dispose() => _socket.Dispose();

    private Link? FindLink(int index, string? name)
    {
        using var batch = _socket.NewBatch();
        LinkMessages.WriteQuery(batch, index, name);
        Link? found = null;
        try
        {
            _socket.Request($"link {name ?? $"{index}"}", batch, message => found = LinkMessages.Read(message) ?? found);
        }
        catch (LinuxException e) when (e.IsNotFound)
        {
            return null;
        }

        return found;
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
