using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Fairlead.Agent;
using Fairlead.Agent.CniConfig;
using Fairlead.Agent.Overlay;
using Fairlead.Core.Nodes;
using Fairlead.Core.Services;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Fairlead.Linux.Netlink.Route;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fairlead.KernelTests.Agent;

/// <summary>The whole agent on three nodes, against a real API server.</summary>
public sealed class AgentRoleKernelTests : IAsyncLifetime
{
    private readonly ThreeNodes _nodes = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("fairlead-t-").FullName;
    private readonly CancellationToken _ct = TestContext.Current.CancellationToken;
    private ApiFixture _api = null!;

    public async ValueTask InitializeAsync()
    {
        _api = await ApiFixture.StartAsync(_ct);
        await _api.RegisterAsync(_nodes.Nodes, _ct);
    }

    public async ValueTask DisposeAsync()
    {
        await _api.DisposeAsync();
        _nodes.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Agents_make_a_network_and_say_so()
    {
        await using var agents = await StartAsync();
        var (server, client) = (_nodes[3].AddPod(), _nodes[1].AddPod());
        using var greeter = new Greeter(server.Network, server.Name, 8080);
        await CreateServiceAsync("web", "10.96.0.10", server);

        Assert.Equal($"n3-2 sees {client.Address}", await client.Network.AskAsync($"{server.Address}", 8080, _ct));
        Assert.Equal($"n3-2 sees {client.Address}", await EventuallyAsync(() => client.Network.AskAsync("10.96.0.10", 80, _ct)));

        var conflist = JsonNode.Parse(await File.ReadAllTextAsync(ConflistOf(_nodes[2]), _ct))!;
        Assert.Equal("10.32.2.0/24", (string?)conflist["plugins"]![0]!["ipam"]!["ranges"]![0]![0]!["subnet"]);
        Assert.Equal(1450, (int?)conflist["plugins"]![0]!["mtu"]);
        var node = await EventuallyAsync(async () =>
        {
            var n = await _api.Client.GetAsync(KubeResources.Nodes, null, "n2", _ct);
            return n.Status.Conditions.Any(c => c is { Type: "NetworkUnavailable", Status: "False" }) ? n : throw new InvalidOperationException("not yet");
        });
        Assert.Equal(VtepAddress.Format(VtepAddress.Of("n2")), node.Metadata.Annotations.Find(VtepAddress.Annotation));
    }

    [Fact]
    public async Task Health_and_metrics_are_served_in_the_nodes_network()
    {
        await using var agents = await StartAsync(port: 10256);

        var (_, body) = await EventuallyAsync(async () => await GetAsync("/readyz") is (200, _) and var ready ? ready : throw new InvalidOperationException("not yet"));
        Assert.StartsWith("[+]pod-network\n[+]services\n[+]network-policy\n", body, StringComparison.Ordinal);
        var (status, health) = await GetAsync("/healthz");
        Assert.Equal((200, true), (status, (bool?)JsonNode.Parse(health)!["nodeEligible"]));
        Assert.Equal(200, (await GetAsync("/livez")).Status);
        Assert.Equal(404, (await GetAsync("/other")).Status);
        var metrics = (await GetAsync("/metrics")).Body;
        Assert.Contains("kubeproxy_sync_proxy_rules_duration_seconds_count{ip_family=\"IPv4\"}", metrics, StringComparison.Ordinal);
        Assert.Contains("fairlead_reconcile_duration_seconds_count{reconciler=\"overlay\"}", metrics, StringComparison.Ordinal);
        Assert.Contains("process_resident_memory_bytes", metrics, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_agent_that_ends_and_starts_anew_breaks_no_connection_and_changes_nothing()
    {
        Shell.Need("nft");
        var (server, client) = (_nodes[3].AddPod(), _nodes[1].AddPod());
        using var greeter = new Greeter(server.Network, server.Name, 8080);
        await using var first = await StartAsync();
        await CreateServiceAsync("web", "10.96.0.10", server);
        using var direct = await client.Network.ConnectAsync($"{server.Address}", 8080, _ct);
        using var throughService = await EventuallyAsync(() => client.Network.ConnectAsync("10.96.0.10", 80, _ct));
        await Talk.ReadLineAsync(direct, _ct);
        await Talk.ReadLineAsync(throughService, _ct);
        var before = StateOf(_nodes[1]);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(_ct);
        var lines = 0;
        var streams = Task.WhenAll(new[] { direct, throughService }.Select(async stream =>
        {
            while (!stop.IsCancellationRequested)
            {
                await Talk.EchoAsync(stream, $"line {Interlocked.Increment(ref lines)}", _ct);
            }
        }));

        await first.DisposeAsync();
        Assert.Equal(before, StateOf(_nodes[1]));
        await using var second = await StartAsync();

        Assert.Equal(before, StateOf(_nodes[1]));
        await stop.CancelAsync();
        await streams;
        Assert.True(lines > 10, $"only {lines} lines");
    }

    [Fact]
    public async Task What_somebody_takes_away_is_back_in_a_moment()
    {
        await using var agents = await StartAsync();
        using var routes = RouteSocket.Open(_nodes[1].Network);
        var link = routes.GetLink(VxlanPlanner.LinkName).Index;

        routes.DeleteRoute(routes.Routes(RouteProtocol.Fairlead).Single(r => $"{r.Destination}" == "10.32.3.0/24"));
        await EventuallyAsync(() => Task.FromResult(routes.Routes(RouteProtocol.Fairlead).Single(r => $"{r.Destination}" == "10.32.3.0/24")));
        routes.DeleteLink(link);
        await EventuallyAsync(() => Task.FromResult(routes.Routes(RouteProtocol.Fairlead).Count == 2 ? 2 : throw new InvalidOperationException("not yet")));
    }

    [Fact]
    public async Task A_flush_of_the_service_table_by_somebody_else_is_mended_in_a_moment()
    {
        Shell.Need("nft");
        await using var agents = await StartAsync();
        await EventuallyAsync(() => Task.FromResult(_nodes[1].Network.Sh("nft list chain ip fairlead-proxy services")));

        _nodes[1].Network.Sh("nft delete table ip fairlead-proxy");

        await EventuallyAsync(() => Task.FromResult(_nodes[1].Network.Sh("nft list chain ip fairlead-proxy services")));
    }

    [Fact]
    public async Task A_flush_of_the_masquerade_by_somebody_else_is_mended_in_a_moment()
    {
        Shell.Need("nft");
        await using var agents = await StartAsync();
        var before = await EventuallyAsync(() => Task.FromResult(_nodes[1].Network.Sh("nft list chain ip fairlead-masquerade postrouting")));

        foreach (var damage in (string[])["delete table ip fairlead-masquerade", "flush chain ip fairlead-masquerade postrouting"])
        {
            _nodes[1].Network.Sh($"nft {damage}");

            await EventuallyAsync(() => _nodes[1].Network.Sh("nft list chain ip fairlead-masquerade postrouting") == before
                ? Task.FromResult(true)
                : throw new InvalidOperationException("not yet"));
        }
    }

    [Fact]
    public async Task A_policy_holds_behind_a_service_too_and_what_it_denies_is_counted_and_told()
    {
        var log = new ListLogger();
        await using var agents = await StartAsync(port: 10256, loggers: new LoggerFactory([log]));
        var (server, web, other) = (_nodes[1].AddPod(), _nodes[1].AddPod(), _nodes[3].AddPod());
        using var greeter = new Greeter(server.Network, server.Name, 8080);
        await CreateServiceAsync("db", "10.96.0.11", server);
        await CreatePodAsync(server, "db");
        await CreatePodAsync(web, "web");
        await CreatePodAsync(other, "other");
        await EventuallyAsync(() => other.Network.AskAsync("10.96.0.11", 80, _ct));

        await _api.Client.CreateAsync(KubeResources.NetworkPolicies, new NetworkPolicy
        {
            Metadata = new() { Namespace = "default", Name = "db-from-web" },
            Spec = new()
            {
                PodSelector = new() { MatchLabels = EquatableMap.Of(("app", "db")) },
                Ingress = [new() { From = [new() { PodSelector = new() { MatchLabels = EquatableMap.Of(("app", "web")) } }], Ports = [new() { Port = 8080 }] }],
            },
        }, _ct);

        await EventuallyAsync(async () => await IsDeniedAsync(other, "10.96.0.11", 80) ? true : throw new InvalidOperationException("not yet"));
        Assert.True(await IsDeniedAsync(other, $"{server.Address}", 8080));
        Assert.Equal($"{server.Name} sees {web.Address}", await web.Network.AskAsync("10.96.0.11", 80, _ct));
        Assert.Equal($"{server.Name} sees {web.Address}", await web.Network.AskAsync($"{server.Address}", 8080, _ct));

        // The node reaches its own pods whatever policies say.
        Assert.StartsWith(server.Name, await _nodes[1].Network.AskAsync($"{server.Address}", 8080, _ct), StringComparison.Ordinal);
        Assert.Matches("fairlead_policy_denied_packets_total\\{[^}]*policy=\"db-from-web\"[^}]*\\} [1-9]", (await GetAsync("/metrics")).Body);
        var told = await EventuallyAsync(() => Task.FromResult(log.Lines.First(l => l.Contains("Denied", StringComparison.Ordinal))));
        Assert.Matches($"Denied by ingress policy default/db-from-web: TCP from default/{other.Name} \\({other.Address}\\) port \\d+ to default/{server.Name} \\({server.Address}\\) port 8080", told);

        await _api.Client.DeleteAsync(KubeResources.NetworkPolicies, "default", "db-from-web", ct: _ct);
        await EventuallyAsync(() => other.Network.AskAsync("10.96.0.11", 80, _ct));
    }

    private async Task<bool> IsDeniedAsync(TestPod from, string address, int port)
    {
        using var quickly = CancellationTokenSource.CreateLinkedTokenSource(_ct);
        quickly.CancelAfter(TimeSpan.FromMilliseconds(500));
        try
        {
            _ = await from.Network.AskAsync(address, port, quickly.Token);
            return false;
        }
        catch (OperationCanceledException) when (!_ct.IsCancellationRequested)
        {
            return true;
        }
    }

    private async Task CreatePodAsync(TestPod pod, string app)
    {
        var created = await _api.Client.CreateAsync(KubeResources.Pods, new Pod
        {
            Metadata = new() { Namespace = "default", Name = pod.Name, Labels = EquatableMap.Of(("app", app)) },
            Spec = new() { NodeName = pod.Node.Name, Containers = [new Container { Name = "c", Image = "none" }] },
        }, _ct);
        await _api.Client.UpdateStatusAsync(
            KubeResources.Pods, created with { Status = new() { Phase = "Running", PodIP = $"{pod.Address}", PodIPs = [new PodIP { Ip = $"{pod.Address}" }] } }, _ct);
    }

    [Fact]
    public async Task A_node_that_is_deleted_is_gone_and_one_that_joins_is_there()
    {
        await using var agents = await StartAsync();
        using var routes = RouteSocket.Open(_nodes[1].Network);

        await _api.Client.DeleteAsync(KubeResources.Nodes, null, "n3", ct: _ct);
        await EventuallyAsync(() => Task.FromResult(routes.Routes(RouteProtocol.Fairlead).Single()));
        await _api.RegisterAsync([_nodes[3]], _ct);
        await EventuallyAsync(() => Task.FromResult(routes.Routes(RouteProtocol.Fairlead).Count == 2 ? 2 : throw new InvalidOperationException("not yet")));
    }

    [Fact]
    public async Task Cleanup_removes_all_of_it_and_only_that()
    {
        Shell.Need("nft");
        var before = StateOf(_nodes[1]);
        var others = Path.Combine(_folder, "n1", "net.d", "05-other.conflist");
        Directory.CreateDirectory(Path.GetDirectoryName(others)!);
        await File.WriteAllTextAsync(others, "{}", _ct);
        await (await StartAsync()).DisposeAsync();

        await AgentRole.RunAsync(OptionsOf(_nodes[1], 0) with { Cleanup = true, Api = null }, _ct);

        Assert.Equal(before, StateOf(_nodes[1]));
        Assert.Equal(["05-other.conflist"], Directory.GetFiles(Path.GetDirectoryName(others)!).Select(f => Path.GetFileName(f)!));
    }

    private async Task<(int Status, string Body)> GetAsync(string path)
    {
        using var socket = await _nodes[1].Network.ConnectAsync($"{_nodes[1].Address}", 10256, _ct);
        await socket.SendAsync(Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n"), _ct);
        using var reader = new StreamReader(new NetworkStream(socket));
        var answer = await reader.ReadToEndAsync(_ct);
        return (int.Parse(answer.AsSpan(9, 3), System.Globalization.CultureInfo.InvariantCulture), answer[(answer.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..]);
    }

    private async Task CreateServiceAsync(string name, string ip, TestPod pod)
    {
        await _api.Client.CreateAsync(KubeResources.Services, new Service
        {
            Metadata = new() { Namespace = "default", Name = name },
            Spec = new() { ClusterIP = ip, Ports = [new ServicePort { Name = "http", Port = 80, Protocol = "TCP" }] },
        }, _ct);
        await _api.Client.CreateAsync(KubeResources.EndpointSlices, new EndpointSlice
        {
            Metadata = new() { Namespace = "default", Name = $"{name}-1", Labels = EquatableMap.Of((ServiceTableCompiler.ServiceNameLabel, name)) },
            AddressType = "IPv4",
            Ports = [new EndpointPort { Name = "http", Port = 8080, Protocol = "TCP" }],
            Endpoints = [new Endpoint { Addresses = [$"{pod.Address}"], NodeName = pod.Node.Name }],
        }, _ct);
    }

    private AgentOptions OptionsOf(TestNode node, int port) => new()
    {
        Api = _api.Config,
        NodeName = node.Name,
        CniConfDir = Path.Combine(_folder, node.Name, "net.d"),
        StateDir = Path.Combine(_folder, node.Name, "state"),
        CniSocket = Path.Combine(_folder, node.Name, "cni.sock"),
        ClusterCidr = ThreeNodes.ClusterCidr,
        ServiceCidr = ThreeNodes.ServiceCidr,
        HealthPort = port,
        Network = node.Network,
    };

    private string ConflistOf(TestNode node) => Path.Combine(_folder, node.Name, "net.d", CniConflist.FileName);

    /// <summary>Starts the agents and waits until each has routes to the others and told its runtime.</summary>
    private async Task<RunningAgents> StartAsync(int port = 0, ILoggerFactory? loggers = null)
    {
        var running = new RunningAgents([.. _nodes.Nodes.Select(n => OptionsOf(n, port) with { Loggers = loggers ?? NullLoggerFactory.Instance })]);
        foreach (var node in _nodes.Nodes)
        {
            await EventuallyAsync(() => running.Failure is { } failure ? failure : Task.FromResult(File.Exists(ConflistOf(node)) ? 0 : throw new InvalidOperationException("no configuration yet")));
            using var routes = RouteSocket.Open(node.Network);
            await EventuallyAsync(() => Task.FromResult(routes.Routes(RouteProtocol.Fairlead).Count == 2 ? 2 : throw new InvalidOperationException("no routes yet")));
            await EventuallyAsync(() => Task.FromResult(node.Network.Sh("nft list tables 2>/dev/null || true").Contains("fairlead-proxy", StringComparison.Ordinal) || !File.Exists("/usr/sbin/nft")
                ? 0
                : throw new InvalidOperationException("no services yet")));
        }

        return running;
    }

    private static string StateOf(TestNode node)
        => node.Network.Sh("ip -o link | grep -o '^[0-9]*: [^:]*' | sort; ip route show; ip -4 addr show; bridge fdb show | grep dst | sort; ip neigh show nud permanent | sort; nft -a list ruleset");

    /// <summary>Tries until it does not throw; the last exception is the test's.</summary>
    private async Task<T> EventuallyAsync<T>(Func<Task<T>> body)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(_ct);
        patience.CancelAfter(TimeSpan.FromSeconds(20));
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (true)
        {
            try
            {
                return await body();
            }
            catch (Exception) when (!patience.IsCancellationRequested)
            {
                await timer.WaitForNextTickAsync(_ct);
            }
        }
    }

    /// <summary>Agents of several nodes in this process.</summary>
    private sealed class RunningAgents : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly List<Task> _running;

        public RunningAgents(IReadOnlyList<AgentOptions> options) => _running = [.. options.Select(o => Task.Run(() => AgentRole.RunAsync(o, _stop.Token)))];

        /// <summary>An agent that has failed; null while all run.</summary>
        public Task<int>? Failure => _running.Find(t => t.IsFaulted) is { } failed ? failed.ContinueWith<int>(t => throw t.Exception!, TaskScheduler.Default) : null;

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await Task.WhenAll(_running);
        }
    }
}
