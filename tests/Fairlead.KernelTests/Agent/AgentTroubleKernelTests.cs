using System.Net;
using System.Net.Sockets;
using System.Text;
using Fairlead.Agent;
using Fairlead.Agent.CniConfig;
using Fairlead.Agent.Overlay;
using Fairlead.Core.Nodes;
using Fairlead.Core.Nodes.Blocks;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Kube.Client;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.KernelTests.Agent;

/// <summary>An agent whose node, ranges or surroundings are wrong says so in <c>/readyz</c> and as an Event, changes nothing, and goes on once it is mended.</summary>
public sealed class AgentTroubleKernelTests : IAsyncLifetime
{
    private readonly ThreeNodes _nodes = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("fairlead-t-").FullName;
    private readonly CancellationToken _ct = TestContext.Current.CancellationToken;
    private readonly List<Running> _agents = [];
    private ApiFixture _api = null!;

    public async ValueTask InitializeAsync() => _api = await ApiFixture.StartAsync(_ct);

    public async ValueTask DisposeAsync()
    {
        await _api.DisposeAsync();
        _nodes.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task A_range_that_somebody_has_a_route_to_is_left_alone_until_the_route_is_gone()
    {
        await _api.RegisterAsync([_nodes[1]], _ct);
        _nodes[1].Network.Sh("ip route add 10.32.1.64/26 via 198.19.0.1");
        var before = StateOf(_nodes[1]);
        await using var agent = Start(_nodes[1]);

        var page = await ReadyzAsync("PodRangeOverlapsRoute");
        Assert.Contains("[-]PodRangeOverlapsRoute: pod range 10.32.1.0/24 of node n1 overlaps the route 10.32.1.64/26 via 198.19.0.1", page.Body, StringComparison.Ordinal);
        Assert.Equal(503, page.Status);
        await EventAsync("PodRangeOverlapsRoute");
        Assert.Equal(before, StateOf(_nodes[1]));
        Assert.False(File.Exists(ConflistOf(_nodes[1])));

        _nodes[1].Network.Sh("ip route del 10.32.1.64/26");
        await EventuallyAsync(() => File.Exists(ConflistOf(_nodes[1])));
        Assert.DoesNotContain("PodRangeOverlaps", (await GetAsync("/readyz")).Body, StringComparison.Ordinal);
    }

    /// <summary>Reason of the Event, the range that the Node object gives, what the page names.</summary>
    [Theory]
    [InlineData("PodRangeOverlapsUnderlay", "198.19.0.0/23", "198.19.0.11/24")]
    [InlineData("PodRangeOverlapsServices", "10.96.4.0/24", "10.96.0.0/12")]
    [InlineData("NoPodRange", "", "node n1 has no spec.podCIDR")]
    [InlineData("InvalidPodRange", "10.32.1.0", "10.32.1.0")]
    public async Task A_node_with_a_range_that_cannot_be_gets_nothing_and_is_told(string reason, string range, string place)
    {
        var node = _nodes[1].Object;
        var spec = range.Length == 0 ? new NodeSpec() : new NodeSpec { PodCIDR = range, PodCIDRs = [range] };
        await RegisterAsync(node with { Spec = spec });
        var before = StateOf(_nodes[1]);
        await using var agent = Start(_nodes[1]);

        var page = await ReadyzAsync(reason);
        Assert.Equal(503, page.Status);
        Assert.Contains(place, page.Body.Split('\n').First(l => l.StartsWith($"[-]{reason}", StringComparison.Ordinal)), StringComparison.Ordinal);
        await EventAsync(reason);
        Assert.Equal(before, StateOf(_nodes[1]));
        Assert.False(File.Exists(ConflistOf(_nodes[1])));
    }

    [Fact]
    public async Task Two_nodes_with_one_range_both_say_so()
    {
        await RegisterAsync(_nodes[1].Object);
        await RegisterAsync(_nodes[2].Object with { Spec = _nodes[1].Object.Spec });
        await using var agent = Start(_nodes[1]);

        var page = await ReadyzAsync("PodRangeClaimedTwice");
        Assert.Contains("nodes n1 (10.32.1.0/24) and n2 (10.32.1.0/24)", page.Body, StringComparison.Ordinal);
        await EventAsync("PodRangeClaimedTwice");
    }

    [Fact]
    public async Task Another_networks_configuration_is_named_and_left_alone()
    {
        await _api.RegisterAsync([_nodes[1]], _ct);
        var other = Path.Combine(_folder, "n1", "net.d", "05-other.conflist");
        Directory.CreateDirectory(Path.GetDirectoryName(other)!);
        await File.WriteAllTextAsync(other, "{}", _ct);
        await using var agent = Start(_nodes[1]);

        var page = await ReadyzAsync("OtherCniNetworkFirst");
        Assert.Contains("05-other.conflist", page.Body, StringComparison.Ordinal);
        await EventAsync("OtherCniNetworkFirst");
        Assert.Equal("{}", await File.ReadAllTextAsync(other, _ct));
    }

    [Fact]
    public async Task An_agent_that_starts_without_its_API_server_keeps_the_last_known_network_and_says_how_old_it_is()
    {
        await _api.RegisterAsync(_nodes.Nodes, _ct);
        await using (var first = Start(_nodes[1]))
        await using (var second = Start(_nodes[2], port: 0))
        {
            await EventuallyAsync(() => Routes(_nodes[1]) == 1 && File.Exists(ConflistOf(_nodes[1])));

            // The state is on disk once it holds the other node's overlay address.
            await EventuallyAsync(() => File.ReadAllText(Path.Combine(_folder, "n1", "state", "last-known.json")).Contains(VtepAddress.Format(VtepAddress.Of("n2")), StringComparison.Ordinal));
        }

        _nodes[1].Network.Sh($"ip link del {VxlanPlanner.LinkName}");
        await using var agent = Start(_nodes[1], api: KubeConfig.UnixSocket(Path.Combine(_folder, "nobody.sock")));

        await EventuallyAsync(() => Routes(_nodes[1]) == 1);
        var page = await ReadyzAsync("ApiServerUnreachable");
        Assert.Contains("may be old", page.Body, StringComparison.Ordinal);
        await ReadyzAsync("[+]pod-network");
    }

    [Fact]
    public async Task An_agent_that_has_never_seen_its_API_server_changes_nothing_and_says_why()
    {
        var before = StateOf(_nodes[1]);
        await using var agent = Start(_nodes[1], api: KubeConfig.UnixSocket(Path.Combine(_folder, "nobody.sock")));

        var page = await ReadyzAsync("ApiServerUnreachable");
        Assert.Equal(503, page.Status);
        Assert.Contains("holds no earlier state", page.Body, StringComparison.Ordinal);
        Assert.Equal(before, StateOf(_nodes[1]));
    }

    [Fact]
    public async Task Nodes_divide_the_range_themselves_and_one_whose_block_fills_takes_another()
    {
        foreach (var node in _nodes.Nodes)
        {
            await RegisterAsync(node.Object with { Spec = new() });
        }

        await using var one = Start(_nodes[1], change: Own);
        await using var two = Start(_nodes[2], 0, change: Own);
        await using var three = Start(_nodes[3], 0, change: Own);
        await EventuallyAsync(() => _nodes.Nodes.All(n => Routes(n) == 2 && File.Exists(ConflistOf(n))));
        var blocks = await BlocksAsync();
        Assert.Equal(3, blocks.Count);
        Assert.Equal(3, blocks.Select(b => b.Block).Distinct().Count());

        // As the plugin keeps what it gives: a file for each address.
        var mine = blocks.Single(b => b.Node == "n1").Block;
        var store = Directory.CreateDirectory(Path.Combine(_folder, "n1", "state", "cni", "networks", CniConflist.Network)).FullName;
        var bytes = mine.BaseAddress.GetAddressBytes();
        for (var i = 2; i < 14; i++)
        {
            await File.WriteAllTextAsync(Path.Combine(store, new IPAddress([bytes[0], bytes[1], bytes[2], (byte)(bytes[3] + i)]).ToString()), "pod\r\neth0", _ct);
        }

        await EventuallyAsync(() => BlocksAsync().GetAwaiter().GetResult().Count(b => b.Node == "n1") == 2);
        var second = (await BlocksAsync()).Single(b => b.Node == "n1" && b.Block != mine).Block;
        await EventuallyAsync(() => File.ReadAllText(ConflistOf(_nodes[1])).Contains(second.ToString(), StringComparison.Ordinal) && Routes(_nodes[2]) == 3 && Routes(_nodes[3]) == 3);
    }

    [Fact]
    public async Task A_range_without_a_free_block_is_told_of_and_the_node_that_has_none_is_not_ready()
    {
        foreach (var node in _nodes.Nodes.Take(2))
        {
            await RegisterAsync(node.Object with { Spec = new() });
        }

        await using var holder = Start(_nodes[2], 0, change: o => Own(o) with { ClusterCidr = IPNetwork.Parse("10.32.0.0/28") });
        await EventuallyAsync(() => File.Exists(ConflistOf(_nodes[2])));
        await using var agent = Start(_nodes[1], change: o => Own(o) with { ClusterCidr = IPNetwork.Parse("10.32.0.0/28") });

        var page = await ReadyzAsync("RangeExhausted");
        Assert.Equal(503, page.Status);
        await EventAsync("RangeExhausted");
        Assert.False(File.Exists(ConflistOf(_nodes[1])));
    }

    private static AgentOptions Own(AgentOptions options) => options with { Ipam = "fairlead", BlockSize = 28 };

    private async Task<IReadOnlyList<BlockRecord>> BlocksAsync()
        => [.. (await _api.Client.ListAsync(KubeResources.Leases, BlockRecord.Namespace, new ListOptions(BlockRecord.Selector), _ct)).Items.Select(BlockRecord.TryRead).OfType<BlockRecord>()];

    private Running Start(TestNode node, int port = 10256, KubeConfig? api = null, Func<AgentOptions, AgentOptions>? change = null)
    {
        var options = new AgentOptions
        {
            Api = api ?? _api.Config,
            NodeName = node.Name,
            CniConfDir = Path.Combine(_folder, node.Name, "net.d"),
            StateDir = Path.Combine(_folder, node.Name, "state"),
            CniSocket = Path.Combine(_folder, node.Name, "cni.sock"),
            ClusterCidr = ThreeNodes.ClusterCidr,
            ServiceCidr = ThreeNodes.ServiceCidr,
            HealthPort = port,
            Network = node.Network,
        };
        var running = new Running(change is null ? options : change(options)).Begin();
        _agents.Add(running);
        return running;
    }

    private async Task RegisterAsync(Node node)
    {
        var created = await _api.Client.CreateAsync(KubeResources.Nodes, node with { Metadata = node.Metadata with { Annotations = default } }, _ct);
        await _api.Client.UpdateStatusAsync(KubeResources.Nodes, created with { Status = node.Status }, _ct);
    }

    private async Task EventAsync(string reason)
        => await EventuallyAsync(() => _api.Client.ListAsync(KubeResources.Events, ct: _ct).GetAwaiter().GetResult().Items
            .Any(e => e.Reason == reason && e.InvolvedObject is { Kind: "Node", Name: "n1" } && !string.IsNullOrEmpty(e.Message)));

    /// <summary>The page, once it names the problem.</summary>
    private async Task<(int Status, string Body)> ReadyzAsync(string reason)
    {
        (int Status, string Body) page = default;
        await EventuallyAsync(() => (page = GetAsync("/readyz").GetAwaiter().GetResult()).Body.Contains(reason, StringComparison.Ordinal));
        return page;
    }

    private async Task<(int Status, string Body)> GetAsync(string path)
    {
        using var socket = await _nodes[1].Network.ConnectAsync("198.19.0.11", 10256, _ct);
        await socket.SendAsync(Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n"), _ct);
        using var reader = new StreamReader(new NetworkStream(socket));
        var answer = await reader.ReadToEndAsync(_ct);
        return (int.Parse(answer.AsSpan(9, 3), System.Globalization.CultureInfo.InvariantCulture), answer[(answer.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..]);
    }

    private string ConflistOf(TestNode node) => Path.Combine(_folder, node.Name, "net.d", CniConflist.FileName);

    private static int Routes(TestNode node)
    {
        using var routes = RouteSocket.Open(node.Network);
        return routes.Routes(RouteProtocol.Fairlead).Count;
    }

    private static string StateOf(TestNode node) => node.Network.Sh("ip -o link | grep -o '^[0-9]*: [^:]*' | sort; ip route show; ip -4 addr show");

    /// <summary>Waits until it is so; what it throws meanwhile is not yet so either.</summary>
    private async Task EventuallyAsync(Func<bool> isSo)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(_ct);
        patience.CancelAfter(TimeSpan.FromSeconds(60));
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        while (true)
        {
            Assert.All(_agents, a => Assert.Null(a.Failure));
            try
            {
                if (await Task.Run(isSo, _ct))
                {
                    return;
                }
            }
            catch (Exception) when (!patience.IsCancellationRequested)
            {
                // Not yet.
            }

            await timer.WaitForNextTickAsync(patience.Token);
        }
    }

    /// <summary>An agent in this process.</summary>
    private sealed class Running(AgentOptions options) : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private Task? _task;

        public Exception? Failure => _task?.Exception;

        public Running Begin()
        {
            _task = Task.Run(() => AgentRole.RunAsync(options, _stop.Token));
            return this;
        }

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await (_task ?? Task.CompletedTask);
            _stop.Dispose();
        }
    }
}
