using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Fairlead.Dns.Wire;

/// <summary>Writes one DNS message into a caller-owned span, names compressed against what stands there already.</summary>
/// <remarks>Each write says whether it fitted; one that did not leaves the message as it was. Nothing is allocated.</remarks>
public ref struct DnsWriter
{
    private readonly Span<byte> _buffer;
    private Offsets _offsets;
    private int _known;

    /// <param name="buffer">The room there is, the header's twelve bytes included.</param>
    public DnsWriter(Span<byte> buffer)
    {
        _buffer = buffer;
        Position = DnsHeader.Size;
    }

    /// <summary>How long the message is so far.</summary>
    public int Position { get; private set; }

    /// <summary>Bytes kept free for what is written last (the OPT record).</summary>
    public int Reserved { get; set; }

    private readonly int Limit => _buffer.Length - Reserved;

    /// <summary>Writes the question; its spelling is kept, because a client may check it (draft-vixie-dnsext-dns0x20).</summary>
    public bool TryWriteQuestion(scoped ReadOnlySpan<byte> name, RecordType type, RecordClass @class)
    {
        var (start, known) = (Position, _known);
        return (TryWriteName(name, compress: true) && TryWriteUInt16((ushort)type) && TryWriteUInt16((ushort)@class)) || RollBack(start, known);
    }

    /// <summary>Writes a record whose time to live has run for some seconds already.</summary>
    public bool TryWriteRecord(Record record, uint age = 0)
    {
        var (start, known) = (Position, _known);
        var ttl = record.Ttl > age ? record.Ttl - age : 0;
        if (!TryWriteName(record.Name.Wire, compress: true) || Position + 10 > Limit)
        {
            return RollBack(start, known);
        }

        var head = _buffer[Position..];
        BinaryPrimitives.WriteUInt16BigEndian(head, (ushort)record.Type);
        BinaryPrimitives.WriteUInt16BigEndian(head[2..], (ushort)record.Class);
        BinaryPrimitives.WriteUInt32BigEndian(head[4..], ttl);
        Position += 10;
        var dataStart = Position;
        if (!TryWriteData(record))
        {
            return RollBack(start, known);
        }

        BinaryPrimitives.WriteUInt16BigEndian(head[8..], (ushort)(Position - dataStart));
        return true;
    }

    /// <summary>Writes the OPT pseudo-record (RFC 6891 §6.1.2), without options.</summary>
    public bool TryWriteEdns(ushort payloadSize, byte extendedCode, byte version, bool dnssecOk)
    {
        if (Position + Edns.RecordSize > _buffer.Length)
        {
            return false;
        }

        var opt = _buffer.Slice(Position, Edns.RecordSize);
        opt.Clear();
        BinaryPrimitives.WriteUInt16BigEndian(opt[1..], (ushort)RecordType.OPT);
        BinaryPrimitives.WriteUInt16BigEndian(opt[3..], payloadSize);
        opt[5] = extendedCode;
        opt[6] = version;
        opt[7] = (byte)(dnssecOk ? 0x80 : 0);
        Position += Edns.RecordSize;
        return true;
    }

    /// <summary>Puts the header in front and gives the whole message.</summary>
    public readonly ReadOnlySpan<byte> Finish(in DnsHeader header)
    {
        header.Write(_buffer);
        return _buffer[..Position];
    }

    private bool TryWriteData(Record record)
    {
        var layout = RecordData.Of(record.Type);
        if (!layout.Compress)
        {
            return TryWriteBytes(record.Data);
        }

        var data = record.Data;
        if (!TryWriteBytes(data[..layout.Prefix]))
        {
            return false;
        }

        data = data[layout.Prefix..];
        for (var i = 0; i < layout.Names; i++)
        {
            var length = 1;
            for (var at = 0; data[at] != 0; at += data[at] + 1)
            {
                length += data[at] + 1;
            }

            if (!TryWriteName(data[..length], compress: true))
            {
                return false;
            }

            data = data[length..];
        }

        return TryWriteBytes(data);
    }

    private bool TryWriteName(scoped ReadOnlySpan<byte> name, bool compress)
    {
        while (name[0] != 0)
        {
            if (compress && TryFind(name, out var offset))
            {
                return TryWriteUInt16((ushort)(0xC000 | offset));
            }

            var label = name[..(name[0] + 1)];
            var at = Position;
            if (!TryWriteBytes(label))
            {
                return false;
            }

            if (_known < Offsets.Count && at < 0x4000)
            {
                _offsets[_known++] = (ushort)at;
            }

            name = name[label.Length..];
        }

        return TryWriteBytes(name);
    }

    /// <summary>Finds where a name already stands in the message. The question's name is the first tried, and mostly the one.</summary>
    private readonly bool TryFind(scoped ReadOnlySpan<byte> name, out int offset)
    {
        for (var i = 0; i < _known; i++)
        {
            offset = _offsets[i];
            if (StandsAt(offset, name))
            {
                return true;
            }
        }

        offset = 0;
        return false;
    }

    private readonly bool StandsAt(int at, scoped ReadOnlySpan<byte> name)
    {
        while (true)
        {
            // The name that is being written has no end yet: what follows in the buffer is of another message.
            if (at >= Position)
            {
                return false;
            }

            var length = _buffer[at];
            if (length >= 0xC0)
            {
                at = ((length & 0x3F) << 8) | _buffer[at + 1];
                continue;
            }

            if (length != name[0])
            {
                return false;
            }

            if (length == 0)
            {
                return true;
            }

            if (!WireName.Equal(_buffer.Slice(at, length + 1), name[..(length + 1)]))
            {
                return false;
            }

            at += length + 1;
            name = name[(length + 1)..];
        }
    }

    private bool TryWriteUInt16(ushort value)
    {
        if (Position + 2 > Limit)
        {
            return false;
        }

        BinaryPrimitives.WriteUInt16BigEndian(_buffer[Position..], value);
        Position += 2;
        return true;
    }

    private bool TryWriteBytes(scoped ReadOnlySpan<byte> bytes)
    {
        if (Position + bytes.Length > Limit)
        {
            return false;
        }

        bytes.CopyTo(_buffer[Position..]);
        Position += bytes.Length;
        return true;
    }

    private bool RollBack(int position, int known)
    {
        (Position, _known) = (position, known);
        return false;
    }

    [InlineArray(Count)]
    private struct Offsets
    {
        /// <summary>More labels than this are written in full: the search is linear, and replies worth compressing repeat their first names.</summary>
        public const int Count = 40;

        private ushort _first;
    }
}
