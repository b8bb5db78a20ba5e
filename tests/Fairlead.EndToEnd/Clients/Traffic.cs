using System.Net;
using System.Net.Sockets;
using System.Text;
using Fairlead.Linux.Namespaces;

namespace Fairlead.EndToEnd.Clients;

/// <summary>Real packets between namespaces, and what came of them.</summary>
internal static class Traffic
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(15);

    /// <summary>Listens in a container, connects from elsewhere, and gives the source that the container sees; null where nothing comes through.</summary>
    public static async Task<IPAddress?> ReachAsync(this NetworkNamespace from, string to, int port, NetworkNamespace container, int containerPort)
    {
        var target = IPAddress.Parse(to);
        using var listener = container.Run(() =>
        {
            var socket = new Socket(target.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            socket.Bind(new IPEndPoint(Any(target), containerPort));
            socket.Listen();
            return socket;
        });
        using var client = from.Run(() => new Socket(target.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        using var limit = Limit();
        try
        {
            var accepting = listener.AcceptAsync(limit.Token).AsTask();
            await client.ConnectAsync(new IPEndPoint(target, port), limit.Token);
            using var server = await accepting;
            await client.SendAsync("hello"u8.ToArray(), limit.Token);
            return await server.ReceiveAsync(new byte[5], limit.Token) == 5 ? ((IPEndPoint)server.RemoteEndPoint!).Address : null;
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException && !TestContext.Current.CancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    /// <summary>Sends a datagram to a container, which answers it, and gives the answer; null where none comes.</summary>
    public static async Task<string?> AskAsync(this NetworkNamespace from, string to, int port, NetworkNamespace container, int containerPort)
    {
        var target = IPAddress.Parse(to);
        using var server = container.Run(() =>
        {
            var socket = new Socket(target.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(new IPEndPoint(Any(target), containerPort));
            return socket;
        });
        using var client = from.Run(() => new Socket(target.AddressFamily, SocketType.Dgram, ProtocolType.Udp));
        using var limit = Limit();
        try
        {
            await client.ConnectAsync(new IPEndPoint(target, port), limit.Token);
            await client.SendAsync("hello"u8.ToArray(), limit.Token);
            var buffer = new byte[16];
            var got = await server.ReceiveFromAsync(buffer, SocketFlags.None, new IPEndPoint(Any(target), 0), limit.Token);
            await server.SendToAsync(buffer.AsMemory(0, got.ReceivedBytes), SocketFlags.None, got.RemoteEndPoint, limit.Token);
            return Encoding.UTF8.GetString(buffer, 0, await client.ReceiveAsync(buffer, limit.Token));
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException && !TestContext.Current.CancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    private static IPAddress Any(IPAddress target) => target.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any;

    private static CancellationTokenSource Limit()
    {
        var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(s_patience);
        return limit;
    }
}
