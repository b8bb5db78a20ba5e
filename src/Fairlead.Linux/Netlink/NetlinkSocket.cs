using System.Buffers;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Fairlead.Linux.Namespaces;
using Microsoft.Win32.SafeHandles;

namespace Fairlead.Linux.Netlink;

/// <summary>Takes one message of a dump or answer.</summary>
internal delegate void NetlinkVisitor(scoped NetlinkMessage message);

/// <summary>Makes an object of a message of a dump, or null where it is none.</summary>
internal delegate T? NetlinkParser<T>(scoped NetlinkMessage message)
    where T : class;

/// <summary>A netlink socket for requests, bound to the namespace it was opened in.</summary>
/// <remarks>
/// Requests are synchronous because the kernel's answer is: when <c>send</c> returns, the work is done and the answer queued.
/// One request at a time; calls from several threads queue on a lock.
/// </remarks>
internal sealed unsafe class NetlinkSocket : IDisposable
{
    /// <summary>What a dump may fill: the kernel gives at most 32 KiB at a time, a single object less than 64.</summary>
    private const int ReceiveSize = 128 * 1024;

    /// <summary>What the kernel counts for an answer to one message, with its own housekeeping; at most.</summary>
    private const int AnswerRoom = 2048;

    private const int DumpAttempts = 20;
    private const uint SequenceRange = 1 << 20;

    /// <summary>The kernel answers at once, but for one that hangs; then a caller must hear of it.</summary>
    private const int ReceiveTimeoutSeconds = 30;

    private readonly Lock _lock = new();
    private readonly NetlinkProtocol _protocol;
    private readonly uint _portId;
    private uint _sequence;
    private int _sendBuffer = 200 * 1024;
    private NetlinkBatch? _spare;

    private NetlinkSocket(NetlinkProtocol protocol, SafeFileHandle handle)
    {
        (_protocol, Handle) = (protocol, handle);
        _portId = Bind(handle, groups: 0);
        GrowReceiveBuffer(handle);
        SetReceiveTimeout(handle);
        Option(handle, NetlinkConstants.SolNetlink, NetlinkConstants.CapAck, 1);
        Option(handle, NetlinkConstants.SolNetlink, NetlinkConstants.ExtendedAck, 1);
        Option(handle, NetlinkConstants.SolNetlink, NetlinkConstants.StrictCheck, 1);
        MaxAnswers = Math.Max(1, ReceiveBufferOf(handle) / AnswerRoom);
    }

    /// <summary>How many messages may be refused at once, without the refusals overflowing the receive buffer.</summary>
    internal int MaxAnswers { get; }

    internal SafeFileHandle Handle { get; }

    /// <summary>What the kernel knows this socket by.</summary>
    internal uint PortId => _portId;

    internal static NetlinkSocket Open(NetlinkProtocol protocol, NetworkNamespace? network)
    {
        var handle = Create(protocol, network);
        try
        {
            return new(protocol, handle);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Makes a descriptor inside the namespace; bound to it for good, usable from anywhere.</summary>
    internal static SafeFileHandle Create(NetlinkProtocol protocol, NetworkNamespace? network)
    {
        return network is null ? Make() : network.Run(Make);

        SafeFileHandle Make() => Libc.Handle(
            Libc.socket(Libc.AfNetlink, Libc.SocketRaw | Libc.SocketCloseOnExec, (int)protocol), $"netlink socket {protocol}");
    }

    internal static uint Bind(SafeFileHandle handle, uint groups)
    {
        var address = new Libc.SockaddrNetlink { Family = Libc.AfNetlink, Groups = groups };
        _ = LinuxException.ThrowIfFailed(Libc.bind(handle, &address, sizeof(Libc.SockaddrNetlink)), "bind netlink socket");
        var length = sizeof(Libc.SockaddrNetlink);
        _ = LinuxException.ThrowIfFailed(Libc.getsockname(handle, &address, &length), "name of netlink socket");
        return address.PortId;
    }

    internal static void Option(SafeFileHandle handle, int level, int name, int value)
        => LinuxException.ThrowIfFailed(Libc.setsockopt(handle, level, name, &value, sizeof(int)), $"netlink socket option {level}/{name}");

    /// <summary>Room for many answers; more than the machine's limit, where we may.</summary>
    internal static void GrowReceiveBuffer(SafeFileHandle handle)
    {
        var size = 8 << 20;
        if (Libc.setsockopt(handle, Libc.SolSocket, Libc.SoReceiveBufferForce, &size, sizeof(int)) < 0)
        {
            // Without CAP_NET_ADMIN one gets what net.core.rmem_max allows.
            Option(handle, Libc.SolSocket, Libc.SoReceiveBuffer, size);
        }
    }

    /// <summary>A batch whose sequence numbers belong to this socket; its disposal gives it back for the next.</summary>
    /// <remarks>Each batch has a range of its own, so that a late answer to one that failed is never taken for one to the next.</remarks>
    internal NetlinkBatch NewBatch()
    {
        var batch = Interlocked.Exchange(ref _spare, null) ?? new NetlinkBatch(b => _spare = b);
        Restart(batch);
        return batch;
    }

    /// <summary>Empties a batch for what comes next.</summary>
    internal void Restart(NetlinkBatch batch) => batch.Start(Interlocked.Add(ref _sequence, SequenceRange));

    /// <summary>Sends one request and gives its answers to the visitor.</summary>
    /// <returns>Whether the answers are of one moment: a dump is not where its table changed meanwhile.</returns>
    internal bool Request(string operation, NetlinkBatch batch, NetlinkVisitor? visitor = null)
    {
        var answer = ExchangeAll(batch, visitor);
        return answer.Refusals is { } refusals ? throw refusals[0].Refusal.ToException(operation) : !answer.Interrupted;
    }

    /// <summary>Sends messages and waits for all.</summary>
    /// <returns>For each message what the kernel refused, or null.</returns>
    internal NetlinkRefusal?[] Exchange(NetlinkBatch batch, NetlinkVisitor? visitor = null)
    {
        var refusals = new NetlinkRefusal?[batch.Count];
        foreach (var (index, refusal) in ExchangeAll(batch, visitor).Refusals ?? [])
        {
            refusals[index] = refusal;
        }

        return refusals;
    }

    /// <summary>Sends messages and waits for all.</summary>
    /// <remarks>
    /// Only the last is asked to be acknowledged. The kernel works through a batch in order and answers as it goes, a refusal
    /// always: what has not been refused when the last is answered has been done. So n messages cost two system calls, and what
    /// is refused one more each.
    /// </remarks>
    /// <returns>What was refused, with the index of its message, in order; null where nothing was.</returns>
    internal (List<(int Index, NetlinkRefusal Refusal)>? Refusals, bool Interrupted) ExchangeAll(NetlinkBatch batch, NetlinkVisitor? visitor = null)
    {
        lock (_lock)
        {
            List<(int, NetlinkRefusal)>? refusals = null;
            ExceptionDispatchInfo? failure = null;
            var interrupted = false;
            batch.AskAcknowledgement();
            Send(batch);
            var buffer = ArrayPool<byte>.Shared.Rent(ReceiveSize);
            try
            {
                for (var ended = false; !ended;)
                {
                    var reader = new NetlinkReader(Receive(buffer, wait: true));
                    while (reader.TryRead(out var message))
                    {
                        var index = (int)(message.Sequence - batch.FirstSequence);
                        if (message.PortId != _portId || (uint)index >= (uint)batch.Count)
                        {
                            continue;
                        }

                        interrupted |= message.Type != NetlinkConstants.MessageError && (message.Flags & NetlinkFlags.DumpInterrupted) != 0;
                        if (message.Type is NetlinkConstants.MessageError or NetlinkConstants.MessageDone)
                        {
                            ended |= index == batch.Count - 1;
                            if (NetlinkRefusal.Read(message, batch.Message(index), _protocol) is { } refusal)
                            {
                                (refusals ??= []).Add((index, refusal));
                            }
                        }
                        else if (message.Type >= NetlinkConstants.MessageFirst && failure is null)
                        {
                            try
                            {
                                visitor?.Invoke(message);
                            }
                            catch (Exception e)
                            {
                                // The rest of the answer must be taken all the same: the kernel begins no dump before one has ended.
                                failure = ExceptionDispatchInfo.Capture(e);
                            }
                        }
                    }
                }
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }

            failure?.Throw();
            return (refusals, interrupted);
        }
    }

    /// <summary>Sends an nf_tables style batch, and takes whatever the kernel has answered by then.</summary>
    /// <returns>The refusals with the index of the message each is about, and whether the last but one message was acknowledged.</returns>
    internal List<(int Index, NetlinkRefusal Refusal)> Commit(NetlinkBatch batch, out bool acknowledged)
    {
        lock (_lock)
        {
            var refusals = new List<(int, NetlinkRefusal)>();
            acknowledged = false;
            Send(batch);
            var buffer = ArrayPool<byte>.Shared.Rent(ReceiveSize);
            try
            {
                while (Receive(buffer, wait: false) is { IsEmpty: false } datagram)
                {
                    var reader = new NetlinkReader(datagram);
                    while (reader.TryRead(out var message))
                    {
                        var index = (int)(message.Sequence - batch.FirstSequence);
                        if (message.PortId != _portId || (uint)index >= (uint)batch.Count || message.Type != NetlinkConstants.MessageError)
                        {
                            continue;
                        }

                        if (NetlinkRefusal.Read(message, batch.Message(index), _protocol) is { } refusal)
                        {
                            refusals.Add((index, refusal));
                        }
                        else
                        {
                            acknowledged |= index == batch.Count - 2;
                        }
                    }
                }
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }

            return refusals;
        }
    }

    /// <summary>Dumps a table: again from the start where it changed meanwhile, so that the result is one that has been.</summary>
    /// <remarks>A table that changes faster than it can be read is given as last read: a reconciler comes again anyway.</remarks>
    internal List<T> Dump<T>(string operation, Action<NetlinkBatch> request, NetlinkParser<T> read)
        where T : class
    {
        for (var attempt = 1; ; attempt++)
        {
            var result = new List<T>();
            using var batch = NewBatch();
            request(batch);
            var whole = false;
            try
            {
                whole = Request(operation, batch, message =>
                {
                    if (read(message) is { } item)
                    {
                        result.Add(item);
                    }
                });
            }
            catch (NetlinkOverrunException) when (attempt < DumpAttempts)
            {
                continue;
            }
            catch (LinuxException e) when (e.Errno is Errno.Interrupted or Errno.Again && attempt < DumpAttempts)
            {
                continue;
            }

            if (whole || attempt == DumpAttempts)
            {
                return result;
            }
        }
    }

    public void Dispose() => Handle.Dispose();

    private static int ReceiveBufferOf(SafeFileHandle handle)
    {
        int size;
        var length = sizeof(int);
        _ = LinuxException.ThrowIfFailed(Libc.getsockopt(handle, Libc.SolSocket, Libc.SoReceiveBuffer, &size, &length), "netlink receive buffer");
        return size;
    }

    private static void SetReceiveTimeout(SafeFileHandle handle)
    {
        // struct timeval of a 64-bit machine: seconds and microseconds.
        var time = stackalloc long[2] { ReceiveTimeoutSeconds, 0 };
        _ = LinuxException.ThrowIfFailed(Libc.setsockopt(handle, Libc.SolSocket, Libc.SoReceiveTimeout, time, 2 * sizeof(long)), "netlink receive timeout");
    }

    private void Send(NetlinkBatch batch)
    {
        var bytes = batch.Bytes;
        if (bytes.Length > _sendBuffer)
        {
            // A message must fit the send buffer whole; the kernel doubles what is asked.
            Option(Handle, Libc.SolSocket, Libc.SoSendBufferForce, bytes.Length);
            _sendBuffer = bytes.Length;
        }

        fixed (byte* start = bytes)
        {
            nint sent;
            do
            {
                sent = Libc.send(Handle, start, (nuint)bytes.Length, 0);
            }
            while (sent < 0 && Marshal.GetLastPInvokeError() == Errno.Interrupted);

            if (sent != bytes.Length)
            {
                throw new LinuxException($"send {bytes.Length} bytes to netlink", Marshal.GetLastPInvokeError());
            }
        }
    }

    private ReadOnlySpan<byte> Receive(byte[] buffer, bool wait)
    {
        while (true)
        {
            Libc.SockaddrNetlink from;
            var fromLength = sizeof(Libc.SockaddrNetlink);
            nint length;
            fixed (byte* start = buffer)
            {
                length = Libc.recvfrom(
                    Handle, start, (nuint)buffer.Length, Libc.MessageTruncate | (wait ? 0 : Libc.MessageDontWait), &from, &fromLength);
            }

            if (length < 0)
            {
                switch (Marshal.GetLastPInvokeError())
                {
                    case Errno.Interrupted:
                        continue;
                    case Errno.Again when !wait:
                        return default;
                    case Errno.Again:
                        throw new LinuxException("receive from netlink", Errno.Again, $"no answer within {ReceiveTimeoutSeconds} s");
                    case Errno.NoBuffers:
                        throw new NetlinkOverrunException();
                    case var errno:
                        throw new LinuxException("receive from netlink", errno);
                }
            }

            if (length > buffer.Length)
            {
                throw new LinuxException("receive from netlink", Errno.MessageSize, $"a message of {length} bytes");
            }

            // Any process may send to this socket; only the kernel has port 0.
            if (from.PortId == 0)
            {
                return buffer.AsSpan(0, (int)length);
            }
        }
    }
}
