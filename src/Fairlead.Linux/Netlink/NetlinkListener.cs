using System.Net.Sockets;
using System.Runtime.InteropServices;
using Fairlead.Linux.Namespaces;

namespace Fairlead.Linux.Netlink;

/// <summary>A netlink socket that hears what the kernel tells to groups, bound to the namespace it was opened in.</summary>
internal sealed class NetlinkListener : IDisposable
{
    /// <summary>The kernel's own limit for one event, and room to see that it was kept.</summary>
    private const int BufferSize = 64 * 1024;

    /// <summary>The kernel answers before the call that asks returns; this long is never.</summary>
    private static readonly TimeSpan s_answer = TimeSpan.FromSeconds(5);

    private readonly Socket _socket;
    private readonly byte[] _buffer = new byte[BufferSize];
    private readonly byte[] _glance = new byte[1];

    private NetlinkListener(Socket socket) => _socket = socket;

    /// <param name="protocol">Whose groups.</param>
    /// <param name="groups">One bit a group: group 1 is bit 0.</param>
    /// <param name="network">Where to hear, or null for the calling thread's namespace.</param>
    /// <param name="receiveBuffer">How many bytes of events may wait, counted as the kernel counts them.</param>
    internal static NetlinkListener Open(NetlinkProtocol protocol, uint groups, NetworkNamespace? network, int? receiveBuffer = null)
    {
        var handle = NetlinkSocket.Create(protocol, network);
        try
        {
            if (receiveBuffer is { } size)
            {
                NetlinkSocket.Option(handle, Libc.SolSocket, Libc.SoReceiveBuffer, size);
            }
            else
            {
                NetlinkSocket.GrowReceiveBuffer(handle);
            }

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
    /// <exception cref="NetlinkOverrunException">Some were lost, and what waited behind them was thrown away. The next call goes on with what comes after.</exception>
    internal async ValueTask<ReadOnlyMemory<byte>> ReceiveAsync(CancellationToken ct)
    {
        while (true)
        {
            ct.ThrowIfCancellationRequested();
            try
            {
                var length = Receive();
                if (length > 0)
                {
                    return _buffer.AsMemory(0, length);
                }

                // Only to wait: what came is left there, because this call would not tell that it was cut or who sent it.
                _ = await _socket.ReceiveAsync(_glance.AsMemory(), SocketFlags.Peek, ct);
            }
            catch (Exception e) when (e is NetlinkOverrunException or SocketException { SocketErrorCode: SocketError.NoBufferSpaceAvailable })
            {
                Drain(ct);
                throw new NetlinkOverrunException();
            }
        }
    }

    /// <summary>Hears a group by its number: those above 32 fit no address.</summary>
    internal void Join(uint group)
        => _socket.SetRawSocketOption(NetlinkConstants.SolNetlink, NetlinkConstants.AddMembership, BitConverter.GetBytes(group));

    /// <summary>Asks the kernel for something on this socket, before anything is heard on it, and waits for the answer.</summary>
    /// <param name="operation">What is asked, for an error's sake.</param>
    /// <param name="request">One message that asks for an acknowledgement.</param>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    internal void Ask(string operation, ReadOnlySpan<byte> request)
    {
        _ = _socket.Send(request);
        while (_socket.Poll(s_answer, SelectMode.SelectRead))
        {
            var reader = new NetlinkReader(_buffer.AsSpan(0, Receive()));
            while (reader.TryRead(out var message))
            {
                if (message.Type == NetlinkConstants.MessageError)
                {
                    var errno = -BitConverter.ToInt32(message.Payload);
                    _ = errno == 0 ? errno : throw new LinuxException(operation, errno);
                    return;
                }
            }
        }

        throw new LinuxException(operation, Errno.Again, "the kernel did not answer");
    }

    public void Dispose() => _socket.Dispose();

    /// <summary>Takes all that waits, and gives it to nobody.</summary>
    /// <remarks>
    /// Once it has dropped an event, the kernel says so one time and goes on dropping until what waits is taken whole. Who read the
    /// lists anew before that would not hear of what was dropped after.
    /// </remarks>
    private void Drain(CancellationToken ct)
    {
        var waiting = true;
        while (waiting)
        {
            ct.ThrowIfCancellationRequested();
            try
            {
                waiting = Receive() > 0;
            }
            catch (NetlinkOverrunException)
            {
                // Dropped again meanwhile: the one word of it that is to come says that too.
            }
        }
    }

    /// <summary>Takes a datagram of the kernel's that is there; 0 where there is none.</summary>
    private unsafe int Receive()
    {
        while (true)
        {
            Libc.SockaddrNetlink from;
            var fromLength = sizeof(Libc.SockaddrNetlink);
            nint length;
            fixed (byte* start = _buffer)
            {
                length = Libc.recvfrom(
                    _socket.SafeHandle, start, (nuint)_buffer.Length, Libc.MessageTruncate | Libc.MessageDontWait, &from, &fromLength);
            }

            if (length < 0)
            {
                switch (Marshal.GetLastPInvokeError())
                {
                    case Errno.Interrupted:
                        continue;
                    case Errno.Again:
                        return 0;
                    case Errno.NoBuffers:
                        throw new NetlinkOverrunException();
                    case var errno:
                        throw new LinuxException("receive netlink events", errno);
                }
            }

            // Any process may send to this socket; only the kernel has port 0. What does not fit is as lost as what was dropped.
            if (from.PortId == 0)
            {
                return length <= _buffer.Length ? (int)length : throw new NetlinkOverrunException();
            }
        }
    }
}
