using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Fairlead.Linux.Namespaces;
using Fairlead.Topology;
using Fairlead.Topology.Probes;
using Fairlead.Topology.State;
using Fairlead.Topology.Yaml;

namespace Fairlead.KernelTests.Fixtures;

/// <summary>A network namespace that plays the machine, with a state folder of its own; hosts get namespaces that nobody else has.</summary>
public sealed class Machine : IDisposable
{
    private readonly TestNamespaces _namespaces = new();
    private readonly string _prefix = TestNamespaces.NewName("-");

    public Machine()
    {
        Network = _namespaces.New("m");
        Folder = Directory.CreateTempSubdirectory("fairlead-t-net-").FullName;
        Store = new TopologyStore(Path.Combine(Folder, "fairlead", "net"));
        Network.Sh("ip link set lo up; sysctl -qw net.ipv4.ip_forward=0");
    }

    public NetworkNamespace Network { get; }

    public string Folder { get; }

    public TopologyStore Store { get; }

    /// <summary>The namespaces of this machine's topologies that are there.</summary>
    public IReadOnlyList<string> Namespaces => [.. NetworkNamespace.List().Where(n => n.StartsWith(_prefix, StringComparison.Ordinal)).Select(n => n[_prefix.Length..])];

    /// <summary>The checkout that the tests are of.</summary>
    public static string Root { get; } = FindRoot();

    public static string Example(string name) => File.ReadAllText(Path.Combine(Root, "examples", "network", $"{name}.yaml"));

    public string SpaceOf(string host) => _prefix + host;

    /// <summary>A topology whose namespaces have this machine's prefix; their hosts keep their names.</summary>
    public NetworkTopology Parse(string yaml)
    {
        var topology = TopologyFile.Parse(yaml, "test.yaml");
        return topology with { Hosts = [.. topology.Hosts.Select(h => h.IsMachine ? h : h with { Namespace = SpaceOf(h.Namespace!) })] };
    }

    public TopologyPlan Apply(string yaml, PersistOptions? persist = null) => Apply(Parse(yaml), persist);

    public TopologyPlan Apply(NetworkTopology topology, PersistOptions? persist = null) => Network.Run(() => new TopologyReconciler(Store).Apply(topology, persist));

    public TopologyPlan Plan(NetworkTopology topology) => Network.Run(() => new TopologyReconciler(Store).Plan(topology));

    public TopologyPlan Delete(string name) => Network.Run(() => new TopologyReconciler(Store).Delete(name));

    public NetworkNamespace Open(string host) => host == TopologyHost.Machine ? NetworkNamespace.OpenPath(Network.Path) : NetworkNamespace.Open(SpaceOf(host));

    public string Sh(string host, string line)
    {
        using var network = Open(host);
        return network.Sh(line);
    }

    public async Task<bool> PingAsync(string from, string address)
    {
        using var network = Open(from);
        using var ping = new Ping(IPAddress.Parse(address), network, TimeProvider.System);
        // A port of a bridge passes nothing on until the kernel has looked at its carrier, which it may do a second later on a busy machine.
        for (var sequence = 1; sequence <= 5; sequence++)
        {
            if ((await ping.SendAsync(sequence, TimeSpan.FromSeconds(1), TestContext.Current.CancellationToken)).IsReply)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Makes a connection and gives the address that the listener saw, or null where none came about.</summary>
    public async Task<IPAddress?> ConnectAsync(string from, IPEndPoint to, string listenerHost, IPEndPoint listener)
    {
        using var there = Open(listenerHost);
        using var here = Open(from);
        using var server = there.Run(() => new Socket(listener.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        server.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        server.Bind(listener);
        server.Listen();
        using var client = here.Run(() => new Socket(to.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(TimeSpan.FromSeconds(15));
        try
        {
            var accepting = server.AcceptAsync(patience.Token);
            await client.ConnectAsync(to, patience.Token);
            using var accepted = await accepting;
            return ((IPEndPoint)accepted.RemoteEndPoint!).Address;
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            return null;
        }
    }

    /// <summary>Sends a datagram and gives the answer of the one who got it, or null.</summary>
    public async Task<string?> AskAsync(string from, IPEndPoint to, string listenerHost, IPEndPoint listener)
    {
        using var there = Open(listenerHost);
        using var here = Open(from);
        using var server = there.Run(() => new Socket(listener.AddressFamily, SocketType.Dgram, ProtocolType.Udp));
        server.Bind(listener);
        using var client = here.Run(() => new Socket(to.AddressFamily, SocketType.Dgram, ProtocolType.Udp));
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(TimeSpan.FromSeconds(15));
        try
        {
            var buffer = new byte[100];
            var answer = new byte[100];
            await client.ConnectAsync(to, patience.Token);
            await client.SendAsync("hello"u8.ToArray(), patience.Token);
            var got = await server.ReceiveFromAsync(buffer, SocketFlags.None, new IPEndPoint(listener.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0), patience.Token);
            await server.SendToAsync(buffer.AsMemory(0, got.ReceivedBytes), SocketFlags.None, got.RemoteEndPoint, patience.Token);
            return System.Text.Encoding.UTF8.GetString(answer.AsSpan(0, await client.ReceiveAsync(answer, patience.Token)));
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            return null;
        }
    }

    /// <summary>Everything that stock tools see on the machine and in its hosts, but for what changes by itself.</summary>
    public string Look()
    {
        const string Line = "ip -o link | sed 's/link-netns[^ ]* [^ ]*//; s/qlen.*//; s/state [A-Z]* //; s/NO-CARRIER,//; s/,LOWER_UP//; s/,M-DOWN//' | cut -d' ' -f2-12; ip -o addr show scope global | cut -d' ' -f2-7; ip route; ip -6 route | grep via; nft list ruleset | sed 's/packets [0-9]* bytes [0-9]*//'; sysctl net.ipv4.ip_forward";
        return Network.Sh(Line + "; true") + string.Concat(Namespaces.Select(n => $"== {n}\n{Sh(n, Line + "; true")}"));
    }

    private static string FindRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Fairlead.slnx")))
        {
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("not inside a checkout of Fairlead");
        }

        return folder;
    }

    public void Dispose()
    {
        foreach (var name in Store.Names())
        {
            _ = Delete(name);
        }

        foreach (var name in Namespaces)
        {
            _ = NetworkNamespace.Delete(SpaceOf(name));
        }

        _namespaces.Dispose();
        Directory.Delete(Folder, recursive: true);
    }
}
