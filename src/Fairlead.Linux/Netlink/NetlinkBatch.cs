using System.Buffers;
using System.Runtime.InteropServices;

namespace Fairlead.Linux.Netlink;

/// <summary>Several netlink messages one after the other, sent with one system call.</summary>
/// <remarks>
/// One message at a time is open: <see cref="Begin"/> lends the free end of the buffer to a writer, <see cref="End"/> takes it back.
/// Sequence numbers are given in order, so that an answer names its message. A batch that is disposed of goes back to its socket,
/// lists and all, so that the next one costs nothing.
/// </remarks>
internal sealed class NetlinkBatch(Action<NetlinkBatch>? giveBack = null) : IDisposable
{
    /// <summary>More than any message has here: a nested attribute ends at 64 KiB.</summary>
    private const int MessageRoom = 72 * 1024;

    private readonly List<int> _starts = [];
    private readonly List<int> _marks = [];
    private byte[] _buffer = [];
    private int _length;

    internal NetlinkBatch(uint firstSequence)
        : this() => Start(firstSequence);

    internal int Count => _starts.Count;

    internal uint FirstSequence { get; private set; }

    internal ReadOnlySpan<byte> Bytes => _buffer.AsSpan(0, _length);

    /// <summary>Empties it, and gives its next message this number.</summary>
    internal void Start(uint firstSequence)
    {
        FirstSequence = firstSequence;
        _starts.Clear();
        _marks.Clear();
        _length = 0;
    }

    internal NetlinkWriter Begin(ushort type, NetlinkFlags flags)
    {
        if (_buffer.Length - _length < MessageRoom)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(2 * _buffer.Length, _length + MessageRoom + 4096));
            Bytes.CopyTo(larger);
            Release();
            _buffer = larger;
        }

        return new NetlinkWriter(_buffer.AsSpan(_length), type, flags | NetlinkFlags.Request);
    }

    internal void End(scoped in NetlinkWriter writer)
    {
        var message = writer.Finish(FirstSequence + (uint)_starts.Count);
        _starts.Add(_length);
        _length += NetlinkConstants.Align(message.Length);
    }

    /// <summary>Ends an operation, which may be several messages.</summary>
    internal void Mark() => _marks.Add(_starts.Count);

    /// <summary>The index of the operation that a message belongs to.</summary>
    internal int OperationOf(int message)
    {
        var index = CollectionsMarshal.AsSpan(_marks).BinarySearch(message + 1);
        return index < 0 ? ~index : index;
    }

    /// <summary>Has the kernel answer the last message, though it would answer only to what it refuses. A dump is answered anyway.</summary>
    internal void AskAcknowledgement()
    {
        var flags = _buffer.AsSpan(_starts[^1] + 6, 2);
        var now = (NetlinkFlags)MemoryMarshal.Read<ushort>(flags);
        if ((now & NetlinkFlags.Dump) != NetlinkFlags.Dump)
        {
            MemoryMarshal.Write(flags, (ushort)(now | NetlinkFlags.Ack));
        }
    }

    /// <summary>The bytes of the message of this index.</summary>
    internal ReadOnlySpan<byte> Message(int index)
        => Bytes[_starts[index]..(index + 1 < _starts.Count ? _starts[index + 1] : _length)];

    public void Dispose()
    {
        Release();
        (_buffer, _length) = ([], 0);
        giveBack?.Invoke(this);
    }

    private void Release()
    {
        if (_buffer.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
        }
    }
}
