using System.Net;
using System.Net.Sockets;
using Fairlead.Linux.Namespaces;

namespace Fairlead.Topology.Containers.Ports;

/// <summary>Passes on to a container what reaches the socket that holds one of its ports. Closing the socket ends it.</summary>
internal abstract class PortForwarder : IAsyncDisposable
{
    protected const int BufferSize = 64 * 1024;

    private readonly CancellationTokenSource _stopping = new();
    private readonly NetworkNamespace? _host;
    private Task _running = Task.CompletedTask;

    protected PortForwarder(IPEndPoint target, NetworkNamespace? host) => (Target, _host) = (target, host);

    protected IPEndPoint Target { get; }

    protected CancellationToken Stopping => _stopping.Token;

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _running;
        _stopping.Dispose();
        GC.SuppressFinalize(this);
    }

    protected void Start(Func<Task> run) => _running = RunAsync(run);

    /// <summary>A socket of the host's towards the container.</summary>
    protected Socket OnHost(SocketType type, ProtocolType protocol)
        => _host is null ? new Socket(Target.AddressFamily, type, protocol) : _host.Run(() => new Socket(Target.AddressFamily, type, protocol));

    private static async Task RunAsync(Func<Task> run)
    {
        try
        {
            await run();
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or SocketException)
        {
            // The socket is closed: nothing more comes.
        }
    }
}

/// <summary>Passes TCP connections on, each half until its own end.</summary>
internal sealed class TcpForwarder : PortForwarder
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(100);

    public TcpForwarder(Socket listener, IPEndPoint target, NetworkNamespace? host, TimeProvider time)
        : base(target, host)
        => Start(() => AcceptAsync(listener, time));

    private async Task AcceptAsync(Socket listener, TimeProvider time)
    {
        while (!Stopping.IsCancellationRequested)
        {
            try
            {
                _ = CarryAsync(await listener.AcceptAsync(Stopping));
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.TooManyOpenSockets or SocketError.ConnectionAborted)
            {
                await Task.Delay(s_pause, time, Stopping);
            }
        }
    }

    private async Task CarryAsync(Socket client)
    {
        try
        {
            using (client)
            using (var container = OnHost(SocketType.Stream, ProtocolType.Tcp))
            {
                await container.ConnectAsync(Target, Stopping);
                client.NoDelay = container.NoDelay = true;
                await Task.WhenAll(PumpAsync(client, container), PumpAsync(container, client));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Either side may hang up at any time; both sockets are closed by now.
        }
    }

    private async Task PumpAsync(Socket from, Socket to)
    {
        try
        {
            var buffer = new byte[BufferSize];
            int read;
            while ((read = await from.ReceiveAsync(buffer, Stopping)) > 0)
            {
                for (var sent = 0; sent < read;)
                {
                    sent += await to.SendAsync(buffer.AsMemory(sent, read - sent), Stopping);
                }
            }

            to.Shutdown(SocketShutdown.Send);
        }
        catch
        {
            // Half of the connection broke: end the other half too, or it would wait for ever.
            from.Dispose();
            to.Dispose();
            throw;
        }
    }
}

/// <summary>Passes datagrams on, with a socket for each client so that the answers find back.</summary>
internal sealed class UdpForwarder : PortForwarder
{
    private const int MostClients = 1024;
    private static readonly TimeSpan s_idle = TimeSpan.FromSeconds(60);

    private readonly Dictionary<EndPoint, Socket> _clients = [];
    private readonly Lock _lock = new();
    private readonly TimeProvider _time;

    public UdpForwarder(Socket socket, IPEndPoint target, NetworkNamespace? host, TimeProvider time)
        : base(target, host)
    {
        _time = time;
        Start(() => ReceiveAsync(socket));
    }

    private async Task ReceiveAsync(Socket socket)
    {
        var buffer = new byte[BufferSize];
        var any = new IPEndPoint(socket.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        while (true)
        {
            try
            {
                var received = await socket.ReceiveFromAsync(buffer, SocketFlags.None, any, Stopping);
                if (ClientOf(socket, received.RemoteEndPoint) is { } client)
                {
                    await client.SendAsync(buffer.AsMemory(0, received.ReceivedBytes), SocketFlags.None, Stopping);
                }
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionRefused or SocketError.ConnectionReset or SocketError.HostUnreachable)
            {
                // An answer to an earlier datagram: nobody listens, or no longer. The next one may find somebody.
            }
        }
    }

    private Socket? ClientOf(Socket socket, EndPoint remote)
    {
        lock (_lock)
        {
            if (_clients.TryGetValue(remote, out var known))
            {
                return known;
            }

            if (_clients.Count >= MostClients)
            {
                return null;
            }

            var made = _clients[remote] = OnHost(SocketType.Dgram, ProtocolType.Udp);
            made.Connect(Target);
            _ = AnswerAsync(socket, made, remote);
            return made;
        }
    }

    private async Task AnswerAsync(Socket socket, Socket client, EndPoint remote)
    {
        try
        {
            var buffer = new byte[BufferSize];
            while (true)
            {
                var read = await client.ReceiveAsync(buffer, SocketFlags.None, Stopping).AsTask().WaitAsync(s_idle, _time, Stopping);
                await socket.SendToAsync(buffer.AsMemory(0, read), SocketFlags.None, remote, Stopping);
            }
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Silent for long, refused, or the end of the container.
        }
        finally
        {
            lock (_lock)
            {
                _clients.Remove(remote);
            }

            client.Dispose();
        }
    }
}
