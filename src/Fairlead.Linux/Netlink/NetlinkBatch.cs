using System.Buffers;
using System.Runtime.InteropServices;

namespace Fairlead.Linux.Netlink;

/// <summary>Several netlink messages one after the other, sent with one system call.</summary>
/// <remarks>
/// One message at a time is open: <see cref="Begin"/> lends the free end of the buffer to a writer, <see cref="End"/> takes it back.
/// Sequence numbers are given in order, so that an answer names its message.
/// </remarks>
internal sealed class NetlinkBatch(uint firstSequence) : IDisposable
{
    /// <summary>More than any message has here: a nested attribute ends at 64 KiB.</summary>
    private const int MessageRoom = 72 * 1024;

    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(MessageRoom + 4096);
    private readonly List<int> _starts = [];
    private int _length;

    internal int Count => _starts.Count;

    internal uint FirstSequence => firstSequence;

    internal ReadOnlySpan<byte> Bytes => _buffer.AsSpan(0, _length);

    internal NetlinkWriter Begin(ushort type, NetlinkFlags flags)
    {
        if (_buffer.Length - _length < MessageRoom)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(2 * _buffer.Length, _length + MessageRoom));
            Bytes.CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = larger;
        }

        return new NetlinkWriter(_buffer.AsSpan(_length), type, flags | NetlinkFlags.Request);
    }

    internal void End(scoped in NetlinkWriter writer)
    {
        var message = writer.Finish(firstSequence + (uint)_starts.Count);
        _starts.Add(_length);
        _length += NetlinkConstants.Align(message.Length);
    }

    /// <summary>Has the kernel answer the last message, though the family of messages answers only to what it refuses.</summary>
    internal void AskAcknowledgement()
    {
        var flags = _buffer.AsSpan(_starts[^1] + 6, 2);
        MemoryMarshal.Write(flags, (ushort)(MemoryMarshal.Read<ushort>(flags) | (ushort)NetlinkFlags.Ack));
    }

    /// <summary>The bytes of the message of this index.</summary>
    internal ReadOnlySpan<byte> Message(int index)
        => Bytes[_starts[index]..(index + 1 < _starts.Count ? _starts[index + 1] : _length)];

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
    }
}
