using System.Buffers.Binary;
using System.Net;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Fairlead.Linux.Netlink;

/// <summary>Reads the messages of one datagram, front to back.</summary>
/// <remarks>Total: a message whose length does not fit ends the reading. No input throws or reads past its end.</remarks>
internal ref struct NetlinkReader(ReadOnlySpan<byte> datagram)
{
    private ReadOnlySpan<byte> _rest = datagram;

    internal bool TryRead(out NetlinkMessage message)
    {
        message = default;
        if (_rest.Length < NetlinkConstants.HeaderLength)
        {
            return false;
        }

        var length = MemoryMarshal.Read<uint>(_rest);
        if (length < NetlinkConstants.HeaderLength || length > _rest.Length)
        {
            _rest = default;
            return false;
        }

        message = new(_rest[..(int)length]);
        _rest = _rest[Math.Min(NetlinkConstants.Align((int)length), _rest.Length)..];
        return true;
    }
}

/// <summary>One message: its header's fields and what follows.</summary>
internal readonly ref struct NetlinkMessage(ReadOnlySpan<byte> bytes)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;

    internal ushort Type => MemoryMarshal.Read<ushort>(_bytes[4..]);

    internal NetlinkFlags Flags => (NetlinkFlags)MemoryMarshal.Read<ushort>(_bytes[6..]);

    internal uint Sequence => MemoryMarshal.Read<uint>(_bytes[8..]);

    internal uint PortId => MemoryMarshal.Read<uint>(_bytes[12..]);

    /// <summary>The message whole, header and all.</summary>
    internal ReadOnlySpan<byte> Bytes => _bytes;

    internal ReadOnlySpan<byte> Payload => _bytes[NetlinkConstants.HeaderLength..];

    /// <summary>The family's fixed part, zero where the message is too short, and a reader of the attributes behind it.</summary>
    internal AttributeReader Attributes<T>(out T header)
        where T : unmanaged
    {
        var payload = Payload;
        var size = Unsafe.SizeOf<T>();
        if (payload.Length < size)
        {
            header = default;
            return default;
        }

        header = MemoryMarshal.Read<T>(payload);
        return new(payload[Math.Min(NetlinkConstants.Align(size), payload.Length)..]);
    }
}

/// <summary>Reads attributes one after the other.</summary>
/// <remarks>Total, as <see cref="NetlinkReader"/>.</remarks>
internal ref struct AttributeReader(ReadOnlySpan<byte> attributes)
{
    private ReadOnlySpan<byte> _rest = attributes;

    internal bool TryRead(out NetlinkAttribute attribute)
    {
        attribute = default;
        if (_rest.Length < NetlinkConstants.AttributeHeaderLength)
        {
            return false;
        }

        var length = MemoryMarshal.Read<ushort>(_rest);
        if (length < NetlinkConstants.AttributeHeaderLength || length > _rest.Length)
        {
            _rest = default;
            return false;
        }

        var type = MemoryMarshal.Read<ushort>(_rest[2..]);
        attribute = new((ushort)(type & NetlinkConstants.AttributeTypeMask), _rest[NetlinkConstants.AttributeHeaderLength..length]);
        _rest = _rest[Math.Min(NetlinkConstants.Align(length), _rest.Length)..];
        return true;
    }
}

/// <summary>One attribute. A value that is too short for what is asked reads as zero or empty.</summary>
internal readonly ref struct NetlinkAttribute(ushort type, ReadOnlySpan<byte> value)
{
    internal ushort Type { get; } = type;

    internal ReadOnlySpan<byte> Value { get; } = value;

    internal byte Byte => Value.Length >= 1 ? Value[0] : (byte)0;

    internal ushort UInt16 => Value.Length >= 2 ? MemoryMarshal.Read<ushort>(Value) : (ushort)0;

    internal uint UInt32 => Value.Length >= 4 ? MemoryMarshal.Read<uint>(Value) : 0;

    internal int Int32 => (int)UInt32;

    internal ulong UInt64 => Value.Length >= 8 ? MemoryMarshal.Read<ulong>(Value) : 0;

    internal ushort BigEndian16 => BinaryPrimitives.ReverseEndianness(UInt16);

    internal uint BigEndian32 => BinaryPrimitives.ReverseEndianness(UInt32);

    internal ulong BigEndian64 => Value.Length >= 8 ? BinaryPrimitives.ReadUInt64BigEndian(Value) : 0;

    /// <summary>Text up to its end mark, in UTF-8.</summary>
    internal ReadOnlySpan<byte> TextBytes
    {
        get
        {
            var end = Value.IndexOf((byte)0);
            return end < 0 ? Value : Value[..end];
        }
    }

    /// <summary>Text up to its end mark.</summary>
    internal string Text => Encoding.UTF8.GetString(TextBytes);

    /// <summary>An address of 4 or 16 bytes.</summary>
    internal IPAddress? Address => Value.Length is 4 or 16 ? new IPAddress(Value) : null;

    internal MacAddress? Mac => Value.Length == MacAddress.Length ? new MacAddress(Value) : null;

    internal AttributeReader Nested => new(Value);
}
