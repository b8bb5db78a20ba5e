using System.Net;
using System.Net.Sockets;

namespace Fairlead.Dns.Server;

/// <summary>The bounds of TCP service.</summary>
/// <param name="Idle">How long a connection may say nothing (RFC 7766 §6.2.3).</param>
/// <param name="Write">How long a client may leave a reply unread.</param>
/// <param name="MaxConnections">Connections at one address; the next one is closed at once.</param>
/// <param name="Drain">How long queries already taken in may go on when the listener closes.</param>
/// <param name="MaxPipelined">Queries of one connection that are being answered at a time.</param>
internal sealed record TcpLimits(TimeSpan Idle, TimeSpan Write, TimeSpan Drain, int MaxConnections, int MaxPipelined)
{
    public static TcpLimits Default { get; } = new(TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(5), 1024, 32);
}

/// <summary>Answers queries over TCP at one address.</summary>
internal sealed class TcpListener : IDnsListener
{
    private readonly Socket _socket;
    private readonly QueryPipeline _pipeline;
    private readonly TcpLimits _limits;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _kill = new();
    private readonly HashSet<Task> _connections = [];
    private Task _accepting = Task.CompletedTask;

    private TcpListener(Socket socket, QueryPipeline pipeline, TcpLimits limits, TimeProvider time)
        => (_socket, _pipeline, _limits, _time) = (socket, pipeline, limits, time);

    public IPEndPoint EndPoint => (IPEndPoint)_socket.LocalEndPoint!;

    public static TcpListener Bind(IPEndPoint address, QueryPipeline pipeline, TcpLimits limits, TimeProvider time)
    {
        var socket = SocketSetup.Create(address, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(address);
            socket.Listen(256);
            return new TcpListener(socket, pipeline, limits, time);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public void Start() => _accepting = Task.Run(AcceptAsync);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        using var deadline = _time.CreateTimer(_ => _kill.Cancel(), null, _limits.Drain, Timeout.InfiniteTimeSpan);
        await _accepting;
        _socket.Dispose();
        Task[] open;
        lock (_connections)
        {
            open = [.. _connections];
        }

        await Task.WhenAll(open);
        _stop.Dispose();
        _kill.Dispose();
    }

    private async Task AcceptAsync()
    {
        var ct = _stop.Token;
        while (!ct.IsCancellationRequested)
        {
            Socket client;
            try
            {
                client = await _socket.AcceptAsync(ct);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (SocketException)
            {
                // The client went away before we took it, or descriptors ran out: a short pause keeps that from spinning.
                await Task.Delay(TimeSpan.FromMilliseconds(10), _time, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                continue;
            }

            lock (_connections)
            {
                if (_connections.Count >= _limits.MaxConnections)
                {
                    client.Dispose();
                    continue;
                }

                var connection = new TcpConnection(client, _pipeline, _limits, _time);
                var task = connection.RunAsync(ct, _kill.Token);
                _connections.Add(task);
                _ = ForgetAsync(task);
            }
        }
    }

    private async Task ForgetAsync(Task connection)
    {
        await connection.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ForceYielding);
        lock (_connections)
        {
            _connections.Remove(connection);
        }
    }
}
