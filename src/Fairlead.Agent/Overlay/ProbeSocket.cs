using System.Net;
using System.Net.Sockets;
using System.Text;
using Fairlead.Linux.Namespaces;

namespace Fairlead.Agent.Overlay;

/// <summary>A UDP socket on the tunnel alone, with or without checksums in what it sends.</summary>
internal static class ProbeSocket
{
    /// <summary>Next to the tunnel's own; only packets that come through the tunnel are heard on it.</summary>
    public const int Port = 8473;

    // asm-generic/socket.h, linux/udp.h
    private const int SolSocket = 1;
    private const int SoNoCheck = 11;
    private const int SoBindToDevice = 25;
    private const int SolUdp = 17;
    private const int UdpNoCheck6Tx = 101;
    private const int UdpNoCheck6Rx = 102;

    public static Socket Open(NetworkNamespace? network, AddressFamily family, string device, int port, bool checksums)
    {
        return network is null ? Make() : network.Run(Make);

        Socket Make()
        {
            var socket = new Socket(family, SocketType.Dgram, ProtocolType.Udp);
            try
            {
                socket.SetRawSocketOption(SolSocket, SoBindToDevice, Encoding.ASCII.GetBytes($"{device}\0"));
                var (yes, isV6) = (BitConverter.GetBytes(1), family == AddressFamily.InterNetworkV6);
                if (isV6)
                {
                    socket.DualMode = false;
                    socket.SetRawSocketOption(SolUdp, UdpNoCheck6Rx, yes);
                }

                if (!checksums)
                {
                    socket.SetRawSocketOption(isV6 ? SolUdp : SolSocket, isV6 ? UdpNoCheck6Tx : SoNoCheck, yes);
                }

                socket.Bind(new IPEndPoint(isV6 ? IPAddress.IPv6Any : IPAddress.Any, port));
                return socket;
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }
    }
}
