using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;

namespace Fairlead.Linux.Nftables;

/// <summary>One value of a key or of what a key leads to: a number, an address, a name, or a range of them.</summary>
public readonly record struct NftValue
{
    /// <summary>Numbers of transport protocols.</summary>
    public const int Tcp = 6;
    public const int Udp = 17;
    public const int Sctp = 132;

    // Low and high are equal but for a range. Bytes of addresses and names are the big-endian digits of the number.
    private readonly UInt128 _low;
    private readonly UInt128 _high;
    private readonly NftValueKind _kind;

    private NftValue(NftValueKind kind, UInt128 low, UInt128 high) => (_kind, _low, _high) = (kind, low, high);

    internal bool IsRange => _low != _high;

    public static implicit operator NftValue(int number) => new(NftValueKind.Number, checked((uint)number), checked((uint)number));

    public static implicit operator NftValue(uint number) => new(NftValueKind.Number, number, number);

    public static implicit operator NftValue(ushort port) => new(NftValueKind.Number, port, port);

    public static implicit operator NftValue(byte number) => new(NftValueKind.Number, number, number);

    public static implicit operator NftValue(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        _ = address.TryWriteBytes(bytes, out var length);
        var number = Read(bytes[..length]);
        return new(length == 4 ? NftValueKind.Address4 : NftValueKind.Address6, number, number);
    }

    /// <summary>All addresses of a network: for sets of intervals.</summary>
    public static implicit operator NftValue(IPNetwork network)
    {
        NftValue first = network.BaseAddress;
        var bits = network.BaseAddress.AddressFamily == AddressFamily.InterNetwork ? 32 : 128;
        var rest = bits - network.PrefixLength;
        var mask = rest == 128 ? UInt128.MaxValue : (UInt128.One << rest) - 1;
        return new(first._kind, first._low & ~mask, first._low | mask);
    }

    public static implicit operator NftValue(MacAddress mac)
    {
        Span<byte> bytes = stackalloc byte[MacAddress.Length];
        mac.CopyTo(bytes);
        var number = Read(bytes);
        return new(NftValueKind.Mac, number, number);
    }

    /// <summary>The name of an interface.</summary>
    public static implicit operator NftValue(string name)
    {
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        if (Encoding.UTF8.GetByteCount(name) > 15)
        {
            throw new ArgumentException($"'{name}' is longer than the name of an interface can be", nameof(name));
        }

        _ = Encoding.UTF8.GetBytes(name, bytes);
        var number = Read(bytes);
        return new(NftValueKind.Name, number, number);
    }

    /// <summary>All values from one to another, both included: for sets of intervals.</summary>
    public static NftValue Range(NftValue first, NftValue last)
        => first._kind == last._kind && first._low <= last._high
            ? new(first._kind, first._low, last._high)
            : throw new ArgumentException($"from {first} to {last} is no range", nameof(last));

    /// <summary>The address, where it is one.</summary>
    public IPAddress? Address => _kind switch
    {
        NftValueKind.Address4 => ToAddress(_low, 4),
        NftValueKind.Address6 => ToAddress(_low, 16),
        _ => null,
    };

    /// <summary>The number, where it is one.</summary>
    public uint? Number => _kind == NftValueKind.Number ? (uint)_low : null;

    /// <summary>The name of an interface, where it is one.</summary>
    public string? Name => _kind == NftValueKind.Name ? ToName(_low) : null;

    public override string ToString() => Format(_kind switch
    {
        NftValueKind.Address4 => NftType.Ipv4Address,
        NftValueKind.Address6 => NftType.Ipv6Address,
        NftValueKind.Mac => NftType.EtherAddress,
        NftValueKind.Name => NftType.InterfaceName,
        _ => NftType.Index,
    });

    /// <summary>As nft reads it where this type is meant.</summary>
    internal string Format(NftType type)
    {
        if (!IsRange)
        {
            return One(type, _low);
        }

        if (type.Kind is NftValueKind.Address4 or NftValueKind.Address6)
        {
            // A network, where the range is one.
            var size = _high - _low + 1;
            var bits = 8 * type.Length;
            if (UInt128.PopCount(size) == 1 && (_low & (size - 1)) == 0)
            {
                return string.Create(CultureInfo.InvariantCulture, $"{One(type, _low)}/{bits - (int)UInt128.Log2(size)}");
            }

            // All of IPv6: its size is one more than can be counted.
            if (size == 0)
            {
                return $"{One(type, _low)}/0";
            }
        }

        return $"{One(type, _low)}-{One(type, _high)}";
    }

    /// <summary>Writes the first value of the range, or the last, as the type wants it.</summary>
    internal void Write(NftType type, Span<byte> destination, bool last = false)
    {
        if (type.Kind != _kind)
        {
            throw new ArgumentException($"{this} is no {type.Name}", nameof(type));
        }

        var value = last ? _high : _low;
        if (type.Kind is NftValueKind.Number or NftValueKind.Address4 && type.Length is 1 or 2 or 4)
        {
            WriteSmall(type, value, destination);
            return;
        }

        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, value);
        var digits = bytes[(16 - type.Length)..];
        if (type.Length < 16 && value >> (8 * type.Length) != 0)
        {
            throw new ArgumentException($"{this} is too large for {type.Name}", nameof(type));
        }

        if (!type.IsBigEndian && type.Kind == NftValueKind.Number && BitConverter.IsLittleEndian)
        {
            digits.Reverse();
        }

        digits.CopyTo(destination);
    }

    /// <summary>What nearly all keys are made of, without arithmetic of 128 bits.</summary>
    private void WriteSmall(NftType type, UInt128 value, Span<byte> destination)
    {
        var number = (ulong)value;
        if (number >> (8 * type.Length) != 0)
        {
            throw new ArgumentException($"{this} is too large for {type.Name}", nameof(type));
        }

        if (type.Length == 1)
        {
            destination[0] = (byte)number;
        }
        else if (type.Length == 2)
        {
            MemoryMarshal.Write(destination, type.IsBigEndian ? BinaryPrimitives.ReverseEndianness((ushort)number) : (ushort)number);
        }
        else
        {
            MemoryMarshal.Write(destination, type.IsBigEndian ? BinaryPrimitives.ReverseEndianness((uint)number) : (uint)number);
        }
    }

    /// <summary>The number after the last one, as bytes; false where there is none, because the range goes to the end.</summary>
    internal bool TryWriteEnd(NftType type, Span<byte> destination)
    {
        var max = type.Length == 16 ? UInt128.MaxValue : (UInt128.One << (8 * type.Length)) - 1;
        if (_high == max)
        {
            return false;
        }

        new NftValue(_kind, _high + 1, _high + 1).Write(type, destination);
        return true;
    }

    internal static NftValue Read(NftType type, ReadOnlySpan<byte> bytes)
    {
        Span<byte> digits = stackalloc byte[16];
        digits = digits[..type.Length];
        digits.Clear();
        bytes[..Math.Min(bytes.Length, type.Length)].CopyTo(digits);
        if (!type.IsBigEndian && type.Kind == NftValueKind.Number && BitConverter.IsLittleEndian)
        {
            digits.Reverse();
        }

        var number = Read(digits);
        return new(type.Kind, number, number);
    }

    /// <summary>The range from this value to right before the other.</summary>
    internal NftValue Until(NftValue end) => new(_kind, _low, end._low - 1);

    /// <summary>The range from this value to the last its type has.</summary>
    internal NftValue UntilEnd(NftType type) => new(_kind, _low, type.Length == 16 ? UInt128.MaxValue : (UInt128.One << (8 * type.Length)) - 1);

    internal NftValue To(NftValue last) => new(_kind, _low, last._high);

    internal UInt128 First => _low;

    /// <summary>Bits that all values of the range share, where it is a network.</summary>
    internal int? PrefixLength(NftType type)
    {
        var size = _high - _low + 1;
        return size == 0 ? 0
            : UInt128.PopCount(size) == 1 && (_low & (size - 1)) == 0 ? (8 * type.Length) - (int)UInt128.Log2(size)
            : null;
    }

    private static UInt128 Read(ReadOnlySpan<byte> bytes)
    {
        UInt128 number = 0;
        foreach (var b in bytes)
        {
            number = (number << 8) | b;
        }

        return number;
    }

    private static string One(NftType type, UInt128 value) => type.Kind switch
    {
        NftValueKind.Address4 => ToAddress(value, 4).ToString(),
        NftValueKind.Address6 => ToAddress(value, 16).ToString(),
        NftValueKind.Mac => ToMac(value).ToString(),
        NftValueKind.Name => $"\"{ToName(value)}\"",
        _ => NftWords.Of(type, value),
    };

    private static IPAddress ToAddress(UInt128 value, int length)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, value);
        return new(bytes[(16 - length)..]);
    }

    private static MacAddress ToMac(UInt128 value)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, value);
        return new(bytes[(16 - MacAddress.Length)..]);
    }

    private static string ToName(UInt128 value)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, value);
        return Encoding.UTF8.GetString(bytes).TrimEnd('\0');
    }
}
