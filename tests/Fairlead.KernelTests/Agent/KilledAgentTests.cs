using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Fairlead.Cni.Protocol;
using Fairlead.KernelTests.Cni;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Kube.Client;
using Fairlead.Kube.Objects;
using Fairlead.Linux.Namespaces;

namespace Fairlead.KernelTests.Agent;

/// <summary>Kills agents with SIGKILL while pods come and go: in the middle of their start, of an ADD, of a change of the rules.</summary>
public sealed class KilledAgentTests
{
    private const int Nodes = 2;
    private const int Port = 7000;
    private const string Range = "10.32.1.0/27"; // small, so that addresses come round
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(20);

    /// <summary>Enough to see a fault that is there most times; FAIRLEAD_KILLS=200 is the whole measure.</summary>
    private static readonly int s_killsOfNode = int.Parse(Environment.GetEnvironmentVariable("FAIRLEAD_KILLS") ?? "40", CultureInfo.InvariantCulture) / Nodes;
    private readonly CancellationToken _ct = TestContext.Current.CancellationToken;

    [Fact]
    public async Task Kills_at_any_moment_lose_no_address_break_no_connection_and_open_no_pod()
    {
        var nodes = await Task.WhenAll(Enumerable.Range(0, Nodes).Select(seed => Task.Run(() => OnNodeAsync(seed))));

        Assert.Equal(Nodes * s_killsOfNode, nodes.Sum(n => n.Kills));
        Assert.All(nodes, n => Assert.True(n.Pods > 5, $"only {n.Pods} pods came and went"));
        Assert.All(nodes, n => Assert.True(n.Lines > 5, $"only {n.Lines} lines were echoed"));
    }

    private async Task<(int Kills, int Pods, int Lines)> OnNodeAsync(int seed)
    {
        await using var node = await AgentNode.MakeAsync(Range);
        await node.CreateAsync(new NetworkPolicy
        {
            Metadata = new() { Namespace = "shop", Name = "closed" },
            Spec = new() { PodSelector = new(), PolicyTypes = ["Ingress"] },
        });
        using var child = new AgentChild(node);
        using var first = child.Start();
        await Eventually.TrueAsync(() => first.IsAlive ? Directory.EnumerateFiles(node.Node.ConfigFolder, "*.conflist").Any() && File.Exists(node.Socket) : throw Died(child), _ct);

        var (client, server) = (await node.AddPodAsync("open", "client"), await node.AddPodAsync("open", "server"));
        var steady = await node.AddPodAsync("shop", "steady");
        using var greeter = new Greeter(server.Network, "server", 8080);
        using var stream = await client.Network.ConnectAsync($"{server.Address}", 8080, _ct);
        await Talk.ReadLineAsync(stream, _ct);
        using var flood = new Flood(client.Network, Port, TimeSpan.FromMilliseconds(5));
        using var unheard = steady.Network.Listen(IPAddress.Any, Port, ProtocolType.Udp);

        using var end = new CancellationTokenSource();
        var echoing = EchoAsync(stream, end.Token);
        var live = new ConcurrentDictionary<IPAddress, string>([new(client.Address, "client"), new(server.Address, "server"), new(steady.Address, "steady")]);
        var (closed, open) = (new Count(), new Count());
        var churning = Task.WhenAll(ChurnAsync(node, live, "shop", closed, end.Token), ChurnAsync(node, live, "open", open, end.Token));
        first.Kill();
        var kills = await KillAsync(node, child, new Random(seed), closed, () => churning.IsFaulted || echoing.IsFaulted) + 1;

        using var last = child.Start();
        await Eventually.TrueAsync(() => File.Exists(node.Socket), _ct);
        await end.CancelAsync();
        await churning;
        var lines = await echoing;
        Assert.Equal(0, unheard.Available);

        // What is kept on disk is what pods have, and not one address more.
        Assert.Equal(live.Keys.Select(a => $"{a}").Order(StringComparer.Ordinal), Reserved(node));
        Assert.Equal(3, node.Node.Cables().Length);
        last.Kill();
        return (kills, open.Value + closed.Value, lines);
    }

    /// <summary>Starts the agent and kills it: somewhere in its start, when it has just begun to listen, and when a pod that is closed has come and gone.</summary>
    private async Task<int> KillAsync(AgentNode node, AgentChild child, Random random, Count closed, Func<bool> isOver)
    {
        var kills = 0;
        while (kills < s_killsOfNode - 1 && !isOver())
        {
            using var agent = child.Start();
            var before = closed.Value;
            Func<bool> isReached = (kills % 5) switch
            {
                0 => () => closed.Value > before + 1 || isOver(),
                1 or 3 => () => File.Exists(node.Socket),
                _ => () => true,
            };
            await Eventually.TrueAsync(() => agent.IsAlive ? isReached() : throw Died(child), _ct);
            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(300)), TimeProvider.System, _ct);
            agent.Kill();
            await agent.WaitAsync(_ct);
            kills++;
        }

        return kills;
    }

    /// <summary>Pods come and go.</summary>
    private async Task ChurnAsync(AgentNode node, ConcurrentDictionary<IPAddress, string> live, string ns, Count count, CancellationToken end)
    {
        for (; !end.IsCancellationRequested; count.Value++)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"{ns}-{count.Value}");
            var (network, attachment) = await node.NewPodAsync(ns, name);
            using (network)
            {
                using var socket = network.Listen(IPAddress.Any, Port, ProtocolType.Udp);
                var address = await AddAsync(node, attachment);
                Assert.True(live.TryAdd(address, name), $"{address} was given to {name} and is {live.GetValueOrDefault(address)}'s");
                Assert.True(ns == "open" || socket.Available == 0, $"a packet came to {name}, which is closed");
                Assert.True(live.TryRemove(address, out _));
                await node.Runtime.DelAsync(attachment, _ct);
                Assert.True(ns == "open" || socket.Available == 0, $"a packet came to {name}, which was closed");
            }

            NetworkNamespace.Delete(network.Name!);
            await node.Api.Client.DeleteAsync(KubeResources.Pods, ns, name, new DeleteOptions { GracePeriodSeconds = 0 }, _ct);
            await Task.Delay(s_pause, TimeProvider.System, _ct);
        }
    }

    /// <summary>As a runtime does it: a refusal that says "later" is tried again.</summary>
    private async Task<IPAddress> AddAsync(AgentNode node, Fairlead.Cni.Runtime.CniAttachment attachment)
    {
        while (true)
        {
            try
            {
                return (await node.Runtime.AddAsync(attachment, _ct)).Addresses[0].Address;
            }
            catch (CniException e) when (e.Code == CniErrorCode.TryAgainLater)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, _ct);
            }
        }
    }

    private async Task<int> EchoAsync(Socket stream, CancellationToken end)
    {
        var lines = 0;
        for (; !end.IsCancellationRequested; lines++)
        {
            await Talk.EchoAsync(stream, string.Create(CultureInfo.InvariantCulture, $"line {lines}"), _ct);
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, _ct);
        }

        return lines;
    }

    private static string[] Reserved(AgentNode node)
        => [.. Directory.GetFiles(Path.Combine(node.State, "cni", "networks", "fairlead")).Select(f => Path.GetFileName(f)).Where(n => IPAddress.TryParse(n, out _)).Order(StringComparer.Ordinal)];

    private static InvalidOperationException Died(AgentChild child) => new($"the agent has ended: {File.ReadAllText(child.Log, Encoding.UTF8)}");

    private sealed class Count
    {
        private int _value;

        public int Value
        {
            get => Volatile.Read(ref _value);
            set => Volatile.Write(ref _value, value);
        }
    }
}
