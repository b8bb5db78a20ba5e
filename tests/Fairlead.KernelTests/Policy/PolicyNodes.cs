using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Fairlead.Agent.Forwarding;
using Fairlead.Agent.Overlay;
using Fairlead.Agent.Policy;
using Fairlead.Core.Policy;
using Fairlead.KernelTests.Agent;
using Fairlead.Kube.Informers;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Fairlead.Linux.Namespaces;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fairlead.KernelTests.Policy;

/// <summary>A connection to try.</summary>
public sealed record Probe(PolicyTestPod From, PolicyTestPod To, string Protocol, int Port);

/// <summary>Nine pods of three namespaces on three nodes, which answer on two ports of TCP and two of UDP, and policies in force between them.</summary>
public sealed class PolicyNodes : ThreeNodes, IAsyncLifetime
{
    public static readonly int[] TcpPorts = [80, 81];
    public static readonly int[] UdpPorts = [53, 54];
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    /// <summary>What is not allowed and comes all the same comes within this after everything else has come.</summary>
    private static readonly TimeSpan s_settling = TimeSpan.FromMilliseconds(15);

    private readonly Dictionary<PolicyTestPod, NetworkNamespace> _networks = [];
    private readonly ConcurrentDictionary<string, byte> _heard = new(StringComparer.Ordinal);
    private readonly List<Socket> _listeners = [];
    private readonly Dictionary<TestNode, (PolicySource Source, PolicyReconciler Reconciler)> _agents = [];
    private int _probes;

    public List<PolicyTestPod> Pods { get; } = [];

    public Dictionary<string, Dictionary<string, string>> Namespaces { get; } = new()
    {
        ["a"] = new() { ["kubernetes.io/metadata.name"] = "a", ["team"] = "x" },
        ["b"] = new() { ["kubernetes.io/metadata.name"] = "b", ["team"] = "y", ["env"] = "prod" },
        ["c"] = new() { ["kubernetes.io/metadata.name"] = "c", ["team"] = "x", ["env"] = "test" },
    };

    public async ValueTask InitializeAsync()
    {
        string[] namespaces = ["a", "b", "c"];
        string[] apps = ["web", "db", "cache"];
        foreach (var node in Nodes)
        {
            var topology = TopologyOf(node);
            await new ForwardingReconciler(node.Network, NullLogger<ForwardingReconciler>.Instance).ReconcileAsync(topology, default);
            await node.Overlay().ReconcileAsync(topology, default);
            Restart(node);
            for (var i = 0; i < 3; i++)
            {
                var (made, app) = (node.AddPod(), apps[(Pods.Count / 3 + i) % 3]);
                var labels = new Dictionary<string, string> { ["app"] = app };
                if (Pods.Count % 4 != 3)
                {
                    labels["tier"] = Pods.Count % 2 == 0 ? "front" : "back";
                }

                var pod = new PolicyTestPod(namespaces[i], made.Name, node.Name, made.Address, labels, new()
                {
                    ["http"] = ("TCP", app == "web" ? 80 : 81),
                    ["dns"] = ("UDP", app == "db" ? 54 : 53),
                });
                Pods.Add(pod);
                _networks[pod] = made.Network;
                Listen(pod);
            }
        }
    }

    public ValueTask DisposeAsync()
    {
        _listeners.ForEach(l => l.Dispose());
        foreach (var agent in _agents.Values)
        {
            agent.Reconciler.Dispose();
        }

        Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>Takes an agent's memory away, as its restart does.</summary>
    public void Restart(TestNode node) => _agents[node] = (new(node.Name), new(node.Network, NullLogger<PolicyReconciler>.Instance));

    public PolicyTable TableOf(TestNode node) => _agents[node].Source.Table;

    public NetworkNamespace NetworkOf(PolicyTestPod pod) => _networks[pod];

    /// <summary>Brings policies in force on every node.</summary>
    public async Task EnforceAsync(IReadOnlyList<NetworkPolicy> policies, CancellationToken ct, IReadOnlyList<PolicyTestPod>? pods = null)
    {
        var store = Store.Of(policies);
        var podStore = Store.Of((pods ?? Pods).Select(ObjectOf));
        var namespaces = Store.Of(Namespaces.Select(n => new Namespace { Metadata = new() { Name = n.Key, Labels = EquatableMap.Create(n.Value) } }));
        foreach (var (source, reconciler) in _agents.Values)
        {
            await reconciler.ReconcileAsync(source.Update(store, podStore, namespaces), ct);
        }
    }

    public static Pod ObjectOf(PolicyTestPod pod) => new()
    {
        Metadata = new() { Namespace = pod.Namespace, Name = pod.Name, Labels = EquatableMap.Create(pod.Labels) },
        Spec = new()
        {
            NodeName = pod.Node,
            Containers = [new Container { Name = "c", Ports = [.. pod.Ports.Select(p => new ContainerPort { Name = p.Key, Protocol = p.Value.Protocol, Port = p.Value.Port })] }],
        },
        Status = new() { Phase = "Running", PodIP = pod.Address.ToString(), PodIPs = [new PodIP { Ip = pod.Address.ToString() }] },
    };

    /// <summary>Every connection between two pods.</summary>
    public IEnumerable<Probe> AllProbes()
        => from f in Pods
           from t in Pods
           where f != t
           from p in TcpPorts.Select(n => ("TCP", n)).Concat(UdpPorts.Select(n => ("UDP", n)))
           select new Probe(f, t, p.Item1, p.n);

    /// <summary>Tries all at once, and returns those that got through.</summary>
    /// <param name="probes">What to try.</param>
    /// <param name="expected">What is waited for; whatever else gets through is told as well.</param>
    /// <param name="ct">Ends the test.</param>
    public async Task<HashSet<Probe>> TryAsync(IReadOnlyList<Probe> probes, IReadOnlySet<Probe> expected, CancellationToken ct)
    {
        var sockets = new List<Socket>();
        try
        {
            var tcp = new List<(Probe Probe, Task Connect)>();
            var udp = new List<(Probe Probe, string Id)>();
            foreach (var group in probes.GroupBy(p => p.From))
            {
                var opened = _networks[group.Key].Run(() => group.Select(p => p.Protocol == "TCP"
                    ? new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)
                    : new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp)).ToList());
                sockets.AddRange(opened);
                foreach (var (probe, socket) in group.Zip(opened))
                {
                    if (probe.Protocol == "TCP")
                    {
                        tcp.Add((probe, socket.ConnectAsync(new IPEndPoint(probe.To.Address, probe.Port), ct).AsTask()));
                    }
                    else
                    {
                        var id = (++_probes).ToString(CultureInfo.InvariantCulture);
                        udp.Add((probe, id));
                        _ = await socket.SendToAsync(Encoding.ASCII.GetBytes(id), new IPEndPoint(probe.To.Address, probe.Port), ct);
                    }
                }
            }

            var deadline = DateTime.UtcNow + s_patience;
            while (!expected.IsSubsetOf(Through()) && DateTime.UtcNow < deadline)
            {
                await Task.Delay(1, ct);
            }

            await Task.Delay(s_settling, ct);
            var through = Through();

            // The rest is pending; ending it is seen as its failure.
            sockets.ForEach(s => s.Dispose());
            await Task.WhenAll(tcp.Select(t => t.Connect.ContinueWith(static c => _ = c.Exception, ct, TaskContinuationOptions.None, TaskScheduler.Default)));
            return through;

            HashSet<Probe> Through()
                => [.. tcp.Where(t => t.Connect.IsCompletedSuccessfully).Select(t => t.Probe), .. udp.Where(u => _heard.ContainsKey(Key(u.Probe.To, u.Probe.Port, u.Id))).Select(u => u.Probe)];
        }
        finally
        {
            sockets.ForEach(s => s.Dispose());
        }
    }

    private static string Key(PolicyTestPod pod, int port, string id) => $"{pod.Name}:{port}:{id}";

    private void Listen(PolicyTestPod pod)
    {
        foreach (var port in TcpPorts)
        {
            var listener = _networks[pod].Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
            listener.Bind(new IPEndPoint(IPAddress.Any, port));
            listener.Listen(512);
            _listeners.Add(listener);
            _ = AcceptAsync(listener);
        }

        foreach (var port in UdpPorts)
        {
            var listener = _networks[pod].Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
            listener.Bind(new IPEndPoint(IPAddress.Any, port));
            _listeners.Add(listener);
            _ = HearAsync(listener, pod, port);
        }
    }

    private static async Task AcceptAsync(Socket listener)
    {
        try
        {
            while (true)
            {
                (await listener.AcceptAsync()).Dispose();
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The end of the test.
        }
    }

    private async Task HearAsync(Socket listener, PolicyTestPod pod, int port)
    {
        try
        {
            var buffer = new byte[64];
            while (true)
            {
                var length = await listener.ReceiveAsync(buffer);
                _heard[Key(pod, port, Encoding.ASCII.GetString(buffer, 0, length))] = 0;
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The end of the test.
        }
    }
}
