namespace Fairlead.Linux.Nftables;

/// <summary>Words for what a rule computes and compares.</summary>
internal static class NftTermText
{
    private static readonly (uint Flag, string Word)[] s_fibFlags = [(1, "saddr"), (2, "daddr"), (4, "mark"), (8, "iif"), (16, "oif")];

    internal static NftTerm Fib(NftInstruction i)
    {
        var flags = i.Number(3);
        var of = string.Join(" . ", s_fibFlags.Where(f => (flags & f.Flag) != 0).Select(f => f.Word));
        var isPresence = (flags & 0x20) != 0;
        var (result, type) = i.Number(2) switch
        {
            1 => ("oif", isPresence ? NftType.Boolean : NftType.InterfaceIndex),
            2 => ("oifname", NftType.InterfaceName),
            _ => ("type", NftType.FibAddressType),
        };
        return new($"fib {of} {result}", [type]);
    }

    internal static NftTerm Number(NftInstruction i)
        => new($"numgen {(i.Number(3) == 0 ? "inc" : "random")} mod {i.Number(2)}{Offset(i, 4)}", [NftType.Index]);

    internal static NftTerm Hash(NftInstruction i, string? of)
        => new(
            i.Number(7) == 1
                ? $"symhash mod {i.Number(4)}{Offset(i, 6)}"
                : $"jhash {of ?? "[key]"} mod {i.Number(4)}{(i.Has(5) ? NftText.Invariant($" seed 0x{i.Number(5):x}") : "")}{Offset(i, 6)}",
            [NftType.Index]);

    internal static NftTerm Route(NftInstruction i) => i.Number(2) switch
    {
        0 => new("rt classid", [NftType.Other(4, bigEndian: false)]),
        1 => new("rt ip nexthop", [NftType.Ipv4Address]),
        2 => new("rt ip6 nexthop", [NftType.Ipv6Address]),
        3 => new("rt mtu", [NftType.Other(2)]),
        var key => new($"rt {key}", [NftType.Other(4)]),
    };

    internal static NftTerm Socket(NftInstruction i) => i.Number(1) switch
    {
        0 => new("socket transparent", [NftType.Other(1)]),
        1 => new("socket mark", [NftType.Mark]),
        2 => new("socket wildcard", [NftType.Other(1)]),
        var key => new($"socket {key}", [NftType.Other(4)]),
    };

    internal static string Compare(NftTerm? term, NftComparison comparison, byte[] bytes, Func<NftTerm?, string> use)
    {
        var left = use(term);
        if (term is null)
        {
            return $"{left} {Sign(comparison)}[{Convert.ToHexStringLower(bytes)}]";
        }

        if (term.Mask is { } mask)
        {
            return Masked(term, mask, comparison, bytes);
        }

        if (term.Field is { } field && bytes.Length < field.Type.Length)
        {
            // Only the first bytes of an address are loaded where a network ends with a byte.
            return $"{left} {Sign(comparison)}{NftValue.Read(field.Type, bytes).Format(field.Type)}/{8 * bytes.Length}";
        }

        if (term.Type.Kind == NftValueKind.Name && bytes.Length < term.Type.Length)
        {
            return $"{left} {Sign(comparison)}\"{System.Text.Encoding.UTF8.GetString(bytes).TrimEnd('\0')}*\"";
        }

        // nft writes "in none of these states" and "not one of these flags" with a word for the bits that is no list.
        return $"{left} {Sign(comparison)}{NftValue.Read(term.Type, bytes).Format(term.Type)}";
    }

    private static string Masked(NftTerm term, byte[] mask, NftComparison comparison, byte[] bytes)
    {
        var (kept, value) = (term.Number(mask), term.Number(bytes));
        if (term.Type.Kind is NftValueKind.Address4 or NftValueKind.Address6 && Prefix(kept, 8 * term.Type.Length) is { } prefix)
        {
            return NftText.Invariant($"{term.Text} {Sign(comparison)}{NftValue.Read(term.Type, bytes).Format(term.Type)}/{prefix}");
        }

        if (NftWords.IsBits(term.Type))
        {
            var words = NftWords.Bits(term.Type, (uint)kept);
            return (comparison, value == 0) switch
            {
                (NftComparison.NotEqual, true) => $"{term.Text} {words}",
                (NftComparison.Equal, true) when term.Type.Id != NftType.TcpFlags.Id => $"{term.Text} ! {words}",
                _ => $"{term.Text} {Sign(comparison)}{(value == 0 ? "0x0" : NftWords.Bits(term.Type, (uint)value))} / {words}",
            };
        }

        return $"{term.Words} {(comparison == NftComparison.Equal ? "==" : Sign(comparison).TrimEnd())} {Number(term, value)}";
    }

    private static string Number(NftTerm term, UInt128 value)
        => term.Type.Kind == NftValueKind.Number && term.Type.Id != NftType.Mark.Id && value <= 9 ? value.ToString() : term.Hex(value);

    private static string Sign(NftComparison comparison) => comparison switch
    {
        NftComparison.Equal => "",
        NftComparison.NotEqual => "!= ",
        NftComparison.Less => "< ",
        NftComparison.LessOrEqual => "<= ",
        NftComparison.Greater => "> ",
        _ => ">= ",
    };

    /// <summary>How many leading ones a mask is of, where it is nothing else.</summary>
    private static int? Prefix(UInt128 mask, int bits)
    {
        var all = bits == 128 ? UInt128.MaxValue : (UInt128.One << bits) - 1;
        var rest = ~mask & all;
        return (rest & (rest + 1)) == 0 ? bits - (int)UInt128.PopCount(rest) : null;
    }

    private static string Offset(NftInstruction i, ushort type) => i.Number(type) is var offset and not 0 ? NftText.Invariant($" offset {offset}") : "";
}
