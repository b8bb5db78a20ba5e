using System.Buffers.Binary;

namespace Fairlead.Linux.Nftables;

/// <summary>What a register holds at a place of a rule, in words.</summary>
/// <param name="Text">As nft writes it.</param>
/// <param name="Types">What it is made of; several parts for what a map gives.</param>
internal sealed record NftTerm(string Text, ValueArray<NftType> Types)
{
    /// <summary>The bytes, for a value that is always the same.</summary>
    internal byte[]? Constant { get; init; }

    /// <summary>The field, where it is one of the packet's.</summary>
    internal NftFields.Field? Field { get; init; }

    /// <summary>Bytes that were loaded: fewer than its type has, where only the beginning is compared.</summary>
    internal int Length { get; init; }

    /// <summary>Bits that were kept, and flipped after that.</summary>
    internal byte[]? Mask { get; init; }

    internal byte[]? Flip { get; init; }

    internal NftType Type => Types.Count > 0 ? Types[0] : NftType.Other(4);

    internal int Slots => Math.Max(1, Types.Items.Sum(t => t.Slots));

    /// <summary>The words, with what was done to the bits as nft takes it apart: kept, flipped, set.</summary>
    internal string Words
    {
        get
        {
            if (Mask is null || Flip is null)
            {
                return Text;
            }

            var text = Text;
            var (mask, flip) = (Number(Mask), Number(Flip));
            var all = Type.Length >= 16 ? UInt128.MaxValue : (UInt128.One << (8 * Type.Length)) - 1;
            var set = flip & ~mask;
            flip &= mask;
            mask |= set;
            text += mask == all ? "" : $" & {Hex(mask)}";
            text += flip == 0 ? "" : $" ^ {Hex(flip)}";
            text += set == 0 ? "" : $" | {Hex(set)}";
            return text;
        }
    }

    /// <summary>A constant as values of these types.</summary>
    internal string Format(ValueArray<NftType> types)
    {
        var rest = Constant.AsSpan();
        var parts = new List<string>();
        foreach (var type in types)
        {
            parts.Add(NftValue.Read(type, rest).Format(type));
            rest = rest[Math.Min(4 * type.Slots, rest.Length)..];
        }

        return string.Join(" . ", parts);
    }

    internal string Hex(UInt128 number) => NftText.Invariant($"0x{number.ToString($"x{2 * Type.Length}", System.Globalization.CultureInfo.InvariantCulture)}");

    /// <summary>Bytes as the number that its type makes of them.</summary>
    internal UInt128 Number(ReadOnlySpan<byte> bytes)
    {
        Span<byte> digits = stackalloc byte[16];
        digits.Clear();
        var length = Math.Min(bytes.Length, Type.Length);
        var part = digits[(16 - length)..];
        bytes[..length].CopyTo(part);
        if (Type is { IsBigEndian: false, Kind: NftValueKind.Number } && BitConverter.IsLittleEndian)
        {
            part.Reverse();
        }

        return BinaryPrimitives.ReadUInt128BigEndian(digits);
    }
}
