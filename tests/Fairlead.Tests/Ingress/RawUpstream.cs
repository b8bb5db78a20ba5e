using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Fairlead.Tests.Ingress;

/// <summary>An endpoint that does exactly what a test says, byte by byte.</summary>
internal sealed class RawUpstream : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentBag<Socket> _sockets = [];
    private int _connections;

    /// <param name="serve">What happens on each connection; when it returns, the connection is closed.</param>
    public RawUpstream(Func<Peer, Task> serve)
    {
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _ = AcceptAsync(serve);
    }

    public int Port { get; }

    public int Connections => Volatile.Read(ref _connections);

    /// <summary>An endpoint that answers every request with these bytes.</summary>
    public static RawUpstream Answering(string answer) => new(async peer =>
    {
        while (await peer.ReadRequestAsync() is not null)
        {
            await peer.WriteAsync(answer);
        }
    });

    /// <summary>A port that nobody listens on.</summary>
    public static int ClosedPort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    public void Dispose()
    {
        _listener.Dispose();
        foreach (var socket in _sockets)
        {
            socket.Dispose();
        }
    }

    private async Task AcceptAsync(Func<Peer, Task> serve)
    {
        try
        {
            while (true)
            {
                var socket = await _listener.AcceptSocketAsync();
                Interlocked.Increment(ref _connections);
                _sockets.Add(socket);
                _ = ServeAsync(serve, socket);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test has ended.
        }
    }

    private static async Task ServeAsync(Func<Peer, Task> serve, Socket socket)
    {
        try
        {
            await using var stream = new NetworkStream(socket, ownsSocket: true);
            await serve(new Peer(stream));
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
        {
            // The proxy has closed, which is what some tests are about.
        }
    }
}

/// <summary>One side of a connection, read and written by hand.</summary>
internal sealed class Peer(Stream stream)
{
    private readonly List<byte> _buffer = [];

    public Task WriteAsync(string text) => stream.WriteAsync(Encoding.Latin1.GetBytes(text)).AsTask();

    /// <summary>The head of the next request or answer through its empty line; null at the end.</summary>
    public async Task<string?> ReadRequestAsync()
    {
        while (true)
        {
            var text = Encoding.Latin1.GetString([.. _buffer]);
            if (text.IndexOf("\r\n\r\n", StringComparison.Ordinal) is var end and >= 0)
            {
                _buffer.RemoveRange(0, end + 4);
                return text[..(end + 4)];
            }

            if (!await FillAsync())
            {
                return null;
            }
        }
    }

    public async Task<string> ReadAsync(int length)
    {
        while (_buffer.Count < length && await FillAsync())
        {
        }

        var text = Encoding.Latin1.GetString([.. _buffer.Take(length)]);
        _buffer.RemoveRange(0, text.Length);
        return text;
    }

    /// <summary>Everything up to the end of the connection, also when it is cut.</summary>
    public async Task<string> ReadToEndAsync()
    {
        while (await FillAsync())
        {
        }

        return await ReadAsync(_buffer.Count);
    }

    private async Task<bool> FillAsync()
    {
        var bytes = new byte[64 * 1024];
        try
        {
            var read = await stream.ReadAsync(bytes);
            _buffer.AddRange(bytes.AsSpan(0, read));
            return read > 0;
        }
        catch (IOException)
        {
            return false;
        }
    }
}
