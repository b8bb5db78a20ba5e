using System.Net.Sockets;
using Fairlead.Linux.Namespaces;

namespace Fairlead.Linux.Netlink;

/// <summary>A netlink socket that hears what the kernel tells to groups, bound to the namespace it was opened in.</summary>
internal sealed class NetlinkListener : IDisposable
{
    private const int BufferSize = 64 * 1024;

    private readonly Socket _socket;
    private readonly byte[] _buffer = new byte[BufferSize];

    private NetlinkListener(Socket socket) => _socket = socket;

    /// <param name="groups">One bit a group: group 1 is bit 0.</param>
    internal static NetlinkListener Open(NetlinkProtocol protocol, uint groups, NetworkNamespace? network)
    {
        var handle = NetlinkSocket.Create(protocol, network);
        try
        {
            NetlinkSocket.Option(handle, Libc.SolSocket, Libc.SoReceiveBufferForce, 8 << 20);
            _ = NetlinkSocket.Bind(handle, groups);
            var descriptor = new SafeSocketHandle(handle.DangerousGetHandle(), ownsHandle: true);
            handle.SetHandleAsInvalid();
            return new(new Socket(descriptor));
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>The next datagram; good until the next call.</summary>
    /// <exception cref="NetlinkOverrunException">Some were lost.</exception>
    internal async ValueTask<ReadOnlyMemory<byte>> ReceiveAsync(CancellationToken ct)
    {
        try
        {
            return _buffer.AsMemory(0, await _socket.ReceiveAsync(_buffer.AsMemory(), ct));
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.NoBufferSpaceAvailable)
        {
            throw new NetlinkOverrunException();
        }
    }

    public void Dispose() => _socket.Dispose();
}
