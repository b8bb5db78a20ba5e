using System.Buffers.Binary;

namespace Fairlead.Dns.Wire;

/// <summary>Reads a DNS message front to back. Never throws on hostile input: each read says whether it succeeded.</summary>
/// <remarks>After a failed read the position is where it was. Names are bounded twice: by 255 bytes and by 16 pointers, each of which must lead back.</remarks>
public ref struct DnsReader(ReadOnlySpan<byte> message)
{
    private const int MaxHops = 16;
    private readonly ReadOnlySpan<byte> _message = message;

    /// <summary>Where the next read begins.</summary>
    public int Position { get; private set; }

    public readonly int Remaining => _message.Length - Position;

    public bool TrySkip(int count)
    {
        if ((uint)count > (uint)Remaining)
        {
            return false;
        }

        Position += count;
        return true;
    }

    public bool TryReadByte(out byte value)
    {
        value = 0;
        if (Remaining < 1)
        {
            return false;
        }

        value = _message[Position++];
        return true;
    }

    public bool TryReadUInt16(out ushort value)
    {
        if (!BinaryPrimitives.TryReadUInt16BigEndian(_message[Position..], out value))
        {
            return false;
        }

        Position += 2;
        return true;
    }

    public bool TryReadUInt32(out uint value)
    {
        if (!BinaryPrimitives.TryReadUInt32BigEndian(_message[Position..], out value))
        {
            return false;
        }

        Position += 4;
        return true;
    }

    public bool TryReadBytes(int count, out ReadOnlySpan<byte> bytes)
    {
        bytes = default;
        if ((uint)count > (uint)Remaining)
        {
            return false;
        }

        bytes = _message.Slice(Position, count);
        Position += count;
        return true;
    }

    /// <summary>Expands a possibly compressed name into wire form, lower-cased, without pointers. At most 16 hops.</summary>
    /// <param name="destination">Room for 255 bytes, or less when longer names are to be refused.</param>
    public bool TryReadName(scoped Span<byte> destination, out int written) => TryReadName(destination, out written, lower: true);

    /// <summary>Expands a possibly compressed name into wire form as it was spelled.</summary>
    public bool TryReadNameAsSpelled(scoped Span<byte> destination, out int written) => TryReadName(destination, out written, lower: false);

    private bool TryReadName(scoped Span<byte> destination, out int written, bool lower)
    {
        written = 0;
        if (destination.Length > WireName.MaxLength)
        {
            destination = destination[..WireName.MaxLength];
        }

        var at = Position;
        var after = -1;
        var segment = Position;
        for (var hops = 0; ;)
        {
            if ((uint)at >= (uint)_message.Length)
            {
                return Fail(out written);
            }

            var length = _message[at];
            if (length >= 0xC0)
            {
                if (at + 1 >= _message.Length || ++hops > MaxHops)
                {
                    return Fail(out written);
                }

                var target = ((length & 0x3F) << 8) | _message[at + 1];
                after = after < 0 ? at + 2 : after;
                if (target >= segment)
                {
                    return Fail(out written);
                }

                at = segment = target;
                continue;
            }

            // 0x40 and 0x80 were reserved for label kinds nobody sends (RFC 6891 §5).
            if (length > WireName.MaxLabel || at + 1 + length > _message.Length || written + 1 + length > destination.Length)
            {
                return Fail(out written);
            }

            destination[written++] = length;
            if (length == 0)
            {
                Position = after < 0 ? at + 1 : after;
                return true;
            }

            var label = _message.Slice(at + 1, length);
            var copy = destination.Slice(written, length);
            label.CopyTo(copy);
            if (lower)
            {
                foreach (ref var value in copy)
                {
                    value = WireName.Lower(value);
                }
            }

            written += length;
            at += 1 + length;
        }
    }

    private static bool Fail(out int written)
    {
        written = 0;
        return false;
    }
}
