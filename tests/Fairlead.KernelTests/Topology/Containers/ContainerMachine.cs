using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Text;
using Fairlead.Containers;
using Fairlead.KernelTests.Fixtures;
using Fairlead.KernelTests.Pods;
using Fairlead.Linux;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;
using Fairlead.Topology.Containers;
using Microsoft.Win32.SafeHandles;

namespace Fairlead.KernelTests.Topology.Containers;

/// <summary>A namespace that plays a host with containers, and another that plays the world outside of it (198.51.100.2, 2001:db8::2).</summary>
public sealed class ContainerMachine : IAsyncDisposable
{
    public static readonly IPAddress HostAddress = IPAddress.Parse("198.51.100.1");
    public static readonly IPAddress HostAddress6 = IPAddress.Parse("2001:db8::1");
    public static readonly IPAddress OutsideAddress = IPAddress.Parse("198.51.100.2");
    public static readonly IPAddress OutsideAddress6 = IPAddress.Parse("2001:db8::2");
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);
    private static int s_count;

    private readonly TwoNodes _nodes = new();
    private readonly string _mark = $"t{Environment.ProcessId}x{Interlocked.Increment(ref s_count)}";

    public ContainerMachine()
    {
        Folder = Directory.CreateTempSubdirectory("fairlead-run-").FullName;
        File.WriteAllText(Path.Combine(Folder, "resolv.conf"), "search example.org\nnameserver 192.0.2.53\n");
        Surroundings = new ContainerHost
        {
            StateFolder = Path.Combine(StateHome, "fairlead", "run"),
            Launcher = NativeLauncher.Path,
            Network = _nodes.A,
            ResolvConf = Path.Combine(Folder, "resolv.conf"),
            Resolver = async (request, ct) => await MemberResolver.StartAsync(request, TimeProvider.System, ct),
        };
        Engine = new ContainerEngine(Surroundings);
        Networks = new ContainerNetworks(Surroundings);
    }

    public string Folder { get; }

    /// <summary>What $XDG_STATE_HOME is for a <c>fairlead</c> of this machine.</summary>
    public string StateHome => Path.Combine(Folder, "state");

    public ContainerHost Surroundings { get; }

    public ContainerEngine Engine { get; }

    public ContainerNetworks Networks { get; }

    public NetworkNamespace Host => _nodes.A;

    public NetworkNamespace Outside => _nodes.B;

    public static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <summary>A name that no other test's container has: named namespaces are the machine's.</summary>
    public string Name(string name) => $"{_mark}-{name}";

    /// <summary>A container that only sleeps: what its network does, the test does itself inside of it.</summary>
    public Task<RunningContainer> SleepAsync(string name, string network = NetworkNames.Bridge, params string[] ports)
        => StartAsync(Options(name, "sleep", "1000") with { Network = network, Ports = [.. ports.SelectMany(p => PublishedPort.Parse(p))] });

    public ContainerOptions Options(string name, params string[] command) => new() { Name = Name(name), Command = command, Detached = true };

    public Task<RunningContainer> StartAsync(ContainerOptions options) => Engine.StartAsync(options, null, null, Ct);

    /// <summary>Runs a command in a container to its end, attached.</summary>
    public async Task<(int Code, string Output)> RunAsync(ContainerOptions options)
    {
        var file = Path.Combine(Folder, $"{options.Name}.out");
        using var input = File.OpenHandle("/dev/null");
        using (var output = File.OpenHandle(file, FileMode.Create, FileAccess.Write))
        {
            var container = await Engine.StartAsync(options with { Detached = false, Remove = true }, new ContainerStreams(input, output, output), null, Ct);
            return (await container.Exited.WaitAsync(s_limit, Ct), await File.ReadAllTextAsync(file, Ct));
        }
    }

    public static NetworkNamespace Inside(RunningContainer container) => NetworkNamespace.Open($"fairlead.run.{container.Record.Name}");

    public static IPAddress AddressOf(RunningContainer container, AddressFamily family = AddressFamily.InterNetwork)
        => container.Record.Addresses.Select(a => InterfaceAddress.Parse(a).Address).First(a => a.AddressFamily == family);

    /// <summary>Serves one TCP connection in a namespace: answers with the address that it came from.</summary>
    public static Listening Listen(NetworkNamespace network, int port, AddressFamily family = AddressFamily.InterNetwork)
        => new(network.Run(() =>
        {
            var socket = new Socket(family, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(family == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, port));
            socket.Listen();
            return socket;
        }));

    /// <summary>Connects and reads who the server says we are; null where nobody answers.</summary>
    public static async Task<string?> AskAsync(NetworkNamespace network, IPAddress address, int port, int milliseconds = 15_000)
    {
        using var socket = network.Run(() => new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        limit.CancelAfter(milliseconds);
        try
        {
            await socket.ConnectAsync(new IPEndPoint(address, port), limit.Token);
            var buffer = new byte[100];
            var read = await socket.ReceiveAsync(buffer, limit.Token);
            return read == 0 ? null : Encoding.ASCII.GetString(buffer, 0, read);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException && !Ct.IsCancellationRequested)
        {
            return null;
        }
    }

    /// <summary>Answers one datagram in a namespace, and gives what the asking side gets.</summary>
    public static async Task<string?> AskUdpAsync(NetworkNamespace server, int serverPort, NetworkNamespace client, IPAddress address, int port, AddressFamily family = AddressFamily.InterNetwork)
    {
        using var serving = server.Run(() =>
        {
            var socket = new Socket(family, SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(new IPEndPoint(family == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, serverPort));
            return socket;
        });
        using var asking = client.Run(() => new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp));
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        limit.CancelAfter(s_limit);
        var answering = AnswerAsync(serving, limit.Token);
        await asking.ConnectAsync(new IPEndPoint(address, port), limit.Token);
        await asking.SendAsync("who am I"u8.ToArray(), limit.Token);
        var buffer = new byte[100];
        var read = await asking.ReceiveAsync(buffer, limit.Token);
        await answering;
        return Encoding.ASCII.GetString(buffer, 0, read);
    }

    /// <summary>Whether an echo request is answered.</summary>
    public static bool Pings(NetworkNamespace from, IPAddress to) => from.Run(() =>
    {
        using var ping = new Ping();
        return ping.Send(to, 5000).Status == IPStatus.Success;
    });

    /// <summary>What there is of ours on the host: interfaces but its own, tables, and forwarding.</summary>
    public string Left()
    {
        using var routes = RouteSocket.Open(Host);
        var links = routes.Links().Select(l => l.Name).Except(["lo", "eth0"]);
        var tables = Host.Sh("nft list tables").Trim();
        var names = NetworkNamespace.List().Where(n => n.StartsWith($"fairlead.run.{_mark}-", StringComparison.Ordinal));
        return string.Join(' ', [.. links, tables, .. names, $"forward={Sysctl.Read("net/ipv4/ip_forward", Host)}"]);
    }

    public async ValueTask DisposeAsync()
    {
        await Engine.RemoveAllAsync(CancellationToken.None);
        _nodes.Dispose();
        Directory.Delete(Folder, recursive: true);
    }

    private static async Task AnswerAsync(Socket socket, CancellationToken ct)
    {
        var any = new IPEndPoint(socket.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        var received = await socket.ReceiveFromAsync(new byte[100], SocketFlags.None, any, ct);
        await socket.SendToAsync(Encoding.ASCII.GetBytes(((IPEndPoint)received.RemoteEndPoint).Address.ToString()), SocketFlags.None, received.RemoteEndPoint, ct);
    }

    /// <summary>A server that tells each client its address, until disposed.</summary>
    public sealed class Listening : IDisposable
    {
        private readonly Socket _socket;

        public Listening(Socket socket)
        {
            _socket = socket;
            _ = ServeAsync();
        }

        public void Dispose() => _socket.Dispose();

        private async Task ServeAsync()
        {
            try
            {
                while (true)
                {
                    using var client = await _socket.AcceptAsync();
                    await client.SendAsync(Encoding.ASCII.GetBytes(((IPEndPoint)client.RemoteEndPoint!).Address.ToString()));
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // Disposed.
            }
        }
    }
}
