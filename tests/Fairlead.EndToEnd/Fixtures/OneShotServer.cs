using System.Net;
using System.Net.Sockets;
using System.Text;
using Fairlead.Linux.Namespaces;

namespace Fairlead.EndToEnd.Fixtures;

/// <summary>An HTTP server outside the cluster that answers one request and tells whose it was.</summary>
public sealed class OneShotServer : IDisposable
{
    private readonly Socket _listener;

    private OneShotServer(Socket listener) => _listener = listener;

    public int Port => ((IPEndPoint)_listener.LocalEndPoint!).Port;

    public static OneShotServer Listen(NetworkNamespace where, string address)
    {
        var listener = where.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        listener.Bind(new IPEndPoint(IPAddress.Parse(address), 0));
        listener.Listen();
        return new OneShotServer(listener);
    }

    /// <summary>Answers one request and returns the address it came from.</summary>
    public async Task<IPAddress> AnswerAsync(CancellationToken ct)
    {
        using var connection = await _listener.AcceptAsync(ct);
        await connection.ReceiveAsync(new byte[4096], ct);
        await connection.SendAsync(Encoding.ASCII.GetBytes("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"), ct);
        return ((IPEndPoint)connection.RemoteEndPoint!).Address;
    }

    public void Dispose() => _listener.Dispose();
}
