using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;

namespace Fairlead.Lab.Nodes;

/// <summary>Passes TCP connections to one port of 127.0.0.1 on to the same port of the nodes.</summary>
/// <remarks>
/// Nodes are on a network that only this host reaches, so that a browser on the host is served by loopback as well. Each connection goes to the
/// first node that takes it, the next node in turn for each connection. At most <see cref="MostConnections"/> are open at once.
/// </remarks>
internal sealed class PortForward : IAsyncDisposable
{
    private const int MostConnections = 512;
    private const int BufferSize = 32 * 1024;
    private static readonly TimeSpan s_acceptPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_connectLimit = TimeSpan.FromSeconds(2);

    private readonly Socket _listener;
    private readonly ImmutableArray<IPAddress> _nodes;
    private readonly int _port;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stopping = new();
    private readonly SemaphoreSlim _room = new(MostConnections);
    private readonly Task _accepting;
    private uint _next;

    private PortForward(Socket listener, int port, ImmutableArray<IPAddress> nodes, TimeProvider time)
    {
        (_listener, _port, _nodes, _time) = (listener, port, nodes, time);
        _accepting = AcceptAsync();
    }

    /// <summary>Starts to listen.</summary>
    /// <returns>Null when another process has the port.</returns>
    public static PortForward? TryStart(int port, ImmutableArray<IPAddress> nodes, TimeProvider time)
    {
        var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            listener.Bind(new IPEndPoint(IPAddress.Loopback, port));
            listener.Listen();
            return new PortForward(listener, port, nodes, time);
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.AddressAlreadyInUse or SocketError.AccessDenied)
        {
            listener.Dispose();
            return null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _listener.Dispose();
        await _accepting;
        _stopping.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                await _room.WaitAsync(_stopping.Token);
                var client = await AcceptOneAsync(_stopping.Token);
                _ = CarryAsync(client, _stopping.Token);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            // The end of listening is how this ends.
        }
    }

    /// <summary>A client that left before it was taken, or a process that has no descriptor left just now, is no reason to take nobody ever after.</summary>
    private async Task<Socket> AcceptOneAsync(CancellationToken ct)
    {
        while (true)
        {
            try
            {
                return await _listener.AcceptAsync(ct);
            }
            catch (SocketException) when (!ct.IsCancellationRequested)
            {
                await Task.Delay(s_acceptPause, _time, ct);
            }
        }
    }

    private async Task CarryAsync(Socket client, CancellationToken ct)
    {
        try
        {
            using (client)
            using (var node = await ConnectAsync(ct))
            {
                client.NoDelay = node.NoDelay = true;
                await Task.WhenAll(PumpAsync(client, node, ct), PumpAsync(node, client, ct));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Either side may hang up at any time; both sockets are closed by now.
        }
        finally
        {
            _room.Release();
        }
    }

    private async Task<Socket> ConnectAsync(CancellationToken ct)
    {
        var first = Interlocked.Increment(ref _next);
        for (var i = 0; ; i++)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                var node = _nodes[(int)((first + i) % _nodes.Length)];
                await socket.ConnectAsync(new IPEndPoint(node, _port), ct).AsTask().WaitAsync(s_connectLimit, _time, ct);
                return socket;
            }
            catch (Exception e) when (e is SocketException or TimeoutException && i + 1 < _nodes.Length)
            {
                socket.Dispose();
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }
    }

    /// <summary>Copies one direction; the end of it is passed on as an end of that direction alone.</summary>
    private static async Task PumpAsync(Socket from, Socket to, CancellationToken ct)
    {
        var buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            int read;
            while ((read = await from.ReceiveAsync(buffer, ct)) > 0)
            {
                for (var sent = 0; sent < read;)
                {
                    sent += await to.SendAsync(buffer.AsMemory(sent, read - sent), ct);
                }
            }

            to.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Half of the connection broke: end the other half too, or it would wait for ever.
            from.Dispose();
            to.Dispose();
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
