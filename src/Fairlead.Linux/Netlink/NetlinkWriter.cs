using System.Buffers.Binary;
using System.Net;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Fairlead.Linux.Netlink;

/// <summary>Writes one netlink message into a caller-owned span. Host byte order; every attribute is padded to four bytes.</summary>
/// <remarks>
/// Lengths are set when a message or nest is closed. An attribute's length has 16 bits: one that is longer throws and is never
/// written cut. Nesting marks with <c>NLA_F_NESTED</c>, which strict parsers ask for.
/// </remarks>
internal ref struct NetlinkWriter
{
    private readonly Span<byte> _buffer;
    private int _position;

    internal NetlinkWriter(Span<byte> buffer, ushort type, NetlinkFlags flags)
    {
        _buffer = buffer;
        _buffer[..NetlinkConstants.HeaderLength].Clear();
        MemoryMarshal.Write(_buffer[4..], type);
        MemoryMarshal.Write(_buffer[6..], (ushort)flags);
        _position = NetlinkConstants.HeaderLength;
    }

    internal readonly int Length => _position;

    /// <summary>Writes the fixed part that the family puts before its attributes.</summary>
    internal void Header<T>(scoped in T header)
        where T : unmanaged
    {
        MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in header)).CopyTo(_buffer[_position..]);
        Pad(_position + Unsafe.SizeOf<T>());
    }

    /// <summary>A number in host byte order.</summary>
    internal void Attribute<T>(ushort type, scoped in T value)
        where T : unmanaged
        => Attribute(type, MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)));

    internal void Attribute(ushort type, scoped ReadOnlySpan<byte> value)
    {
        value.CopyTo(_buffer[(_position + NetlinkConstants.AttributeHeaderLength)..]);
        Close(type, value.Length);
    }

    /// <summary>A string with its end mark.</summary>
    internal void Attribute(ushort type, string value)
    {
        var body = _buffer[(_position + NetlinkConstants.AttributeHeaderLength)..];
        var length = Encoding.UTF8.GetBytes(value, body);
        body[length] = 0;
        Close(type, length + 1);
    }

    internal void Attribute(ushort type, IPAddress value)
    {
        _ = value.TryWriteBytes(_buffer[(_position + NetlinkConstants.AttributeHeaderLength)..], out var length);
        Close(type, length);
    }

    internal void Attribute(ushort type, MacAddress value)
    {
        value.CopyTo(_buffer[(_position + NetlinkConstants.AttributeHeaderLength)..]);
        Close(type, MacAddress.Length);
    }

    /// <summary>An attribute that says all by being there.</summary>
    internal void Flag(ushort type) => Close(type, 0);

    /// <summary>A byte that is 1 or 0, or nothing where it is not said.</summary>
    internal void Switch(ushort type, bool? value)
    {
        if (value is { } set)
        {
            Attribute(type, (byte)(set ? 1 : 0));
        }
    }

    internal void BigEndian(ushort type, ushort value) => Attribute(type, BinaryPrimitives.ReverseEndianness(value));

    internal void BigEndian(ushort type, uint value) => Attribute(type, BinaryPrimitives.ReverseEndianness(value));

    internal void BigEndian(ushort type, ulong value) => Attribute(type, BinaryPrimitives.ReverseEndianness(value));

    /// <summary>Opens an attribute that holds attributes.</summary>
    /// <returns>What <see cref="EndNested"/> takes.</returns>
    internal int BeginNested(ushort type)
    {
        var start = _position;
        MemoryMarshal.Write(_buffer[(start + 2)..], (ushort)(type | NetlinkConstants.AttributeNested));
        _position += NetlinkConstants.AttributeHeaderLength;
        return start;
    }

    internal readonly void EndNested(int start) => WriteLength(start, _position - start);

    /// <summary>Puts bytes within an attribute as they are: for formats inside an attribute that are not attributes.</summary>
    internal void Raw(scoped ReadOnlySpan<byte> value)
    {
        value.CopyTo(_buffer[_position..]);
        Pad(_position + value.Length);
    }

    /// <summary>Closes the message and gives its bytes.</summary>
    internal readonly ReadOnlySpan<byte> Finish(uint sequence)
    {
        MemoryMarshal.Write(_buffer, (uint)_position);
        MemoryMarshal.Write(_buffer[8..], sequence);
        return _buffer[.._position];
    }

    private void Close(ushort type, int length)
    {
        var whole = NetlinkConstants.AttributeHeaderLength + length;
        WriteLength(_position, whole);
        MemoryMarshal.Write(_buffer[(_position + 2)..], type);
        Pad(_position + whole);
    }

    private readonly void WriteLength(int start, int length)
    {
        if (length > ushort.MaxValue)
        {
            throw new InvalidOperationException($"an attribute of {length} bytes: its length has 16 bits");
        }

        MemoryMarshal.Write(_buffer[start..], (ushort)length);
    }

    private void Pad(int end)
    {
        _position = NetlinkConstants.Align(end);
        _buffer[end.._position].Clear();
    }
}
