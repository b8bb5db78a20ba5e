using System.Net;
using System.Net.Sockets;
using Fairlead.Agent.Forwarding;
using Fairlead.Agent.Masquerade;
using Fairlead.Agent.Overlay;
using Fairlead.Core.Services;
using Fairlead.Core.State;
using Fairlead.KernelTests.Agent;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Fairlead.Linux.Nftables;
using Fairlead.Proxy;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fairlead.KernelTests.Proxy;

/// <summary>Three nodes with overlay, masquerade and service proxies, and on each a pod that serves and one that asks.</summary>
public sealed class ServingNodes : ThreeNodes, IAsyncLifetime
{
    private readonly Dictionary<TestNode, IReconciler<ServiceTable>> _proxies = [];
    private readonly List<Greeter> _greeters = [];

    /// <summary>One server a node, port 8080.</summary>
    public List<TestPod> Servers { get; } = [];

    /// <summary>One client a node.</summary>
    public List<TestPod> Clients { get; } = [];

    public async ValueTask InitializeAsync()
    {
        foreach (var node in Nodes)
        {
            var topology = TopologyOf(node);
            await new ForwardingReconciler(node.Network, NullLogger<ForwardingReconciler>.Instance).ReconcileAsync(topology, default);
            await node.Overlay().ReconcileAsync(topology, default);
            await new MasqueradeReconciler([ClusterCidr], [ServiceCidr], node.Network, NullLogger<MasqueradeReconciler>.Instance).ReconcileAsync(topology, default);
            _proxies[node] = NewProxy(node);
            Servers.Add(node.AddPod());
            Clients.Add(node.AddPod());
            _greeters.Add(new Greeter(Servers[^1].Network, Servers[^1].Name, 8080));
        }
    }

    public ValueTask DisposeAsync()
    {
        _greeters.ForEach(g => g.Dispose());
        Dispose();
        return ValueTask.CompletedTask;
    }

    public static IReconciler<ServiceTable> NewProxy(TestNode node) => ServiceProxy.Reconciler(OptionsOf(node));

    public static ServiceProxyOptions OptionsOf(TestNode node)
        => new() { NodeName = node.Name, ClusterCidrs = [ClusterCidr], ServiceCidrs = [ServiceCidr], Network = node.Network };

    /// <summary>Brings the Services about on every node.</summary>
    public async Task ServeAsync(CancellationToken ct, params (Service Service, TestPod[] Endpoints)[] services)
    {
        foreach (var node in Nodes)
        {
            await _proxies[node].ReconcileAsync(TableOf(node, services), ct);
        }
    }

    /// <summary>Takes the agents' memory away, as a restart does.</summary>
    public void Restart()
    {
        foreach (var node in Nodes)
        {
            _proxies[node] = NewProxy(node);
        }
    }

    public static ServiceTable TableOf(TestNode node, params (Service Service, TestPod[] Endpoints)[] services)
        => ServiceTableCompiler.Compile(services.Select(s => s.Service), services.Select(s => Slice(s.Service, s.Endpoints)), new NodeFacts(node.Name));

    public static Service Service(string name, string ip, int port = 80, string protocol = "TCP", int nodePort = 0, Func<ServiceSpec, ServiceSpec>? and = null)
    {
        var spec = new ServiceSpec
        {
            Type = nodePort == 0 ? "ClusterIP" : "NodePort",
            ClusterIP = ip,
            Ports = [new ServicePort { Name = "p", Port = port, Protocol = protocol, NodePort = nodePort }],
        };
        return new() { Metadata = new() { Namespace = "t", Name = name }, Spec = and is null ? spec : and(spec) };
    }

    private static EndpointSlice Slice(Service service, TestPod[] pods) => new()
    {
        Metadata = new() { Namespace = "t", Name = $"{service.Metadata.Name}-1", Labels = EquatableMap.Of((ServiceTableCompiler.ServiceNameLabel, service.Metadata.Name)) },
        AddressType = "IPv4",
        Ports = [new EndpointPort { Name = "p", Port = 8080, Protocol = service.Spec.Ports[0].Protocol }],
        Endpoints = pods.Select(p => new Endpoint { Addresses = [$"{p.Address}"], NodeName = p.Node.Name }).ToEquatableArray(),
    };
}

/// <summary>docs/service-proxy.md, item by item, with packets.</summary>
public sealed class ServicesKernelTests(ServingNodes nodes) : IClassFixture<ServingNodes>
{
    private static readonly Lock s_addresses = new();
    private static int s_next = 10;

    /// <summary>Tests of this class run one after the other; each brings about a table of its own.</summary>
    private readonly CancellationToken _ct = TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_cluster_ip_reaches_every_endpoint_from_every_pod_and_shows_the_pods_own_address()
    {
        var ip = NextAddress();
        await nodes.ServeAsync(_ct, (ServingNodes.Service("all", ip), [.. nodes.Servers]));

        foreach (var client in nodes.Clients)
        {
            var answers = new HashSet<string>();
            for (var i = 0; i < 40; i++)
            {
                answers.Add(await client.Network.AskAsync(ip, 80, _ct));
            }

            Assert.Equal(nodes.Servers.Select(s => $"{s.Name} sees {client.Address}").Order(), answers.Order());
        }
    }

    [Fact]
    public async Task A_node_itself_reaches_a_cluster_ip_and_its_endpoints_elsewhere()
    {
        var ip = NextAddress();
        await nodes.ServeAsync(_ct, (ServingNodes.Service("far", ip), [nodes.Servers[2]]));

        Assert.Equal("n3-2 sees 10.32.1.0", await nodes[1].Network.AskAsync(ip, 80, _ct));
        Assert.Equal("n3-2 sees 10.32.3.1", await nodes[3].Network.AskAsync(ip, 80, _ct));
    }

    [Fact]
    public async Task A_node_port_answers_on_every_node_to_machines_outside()
    {
        await nodes.ServeAsync(_ct, (ServingNodes.Service("np", NextAddress(), nodePort: 30080), [nodes.Servers[0]]));

        Assert.Equal("n1-2 sees 10.32.1.1", await nodes.Outside.AskAsync($"{nodes[1].Address}", 30080, _ct));

        // A neighbour on the same subnet sends it on as it is, one elsewhere from its end of the overlay.
        Assert.Equal("n1-2 sees 198.19.0.12", await nodes.Outside.AskAsync($"{nodes[2].Address}", 30080, _ct));
        Assert.Equal("n1-2 sees 10.32.3.0", await nodes.Outside.AskAsync($"{nodes[3].Address}", 30080, _ct));
    }

    [Fact]
    public async Task A_node_port_answers_pods_and_nodes_too()
    {
        await nodes.ServeAsync(_ct, (ServingNodes.Service("np", NextAddress(), nodePort: 30081), [nodes.Servers[0]]));

        foreach (var node in nodes.Nodes)
        {
            Assert.StartsWith("n1-2 sees", await nodes.Clients[1].Network.AskAsync($"{node.Address}", 30081, _ct), StringComparison.Ordinal);
            Assert.StartsWith("n1-2 sees", await nodes[3].Network.AskAsync($"{node.Address}", 30081, _ct), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task With_policy_local_clients_outside_keep_their_address_and_a_node_without_endpoint_is_silent()
    {
        var service = ServingNodes.Service("local", NextAddress(), nodePort: 30082, and: s => s with { ExternalTrafficPolicy = "Local" });
        await nodes.ServeAsync(_ct, (service, [nodes.Servers[0]]));

        Assert.Equal("n1-2 sees 198.19.2.10", await nodes.Outside.AskAsync($"{nodes[1].Address}", 30082, _ct));
        await AssertSilentAsync(nodes.Outside, $"{nodes[2].Address}", 30082);
        Assert.StartsWith("n1-2 sees", await nodes.Clients[1].Network.AskAsync($"{nodes[2].Address}", 30082, _ct), StringComparison.Ordinal);
    }

    [Fact]
    public async Task With_internal_policy_local_a_pod_reaches_only_endpoints_of_its_node()
    {
        var ip = NextAddress();
        var service = ServingNodes.Service("inner", ip, and: s => s with { InternalTrafficPolicy = "Local" });
        await nodes.ServeAsync(_ct, (service, [nodes.Servers[0], nodes.Servers[1]]));

        for (var i = 0; i < 10; i++)
        {
            Assert.Equal($"n1-2 sees {nodes.Clients[0].Address}", await nodes.Clients[0].Network.AskAsync(ip, 80, _ct));
        }

        await AssertSilentAsync(nodes.Clients[2].Network, ip, 80);
    }

    [Fact]
    public async Task A_pod_reaches_itself_through_its_service()
    {
        var ip = NextAddress();
        await nodes.ServeAsync(_ct, (ServingNodes.Service("self", ip), [nodes.Servers[0]]));

        Assert.Equal("n1-2 sees 10.32.1.1", await nodes.Servers[0].Network.AskAsync(ip, 80, _ct));
    }

    [Fact]
    public async Task Without_endpoints_and_on_an_unused_port_a_client_is_told_so_at_once()
    {
        var (empty, used) = (NextAddress(), NextAddress());
        await nodes.ServeAsync(_ct, (ServingNodes.Service("empty", empty, nodePort: 30083), []), (ServingNodes.Service("used", used), [nodes.Servers[0]]));

        foreach (var from in new[] { nodes.Clients[0].Network, nodes[1].Network })
        {
            await AssertRefusedAsync(from, empty, 80);
            await AssertRefusedAsync(from, used, 81);
            await AssertRefusedAsync(from, $"{nodes[1].Address}", 30083);
        }

        await AssertRefusedAsync(nodes.Outside, $"{nodes[1].Address}", 30083);
        using var udp = nodes.Clients[0].Network.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
        var error = await Assert.ThrowsAsync<SocketException>(() => Talk.AskUdpAsync(udp, used, 81, _ct));
        Assert.Equal(SocketError.ConnectionRefused, error.SocketErrorCode);
    }

    [Fact]
    public async Task A_local_program_on_a_node_port_does_not_answer_for_a_service_without_endpoints()
    {
        using var squatter = new Greeter(nodes[1].Network, "squatter", 30084);
        await nodes.ServeAsync(_ct, (ServingNodes.Service("empty", NextAddress(), nodePort: 30084), []));

        await AssertRefusedAsync(nodes.Outside, $"{nodes[1].Address}", 30084);
        Assert.Equal("squatter sees 127.0.0.1", await nodes[1].Network.AskAsync("127.0.0.1", 30084, _ct));
    }

    [Fact]
    public async Task Udp_is_served_like_tcp()
    {
        var ip = NextAddress();
        await nodes.ServeAsync(_ct, (ServingNodes.Service("udp", ip, 53, "UDP", 30085), [nodes.Servers[1]]));

        Assert.Equal($"n2-2 sees {nodes.Clients[0].Address}", await nodes.Clients[0].Network.AskUdpAsync(ip, 53, _ct));
        Assert.Equal("n2-2 sees 10.32.3.0", await nodes.Outside.AskUdpAsync($"{nodes[3].Address}", 30085, _ct));
    }

    [Fact]
    public async Task A_udp_client_that_keeps_sending_reaches_the_endpoint_that_replaces_the_old_one()
    {
        var ip = NextAddress();
        var service = ServingNodes.Service("flow", ip, 53, "UDP", 30089);
        await nodes.ServeAsync(_ct, (service, [nodes.Servers[1]]));
        using var pod = nodes.Clients[0].Network.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
        using var outside = nodes.Outside.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
        Assert.StartsWith("n2-2", await Talk.AskUdpAsync(pod, ip, 53, _ct), StringComparison.Ordinal);
        Assert.StartsWith("n2-2", await Talk.AskUdpAsync(outside, $"{nodes[1].Address}", 30089, _ct), StringComparison.Ordinal);

        await nodes.ServeAsync(_ct, (service, [nodes.Servers[2]]));

        Assert.StartsWith("n3-2", await Talk.AskUdpAsync(pod, ip, 53, _ct), StringComparison.Ordinal);
        Assert.StartsWith("n3-2", await Talk.AskUdpAsync(outside, $"{nodes[1].Address}", 30089, _ct), StringComparison.Ordinal);
    }

    [Fact]
    public async Task With_affinity_a_client_stays_with_one_endpoint()
    {
        var ip = NextAddress();
        await nodes.ServeAsync(_ct, (ServingNodes.Service("sticky", ip, and: s => s with { SessionAffinity = "ClientIP" }), [.. nodes.Servers]));

        var answers = new HashSet<string>();
        for (var i = 0; i < 20; i++)
        {
            answers.Add(await nodes.Clients[0].Network.AskAsync(ip, 80, _ct));
        }

        Assert.Single(answers);
    }

    [Fact]
    public async Task Only_what_leaves_the_cluster_is_masqueraded()
    {
        using var outside = new Greeter(nodes.Outside, "outside", 9000);
        using var onNode = new Greeter(nodes[2].Network, "n2", 9000);

        Assert.Equal("outside sees 198.19.0.11", await nodes.Clients[0].Network.AskAsync("198.19.2.10", 9000, _ct));
        Assert.Equal("n2 sees 198.19.0.11", await nodes.Clients[0].Network.AskAsync("198.19.0.12", 9000, _ct));
        Assert.Equal($"n3-2 sees {nodes.Clients[0].Address}", await nodes.Clients[0].Network.AskAsync($"{nodes.Servers[2].Address}", 8080, _ct));
    }

    [Fact]
    public async Task A_range_outside_that_is_excepted_sees_the_pods_own_address()
    {
        using var outside = new Greeter(nodes.Outside, "outside", 9001);
        nodes.Router.Sh($"ip route replace 10.32.1.0/24 via {nodes[1].Address}");
        var topology = nodes.TopologyOf(nodes[1]);
        try
        {
            await Masquerade([ServingNodes.ServiceCidr, IPNetwork.Parse("198.19.2.0/24")]).ReconcileAsync(topology, _ct);
            Assert.Equal($"outside sees {nodes.Clients[0].Address}", await nodes.Clients[0].Network.AskAsync("198.19.2.10", 9001, _ct));
        }
        finally
        {
            await Masquerade([ServingNodes.ServiceCidr]).ReconcileAsync(topology, _ct);
            nodes.Router.Sh("ip route del 10.32.1.0/24");
        }

        Assert.Equal("outside sees 198.19.0.11", await nodes.Clients[0].Network.AskAsync("198.19.2.10", 9001, _ct));

        MasqueradeReconciler Masquerade(EquatableArray<IPNetwork> exceptions)
            => new([ServingNodes.ClusterCidr], exceptions, nodes[1].Network, NullLogger<MasqueradeReconciler>.Instance);
    }

    [Fact]
    public async Task Endpoints_come_and_go_without_one_failed_connection_to_those_that_stay()
    {
        var ip = NextAddress();
        var service = ServingNodes.Service("churn", ip);
        await nodes.ServeAsync(_ct, (service, [.. nodes.Servers]));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(_ct);
        var asked = 0;
        var asking = Task.WhenAll(Enumerable.Range(0, 4).Select(async i =>
        {
            while (!stop.IsCancellationRequested)
            {
                var answer = await nodes.Clients[i % 3].Network.AskAsync(ip, 80, _ct);
                Assert.Contains("sees", answer, StringComparison.Ordinal);
                Interlocked.Increment(ref asked);
            }
        }));

        // At least sixty changes, and as many more as a busy machine needs to ask while they go on.
        for (var i = 0; i < 60 || (i < 6000 && Volatile.Read(ref asked) <= 50); i++)
        {
            await nodes.ServeAsync(_ct, (service, [.. nodes.Servers.Where((_, index) => i % 3 == 2 || index != i % 3)]));
            if (i % 20 == 0)
            {
                nodes.Restart();
            }
        }

        await stop.CancelAsync();
        await asking;
        Assert.True(asked > 50, $"only {asked} connections were made");
    }

    [Fact]
    public async Task A_chain_is_in_force_before_anything_leads_to_it()
    {
        var ip = NextAddress();
        var service = ServingNodes.Service("grows", ip);

        // Twice: a chain that the test before left idle goes with the second change.
        await nodes.ServeAsync(_ct, (service, [nodes.Servers[0]]));
        await nodes.ServeAsync(_ct, (service, [nodes.Servers[1]]));
        using var kernel = NftablesSocket.Open(nodes[1].Network);

        // No chain for three endpoints is there yet: one transaction makes it, the next leads to it. The last needs no chain.
        Assert.Equal(2u, await GenerationsAsync(nodes.Servers[0], nodes.Servers[1], nodes.Servers[2]));
        Assert.Equal(1u, await GenerationsAsync(nodes.Servers[0]));

        async Task<uint> GenerationsAsync(params TestPod[] endpoints)
        {
            var before = kernel.Generation();
            await nodes.ServeAsync(_ct, (service, endpoints));
            return kernel.Generation() - before;
        }
    }

    [Fact]
    public async Task Applying_twice_or_after_a_restart_changes_nothing_in_the_kernel()
    {
        Shell.Need("nft");
        var tables = new[] { (ServingNodes.Service("a", NextAddress(), nodePort: 30086), nodes.Servers.ToArray()), (ServingNodes.Service("b", NextAddress(), nodePort: 30087), []) };
        await nodes.ServeAsync(_ct, tables);
        var before = nodes[1].Network.Sh("nft -a list ruleset");

        await nodes.ServeAsync(_ct, tables);
        nodes.Restart();
        await nodes.ServeAsync(_ct, tables);

        Assert.Equal(before, nodes[1].Network.Sh("nft -a list ruleset"));
    }

    [Fact]
    public async Task What_others_flush_or_add_is_put_right()
    {
        Shell.Need("nft");
        var service = ServingNodes.Service("mend", NextAddress(), nodePort: 30088);
        var proxy = ServingNodes.NewProxy(nodes[1]);
        var table = ServingNodes.TableOf(nodes[1], (service, [.. nodes.Servers]));

        // From nothing: a table that grew with earlier tests lists its chains in the order in which they came.
        nodes[1].Network.Sh("nft flush ruleset");
        await proxy.ReconcileAsync(table, _ct);
        var before = Blocks(nodes[1].Network.Sh("nft list table ip fairlead-proxy"));

        foreach (var damage in new[]
        {
            "nft flush ruleset", "nft flush chain ip fairlead-proxy services", "nft flush map ip fairlead-proxy service-ips", "nft flush map ip fairlead-proxy endpoints",
            "nft add element ip fairlead-proxy cluster-ips '{ 10.96.9.9 }'", "nft delete chain ip fairlead-proxy filter-forward",
            "nft add element ip fairlead-proxy service-ips '{ 10.96.9.9 . tcp . 1 : drop }'",
            "{ echo delete table ip fairlead-proxy; nft list table ip fairlead-proxy | sed 's/masquerade fully-random/accept/'; } | nft -f -",
        })
        {
            nodes[1].Network.Sh(damage);
            await proxy.ReconcileAsync(table, _ct);
            Assert.Equal(before, Blocks(nodes[1].Network.Sh("nft list table ip fairlead-proxy")));
        }

        await new MasqueradeReconciler([ThreeNodes.ClusterCidr], [ThreeNodes.ServiceCidr], nodes[1].Network, NullLogger<MasqueradeReconciler>.Instance)
            .ReconcileAsync(nodes.TopologyOf(nodes[1]), _ct);
    }

    [Fact]
    public async Task What_others_changed_beside_a_change_of_ours_is_found_at_the_next_look()
    {
        Shell.Need("nft");
        var (first, second) = (ServingNodes.Service("beside-1", NextAddress()), ServingNodes.Service("beside-2", NextAddress()));
        var proxy = ServingNodes.NewProxy(nodes[1]);
        await proxy.ReconcileAsync(ServingNodes.TableOf(nodes[1], (first, [nodes.Servers[0]])), _ct);
        nodes[1].Network.Sh("nft flush chain ip fairlead-proxy nodeports");

        var table = ServingNodes.TableOf(nodes[1], (first, [nodes.Servers[0]]), (second, [nodes.Servers[0]]));
        await proxy.ReconcileAsync(table, _ct);
        await proxy.ReconcileAsync(table, _ct);

        Assert.Contains("@service-nodeports", nodes[1].Network.Sh("nft list chain ip fairlead-proxy nodeports"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_flush_is_told_by_the_kernel_with_the_name_of_the_table()
    {
        Shell.Need("nft");
        using var monitor = NftablesMonitor.Open(nodes[1].Network);
        nodes[1].Network.Sh("nft add table ip told");
        nodes[1].Network.Sh("nft delete table ip told");

        var heard = 0;
        await foreach (var change in monitor.ReadAllAsync(_ct))
        {
            if (change is { Family: NftFamily.Ip, Table: "told" } && ++heard == 2)
            {
                break;
            }
        }

        Assert.Equal(2, heard);
    }

    [Fact]
    public async Task Off_means_gone()
    {
        Shell.Need("nft");
        var proxy = ServingNodes.NewProxy(nodes[2]);
        await proxy.ReconcileAsync(ServingNodes.TableOf(nodes[2], (ServingNodes.Service("x", NextAddress()), [nodes.Servers[0]])), _ct);

        await proxy.CleanAsync(_ct);
        await proxy.CleanAsync(_ct);

        Assert.DoesNotContain("fairlead-proxy", nodes[2].Network.Sh("nft list tables"), StringComparison.Ordinal);
        nodes.Restart();
    }

    /// <summary>The sets and chains of a listing, in an order of their own: nft's is the one in which they came.</summary>
    private static string Blocks(string listing) => string.Join("\n\n", listing.Split("\n\n").Select(b => b.TrimEnd('}', '\t', '\n')).Order(StringComparer.Ordinal));

    private static string NextAddress()
    {
        lock (s_addresses)
        {
            return $"10.96.0.{s_next++}";
        }
    }

    private async Task AssertRefusedAsync(Fairlead.Linux.Namespaces.NetworkNamespace from, string address, int port)
    {
        var error = await Assert.ThrowsAsync<SocketException>(() => from.ConnectAsync(address, port, _ct));
        Assert.Equal(SocketError.ConnectionRefused, error.SocketErrorCode);
    }

    /// <summary>Nothing comes back for a while: neither an answer nor a refusal.</summary>
    private async Task AssertSilentAsync(Fairlead.Linux.Namespaces.NetworkNamespace from, string address, int port)
    {
        using var soon = CancellationTokenSource.CreateLinkedTokenSource(_ct);
        soon.CancelAfter(TimeSpan.FromMilliseconds(300));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => from.ConnectAsync(address, port, soon.Token));
    }
}
