using System.Net;
using System.Net.Sockets;
using Fairlead.Linux.Namespaces;

namespace Fairlead.KernelTests.Cni;

/// <summary>Sends real packets between namespaces and says what arrived from where.</summary>
public static class Traffic
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(15);

    public static Socket Listen(this NetworkNamespace network, IPAddress address, int port, ProtocolType protocol = ProtocolType.Tcp) => network.Run(() =>
    {
        var socket = new Socket(address.AddressFamily, protocol == ProtocolType.Tcp ? SocketType.Stream : SocketType.Dgram, protocol);
        socket.Bind(new IPEndPoint(address, port));
        if (protocol == ProtocolType.Tcp)
        {
            socket.Listen();
        }

        return socket;
    });

    /// <summary>Connects, and gives the source that the listener sees, or null where nothing comes through.</summary>
    public static async Task<IPAddress?> ReachAsync(this NetworkNamespace from, IPAddress to, int port, Socket listener, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(s_patience);
        using var client = from.Run(() => new Socket(to.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        try
        {
            var accepting = listener.AcceptAsync(limit.Token).AsTask();
            await client.ConnectAsync(new IPEndPoint(to, port), limit.Token);
            using var server = await accepting;
            await client.SendAsync("hello"u8.ToArray(), limit.Token);
            var buffer = new byte[5];
            Assert.Equal(5, await server.ReceiveAsync(buffer, limit.Token));
            return ((IPEndPoint)server.RemoteEndPoint!).Address;
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException && !ct.IsCancellationRequested)
        {
            return null;
        }
    }

    /// <summary>Whether a connection is not possible at all.</summary>
    public static bool CannotConnect(this NetworkNamespace from, IPAddress to, int port) => from.Run(() =>
    {
        using var client = new Socket(to.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
        try
        {
            client.Connect(new IPEndPoint(to, port));
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.WouldBlock or SocketError.InProgress)
        {
            return !client.Poll(TimeSpan.FromMilliseconds(500), SelectMode.SelectWrite)
                || (int)client.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error)! != 0;
        }
        catch (SocketException)
        {
            return true;
        }

        return false;
    });
}
