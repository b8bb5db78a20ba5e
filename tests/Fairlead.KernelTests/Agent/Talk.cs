using System.Net;
using System.Net.Sockets;
using System.Text;
using Fairlead.Linux.Namespaces;

namespace Fairlead.KernelTests.Agent;

/// <summary>A program in a pod that says who it is and whom it sees, over TCP and UDP; over TCP it echoes lines afterwards.</summary>
public sealed class Greeter : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Socket _tcp;
    private readonly Socket _udp;
    private readonly string _name;

    public Greeter(NetworkNamespace network, string name, int port)
    {
        _name = name;
        (_tcp, _udp) = network.Run(() =>
        {
            var tcp = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp) { DualMode = true };
            tcp.Bind(new IPEndPoint(IPAddress.IPv6Any, port));
            tcp.Listen(512);
            var udp = new Socket(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp) { DualMode = true };
            udp.Bind(new IPEndPoint(IPAddress.IPv6Any, port));
            return (tcp, udp);
        });
        _ = AcceptAsync();
        _ = AnswerAsync();
    }

    public void Dispose()
    {
        _stop.Cancel();
        _tcp.Dispose();
        _udp.Dispose();
        _stop.Dispose();
    }

    private static IPAddress AddressOf(EndPoint? peer)
        => ((IPEndPoint)peer!).Address is { IsIPv4MappedToIPv6: true } mapped ? mapped.MapToIPv4() : ((IPEndPoint)peer).Address;

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = ServeAsync(await _tcp.AcceptAsync(_stop.Token));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The end of the test.
        }
    }

    private async Task ServeAsync(Socket client)
    {
        try
        {
            using (client)
            {
                await client.SendAsync(Encoding.ASCII.GetBytes($"{_name} sees {AddressOf(client.RemoteEndPoint)}\n"));
                var buffer = new byte[4096];
                while (await client.ReceiveAsync(buffer) is > 0 and var length)
                {
                    await client.SendAsync(buffer.AsMemory(0, length));
                }
            }
        }
        catch (SocketException)
        {
            // The client went away.
        }
    }

    private async Task AnswerAsync()
    {
        try
        {
            var buffer = new byte[4096];
            while (true)
            {
                var received = await _udp.ReceiveFromAsync(buffer, SocketFlags.None, new IPEndPoint(IPAddress.IPv6Any, 0), _stop.Token);
                await _udp.SendToAsync(Encoding.ASCII.GetBytes($"{_name} sees {AddressOf(received.RemoteEndPoint)}"), received.RemoteEndPoint);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The end of the test.
        }
    }
}

/// <summary>The other side: asks from a namespace, and tells what came back.</summary>
public static class Talk
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>What the greeter at an address says over TCP.</summary>
    public static async Task<string> AskAsync(this NetworkNamespace from, string address, int port, CancellationToken ct)
    {
        using var socket = await ConnectAsync(from, address, port, ct);
        return await ReadLineAsync(socket, ct);
    }

    public static async Task<Socket> ConnectAsync(this NetworkNamespace from, string address, int port, CancellationToken ct)
    {
        var socket = from.Run(() => new Socket(IPAddress.Parse(address).AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true });
        try
        {
            await socket.ConnectAsync(new IPEndPoint(IPAddress.Parse(address), port), ct).AsTask().WaitAsync(Patience, ct);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>What the greeter at an address says over UDP.</summary>
    public static async Task<string> AskUdpAsync(this NetworkNamespace from, string address, int port, CancellationToken ct)
    {
        using var socket = from.Run(() => new Socket(IPAddress.Parse(address).AddressFamily, SocketType.Dgram, ProtocolType.Udp));
        return await AskUdpAsync(socket, address, port, ct);
    }

    public static async Task<string> AskUdpAsync(Socket socket, string address, int port, CancellationToken ct)
    {
        await socket.ConnectAsync(new IPEndPoint(IPAddress.Parse(address), port), ct);
        await socket.SendAsync("?"u8.ToArray(), ct);
        var buffer = new byte[4096];
        var length = await socket.ReceiveAsync(buffer, ct).AsTask().WaitAsync(Patience, ct);
        return Encoding.ASCII.GetString(buffer, 0, length);
    }

    public static async Task<string> ReadLineAsync(Socket socket, CancellationToken ct)
    {
        var line = new StringBuilder();
        var one = new byte[1];
        while (await socket.ReceiveAsync(one, ct).AsTask().WaitAsync(Patience, ct) == 1 && one[0] != '\n')
        {
            line.Append((char)one[0]);
        }

        return line.ToString();
    }

    /// <summary>Sends a line through a greeter's connection and waits for it to come back.</summary>
    public static async Task EchoAsync(Socket socket, string line, CancellationToken ct)
    {
        await socket.SendAsync(Encoding.ASCII.GetBytes($"{line}\n"), ct);
        Assert.Equal(line, await ReadLineAsync(socket, ct));
    }
}
