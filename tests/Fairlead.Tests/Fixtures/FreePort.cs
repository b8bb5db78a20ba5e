using System.Net;
using System.Net.Sockets;

namespace Fairlead.Tests.Fixtures;

/// <summary>Ports that nobody has, for TCP and UDP alike, and that the kernel gives to nobody by itself.</summary>
/// <remarks>A port that the kernel has chosen and that was let go may be another connection's the next moment.</remarks>
internal static class FreePort
{
    private const int First = 20_000;
    private const int Count = 12_000; // the kernel's own choice begins at 32768

    private static int s_next = Environment.ProcessId * 97 % Count;

    public static int Next()
    {
        while (true)
        {
            var port = First + (int)((uint)Interlocked.Increment(ref s_next) % Count);
            if (IsFree(port, SocketType.Stream, ProtocolType.Tcp) && IsFree(port, SocketType.Dgram, ProtocolType.Udp))
            {
                return port;
            }
        }
    }

    private static bool IsFree(int port, SocketType type, ProtocolType protocol)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, type, protocol);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
