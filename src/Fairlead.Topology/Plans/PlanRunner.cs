using System.Collections.Immutable;
using System.Net.Sockets;
using Fairlead.Linux;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;
using Fairlead.Linux.Nftables;
using Fairlead.Topology.Kernel;
using Fairlead.Topology.Nat;

namespace Fairlead.Topology.Plans;

/// <summary>Carries out a plan. It stops at the first refusal; what was done until then is the caller's to undo.</summary>
/// <remarks>Works host by host and in batches: a host is visited once for its cables and once for all else, however much it gets.</remarks>
internal sealed class PlanRunner(OwnershipMark mark, ImmutableArray<HostState> desired, Action<string>? progress, CancellationToken ct)
{
    /// <summary>Cables made with one request, each of which holds its peer's namespace open.</summary>
    private const int CablesAtOnce = 200;

    private readonly Dictionary<string, HostState> _hosts = desired.ToDictionary(h => h.Name, StringComparer.Ordinal);

    /// <summary>Runs the steps.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="namespaces">The namespaces of hosts that are no longer desired.</param>
    public void Run(TopologyPlan plan, IReadOnlyDictionary<string, string?> namespaces)
    {
        DeleteLinks([.. plan.Steps.OfType<DeleteLinks>()], namespaces);
        CreateHosts([.. plan.Steps.OfType<CreateHost>()]);
        CreateSwitches([.. plan.Steps.OfType<CreateSwitch>()]);
        CreateCables([.. plan.Steps.OfType<CreateCable>()]);
        Configure(plan);
        DeleteHosts([.. plan.Steps.OfType<DeleteHost>()]);
    }

    private static void In(string? space, Action body)
    {
        if (space is null)
        {
            body();
            return;
        }

        using var network = NetworkNamespace.Open(space);
        network.Run(body);
    }

    private void DeleteLinks(ImmutableArray<DeleteLinks> steps, IReadOnlyDictionary<string, string?> namespaces)
    {
        foreach (var group in steps.GroupBy(s => s.Host, StringComparer.Ordinal))
        {
            ct.ThrowIfCancellationRequested();
            In(_hosts.GetValueOrDefault(group.Key) is { } host ? host.Namespace : namespaces.GetValueOrDefault(group.Key), () =>
            {
                using var socket = RouteSocket.Open();
                foreach (var step in group)
                {
                    if (step.AreAll && !socket.Links().Any(l => l.Group == mark.Group && !mark.Owns(l)))
                    {
                        ThrowUnlessGone(socket.Apply(new DeleteLinkGroup(mark.Group))[0]);
                        continue;
                    }

                    foreach (var link in step.Names.Select(name => socket.FindLink(name)).OfType<Link>().Where(mark.Owns))
                    {
                        ThrowUnlessGone(socket.Apply(new DeleteLink(link.Index))[0]);
                    }
                }
            });
        }

        static void ThrowUnlessGone(LinuxException? error)
        {
            if (error is { IsNotFound: false })
            {
                throw error;
            }
        }
    }

    private void CreateHosts(ImmutableArray<CreateHost> steps)
    {
        const int AtOnce = 50;
        for (var done = 0; done < steps.Length; done += AtOnce)
        {
            ct.ThrowIfCancellationRequested();
            var chunk = steps.AsSpan(done, Math.Min(AtOnce, steps.Length - done)).ToArray();
            var made = NetworkNamespace.CreateNew([.. chunk.Select(s => s.State.Namespace!)], i => Prepare(chunk[i].State));
            foreach (var network in made)
            {
                network.Dispose();
            }

            Tell("hosts", done + chunk.Length, steps.Length);
        }
    }

    /// <summary>What a namespace has before anybody can see it: its mark, its loopback, and what it does with packets.</summary>
    private void Prepare(HostState host)
    {
        using var socket = RouteSocket.Open();
        socket.SetLink(socket.GetLink("lo").Index, new() { Alias = mark.NamespaceAlias(host.Name), Up = true });
        Sysctl.WriteAll(host.Settings.Where(s => System.IO.File.Exists($"/proc/sys/{s.Key}")).Select(s => (s.Key, s.Value)));
    }

    private void CreateSwitches(ImmutableArray<CreateSwitch> steps)
    {
        foreach (var group in steps.GroupBy(s => s.Host, StringComparer.Ordinal))
        {
            ct.ThrowIfCancellationRequested();
            In(_hosts[group.Key].Namespace, () =>
            {
                using var socket = RouteSocket.Open();
                Throw(socket.Apply([.. group.Select(s => new CreateLink(new BridgeSpec(s.Link.Name)
                {
                    Mac = s.Link.Mac,
                    Mtu = s.Link.Mtu,
                    Group = mark.Group,
                    Options = OptionsOf(s.Link, null),
                }))]));
            });
        }
    }

    /// <summary>What a bridge shall have otherwise than it has: not every kernel knows every option.</summary>
    private static BridgeOptions? OptionsOf(InterfaceState after, InterfaceState? before)
    {
        bool? stp = after.SpanningTree == (before?.SpanningTree ?? false) ? null : after.SpanningTree;
        bool? filtering = after.VlanFiltering == (before?.VlanFiltering ?? false) ? null : after.VlanFiltering;
        return stp is null && filtering is null ? null : new BridgeOptions { Stp = stp, VlanFiltering = filtering };
    }

    private void CreateCables(ImmutableArray<CreateCable> steps)
    {
        var done = 0;

        // From the end whose host has most of them: a switch's, which is then asked once for all.
        var counts = steps.SelectMany(s => new[] { s.Host, s.PeerHost }).CountBy(h => h, StringComparer.Ordinal).ToDictionary(StringComparer.Ordinal);
        var turned = steps.Select(s => counts[s.PeerHost] > counts[s.Host] ? new CreateCable(s.PeerHost, s.Peer, s.Host, s.Link) : s);
        foreach (var chunk in turned.GroupBy(s => s.Host, StringComparer.Ordinal).SelectMany(g => g.Chunk(CablesAtOnce)))
        {
            ct.ThrowIfCancellationRequested();
            var peers = new Dictionary<string, NetworkNamespace>(StringComparer.Ordinal);
            try
            {
                foreach (var host in chunk.Select(s => s.PeerHost).Distinct(StringComparer.Ordinal))
                {
                    peers[host] = _hosts[host].Namespace is { } name ? NetworkNamespace.Open(name) : NetworkNamespace.Current();
                }

                In(_hosts[chunk[0].Host].Namespace, () =>
                {
                    using var socket = RouteSocket.Open();
                    Throw(socket.Apply([.. chunk.Select(s => new CreateLink(new VethSpec(s.Link.Name)
                    {
                        Mac = s.Link.Mac,
                        Mtu = s.Link.Mtu,
                        Group = mark.Group,
                        PeerName = s.Peer.Name,
                        PeerMac = s.Peer.Mac,
                        PeerMtu = s.Peer.Mtu,
                        PeerNamespace = peers[s.PeerHost],
                    }))]));
                });
            }
            finally
            {
                foreach (var network in peers.Values)
                {
                    network.Dispose();
                }
            }

            Tell("links", done += chunk.Length, steps.Length);
        }
    }

    /// <summary>Everything of a host that is no creation, with one visit.</summary>
    private void Configure(TopologyPlan plan)
    {
        var created = plan.Steps.OfType<CreateSwitch>().Select(s => (s.Host, s.Link))
            .Concat(plan.Steps.OfType<CreateCable>().SelectMany(s => new[] { (s.Host, s.Link), (Host: s.PeerHost, Link: s.Peer) }))
            .ToLookup(c => c.Host, c => c.Link, StringComparer.Ordinal);
        var rest = plan.Steps.Where(s => s is ChangeLink or AddLinkAddress or RemoveLinkAddress or ChangeSetting or AddHostRoute or RemoveHostRoute or AddNat or RemoveNat or RenewNat)
            .ToLookup(s => s.Host, StringComparer.Ordinal);
        var hosts = desired.Where(h => created.Contains(h.Name) || rest.Contains(h.Name)).ToList();
        var done = 0;
        Visits.ForEach(hosts, host =>
        {
            ct.ThrowIfCancellationRequested();
            In(host.Namespace, () => Configure(host, [.. created[host.Name]], [.. rest[host.Name]]));
            if (Interlocked.Increment(ref done) is var now && (now % 50 == 0 || now == hosts.Count))
            {
                Tell("configured", now, hosts.Count);
            }
        });
    }

    private void Configure(HostState host, ImmutableArray<InterfaceState> created, ImmutableArray<TopologyStep> steps)
    {
        using var socket = RouteSocket.Open();
        var needed = created.Length + steps.Count(s => s is not (ChangeSetting or AddNat or RemoveNat or RenewNat));
        var links = needed == 0 ? [] : socket.Links().Where(l => mark.Owns(l) || l.Name == "lo").ToDictionary(l => l.Name, l => l.Index, StringComparer.Ordinal);
        var operations = new List<RouteOperation>();

        // Ports of a switch after the switch.
        foreach (var link in created.OrderBy(l => l.Master is not null))
        {
            operations.Add(new SetLink(Index(link.Name), new()
            {
                Alias = link.Label,
                Master = link.Master is { } bridge ? Index(bridge) : null,
                Up = link.Up,
            }));
        }

        foreach (var (_, before, after) in steps.OfType<ChangeLink>())
        {
            operations.Add(new SetLink(Index(after.Name), new()
            {
                Alias = after.Label != before.Label ? after.Label : null,
                Mac = after.Mac != before.Mac ? after.Mac : null,
                Mtu = after.Mtu != before.Mtu ? after.Mtu : null,
                Master = after.Master == before.Master ? null : after.Master is { } bridge ? Index(bridge) : 0,
                Up = after.Up != before.Up ? after.Up : null,
                Bridge = OptionsOf(after, before),
            }));
        }

        operations.AddRange(steps.OfType<RemoveHostRoute>().Select(s => new DeleteRoute(RouteOf(s.Route))));
        operations.AddRange(steps.OfType<RemoveLinkAddress>().Select(s => new DeleteAddress(new(Index(s.Link), s.Address))));
        operations.AddRange(steps.OfType<AddLinkAddress>().Select(s => new ReplaceAddress(new(Index(s.Link), s.Address)
        {
            // The topology's addresses are each used once: nobody needs to be asked, and the address serves at once.
            Flags = s.Address.Address.AddressFamily == AddressFamily.InterNetworkV6 ? AddressFlags.NoDuplicateDetection : AddressFlags.None,
        })));
        Throw(Tolerate(socket.Apply([.. operations]), operations));
        Sysctl.WriteAll(steps.OfType<ChangeSetting>().Select(s => (s.Key, s.After)));
        Throw(socket.Apply([.. steps.OfType<AddHostRoute>().Select(s => new AddRoute(RouteOf(s.Route with { Protocol = RouteProtocol.Fairlead })))]));
        if (steps.Any(s => s is AddNat or RemoveNat or RenewNat))
        {
            using var nftables = NftablesSocket.Open();
            if (host.Rules.IsEmpty)
            {
                nftables.Commit(new NftTransaction(NftFamily.Inet, mark.Table).Add(new AddTable()).Add(new DeleteTable()));
            }
            else
            {
                nftables.Rewrite(NatTable.Write(mark, host, host.Rules));
            }
        }

        int Index(string name) => links.TryGetValue(name, out var index) ? index : throw new LinuxException($"link {host.Name}:{name}", Errno.NoDevice);

        Route RouteOf(RouteState route) => new(route.To) { Gateway = route.Via, Link = Index(route.Link), Protocol = route.Protocol };
    }

    private void DeleteHosts(ImmutableArray<DeleteHost> steps)
    {
        for (var i = 0; i < steps.Length; i++)
        {
            ct.ThrowIfCancellationRequested();
            _ = NetworkNamespace.Delete(steps[i].Namespace);
            if (i % 50 == 49 || i == steps.Length - 1)
            {
                Tell("hosts removed", i + 1, steps.Length);
            }
        }
    }

    /// <summary>What is gone already needs no removal: the kernel takes routes away with their addresses.</summary>
    private static ImmutableArray<LinuxException?> Tolerate(ImmutableArray<LinuxException?> errors, List<RouteOperation> operations)
        => [.. errors.Select((e, i) => operations[i] is DeleteRoute or DeleteAddress && e is { IsNotFound: true } ? null : e)];

    private static void Throw(ImmutableArray<LinuxException?> errors)
    {
        if (errors.FirstOrDefault(e => e is not null) is { } error)
        {
            throw error;
        }
    }

    private void Tell(string what, int done, int all) => progress?.Invoke($"{what} {done}/{all}");
}
