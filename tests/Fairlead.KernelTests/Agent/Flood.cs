using System.Net;
using System.Net.Sockets;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Linux;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.KernelTests.Agent;

/// <summary>Sends to every address that a pod of 10.32.1.0/27 may get, as fast as it can, and waits for no neighbour to be found.</summary>
internal sealed class Flood : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Thread _thread;
    private long _rounds;

    public Flood(NetworkNamespace from, int port, TimeSpan pause = default)
    {
        var targets = Enumerable.Range(2, 30).Select(i => new IPEndPoint(new IPAddress([10, 32, 1, (byte)i]), port)).ToArray();
        using (var routes = RouteSocket.Open(from))
        {
            var link = routes.GetLink("eth0").Index;
            foreach (var target in targets)
            {
                routes.ReplaceNeighbour(new(link, target.Address, new MacAddress([0x0a, 0x58, .. target.Address.GetAddressBytes()])));
            }
        }

        var socket = from.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
        _thread = new Thread(() =>
        {
            using var sender = socket;
            while (!_stop.IsCancellationRequested)
            {
                foreach (var target in targets)
                {
                    try
                    {
                        sender.SendTo("packet"u8, target);
                    }
                    catch (SocketException)
                    {
                        // A refusal that came back for one sent before.
                    }
                }

                Interlocked.Increment(ref _rounds);
                _ = pause > TimeSpan.Zero && _stop.Token.WaitHandle.WaitOne(pause);
            }
        });
        _thread.Start();
    }

    /// <summary>Returns when each address was sent to at least once more.</summary>
    public Task RoundAsync(CancellationToken ct)
    {
        var seen = Interlocked.Read(ref _rounds);
        return Eventually.TrueAsync(() => Interlocked.Read(ref _rounds) > seen + 2, ct);
    }

    public void Dispose()
    {
        _stop.Cancel();
        _thread.Join();
        _stop.Dispose();
    }
}
