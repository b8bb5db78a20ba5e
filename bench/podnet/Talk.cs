using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Fairlead.Bench.PodNet;

/// <summary>TCP between two pods, for a time: as much as goes, or one byte there and one back.</summary>
internal static class Talk
{
    private const int Port = 5001;

    /// <summary>Gigabits a second that arrive.</summary>
    internal static double Throughput(Path path, TimeSpan time)
    {
        var (bytes, watch) = (0L, new Stopwatch());
        Connect(
            path,
            client =>
            {
                var buffer = new byte[128 << 10];
                for (var sending = Stopwatch.StartNew(); sending.Elapsed < time;)
                {
                    client.Send(buffer);
                }
            },
            server =>
            {
                var buffer = new byte[256 << 10];
                watch.Start();
                for (int read; (read = server.Receive(buffer)) > 0;)
                {
                    bytes += read;
                }

                watch.Stop();
            });
        return bytes * 8 / watch.Elapsed.TotalSeconds / 1e9;
    }

    /// <summary>Round trips a second.</summary>
    internal static double RoundTrips(Path path, TimeSpan time)
    {
        var (trips, watch) = (0L, new Stopwatch());
        Connect(
            path,
            client =>
            {
                var one = new byte[1];
                watch.Start();
                while (watch.Elapsed < time)
                {
                    client.Send(one);
                    _ = client.Receive(one);
                    trips++;
                }

                watch.Stop();
            },
            server =>
            {
                var one = new byte[1];
                while (server.Receive(one) == 1)
                {
                    server.Send(one);
                }
            });
        return trips / watch.Elapsed.TotalSeconds;
    }

    private static void Connect(Path path, Action<Socket> client, Action<Socket> server)
    {
        using var listener = path.Server.Run(() =>
        {
            var socket = New();
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            socket.Bind(new IPEndPoint(IPAddress.Any, Port));
            socket.Listen();
            return socket;
        });
        var serving = new Thread(() =>
        {
            using var accepted = listener.Accept();
            accepted.NoDelay = true;
            server(accepted);
        });
        serving.Start();
        using (var socket = path.Client.Run(New))
        {
            socket.Connect(IPAddress.Parse(path.Address), Port);
            socket.NoDelay = true;
            client(socket);
        }

        serving.Join();
    }

    private static Socket New() => new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
}
