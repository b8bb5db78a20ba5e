using Fairlead.Linux.Netlink;

namespace Fairlead.Linux.Nftables;

/// <summary>One expression of the kernel's machine, as a rule that was read has it: a name and attributes.</summary>
/// <remarks>Copied out of the message, because a rule's text needs sets that are read after it. What is missing reads as zero or empty.</remarks>
internal sealed class NftInstruction
{
    private readonly Dictionary<ushort, byte[]> _attributes = [];

    private NftInstruction(string name, AttributeReader attributes)
    {
        Name = name;
        while (attributes.TryRead(out var a))
        {
            _attributes[a.Type] = a.Value.ToArray();
        }
    }

    internal string Name { get; }

    internal bool Has(ushort type) => _attributes.ContainsKey(type);

    internal uint Number(ushort type) => Attribute(type).BigEndian32;

    internal ulong Long(ushort type) => Attribute(type).BigEndian64;

    internal ushort Short(ushort type) => Attribute(type).BigEndian16;

    internal byte Byte(ushort type) => Attribute(type).Byte;

    internal string Text(ushort type) => Attribute(type).Text;

    internal ReadOnlySpan<byte> Bytes(ushort type) => Attribute(type).Value;

    internal AttributeReader Nested(ushort type) => Attribute(type).Nested;

    /// <summary>The bytes of a value within NFTA_DATA_VALUE.</summary>
    internal byte[] Data(ushort type)
    {
        var parts = Nested(type);
        while (parts.TryRead(out var a))
        {
            if (a.Type == NftConstants.DataValue)
            {
                return a.Value.ToArray();
            }
        }

        return [];
    }

    internal NftVerdict? Verdict(ushort type)
    {
        var parts = Nested(type);
        while (parts.TryRead(out var a))
        {
            if (a.Type == NftConstants.DataVerdict)
            {
                return NftVerdict.Read(a.Nested);
            }
        }

        return null;
    }

    /// <summary>Which of the sixteen registers of four bytes a number means: the old four are of sixteen bytes each.</summary>
    /// <returns>Null for the verdict's register, and for what is no register.</returns>
    internal int? Slot(ushort type) => Number(type) switch
    {
        0 => null,
        var old and <= 4 => (int)(old - 1) * 4,
        var number when number - NftConstants.FirstRegister < 16 => (int)(number - NftConstants.FirstRegister),
        _ => null,
    };

    internal static List<NftInstruction> ReadAll(AttributeReader list)
    {
        var all = new List<NftInstruction>();
        while (list.TryRead(out var item))
        {
            if (Read(item.Nested) is { } instruction)
            {
                all.Add(instruction);
            }
        }

        return all;
    }

    internal static NftInstruction? Read(AttributeReader parts)
    {
        string? name = null;
        var data = default(AttributeReader);
        while (parts.TryRead(out var a))
        {
            if (a.Type == NftConstants.ExprName)
            {
                name = a.Text;
            }
            else if (a.Type == NftConstants.ExprData)
            {
                data = a.Nested;
            }
        }

        return name is null ? null : new(name, data);
    }

    private NetlinkAttribute Attribute(ushort type) => new(type, _attributes.TryGetValue(type, out var value) ? value : []);
}
