using System.Globalization;
using System.Net.Sockets;
using Fairlead.Linux.Netlink;

namespace Fairlead.Linux.Nftables;

/// <summary>A part of a rule: something to match, or something to do. Made by <see cref="Match"/>, <see cref="Act"/> and <see cref="Nat"/>.</summary>
public abstract record NftStatement
{
    /// <summary>The words of nft.</summary>
    internal abstract string Text { get; }

    /// <summary>Makes the sets that stand in place in the statement.</summary>
    internal virtual void Declare(NftEncoder encoder)
    {
    }

    internal abstract void Write(ref NetlinkWriter w, NftRuleContext context);

    public sealed override string ToString() => Text;
}

/// <summary>Compares with one value, a network or a range.</summary>
internal sealed record CompareStatement(NftExpression Left, NftComparison Comparison, NftValue Value) : NftStatement
{
    private NftType Type => Left.Types[0];

    internal override string Text => Comparison switch
    {
        NftComparison.Equal => $"{Left} {Word}",
        NftComparison.NotEqual => $"{Left} != {Word}",
        NftComparison.Less => $"{Left} < {Word}",
        NftComparison.LessOrEqual => $"{Left} <= {Word}",
        NftComparison.Greater => $"{Left} > {Word}",
        _ => $"{Left} >= {Word}",
    };

    private string Word => Value.Format(Type);

    internal override void Write(ref NetlinkWriter w, NftRuleContext context)
    {
        Left.Require(ref w, context);
        if (Value.IsRange)
        {
            WriteRange(ref w, context);
            return;
        }

        Span<byte> bytes = stackalloc byte[16];
        Value.Write(Type, bytes);
        var length = Type.Length;
        if (Value.Name is { } name && name.EndsWith('*'))
        {
            // The beginning of a name: as many bytes as there are, without the end mark.
            length = System.Text.Encoding.UTF8.GetByteCount(name) - 1;
        }

        Left.Write(ref w, context, 0);
        NftExpressions.Compare(ref w, Comparison, bytes[..length]);
        if (Comparison == NftComparison.Equal)
        {
            Learn(context);
        }
    }

    private void WriteRange(ref NetlinkWriter w, NftRuleContext context)
    {
        Span<byte> first = stackalloc byte[16];
        Span<byte> last = stackalloc byte[16];
        Value.Write(Type, first);
        Value.Write(Type, last, last: true);
        var length = Type.Length;
        if (Type.Kind is NftValueKind.Address4 or NftValueKind.Address6 && Value.PrefixLength(Type) is { } bits and > 0)
        {
            if (bits % 8 == 0 && Left is PayloadExpression field)
            {
                // Whole bytes: only those are loaded.
                NftExpressions.Payload(ref w, field.Base, field.Offset, bits / 8, 0);
                NftExpressions.Compare(ref w, Comparison, first[..(bits / 8)]);
                return;
            }

            Span<byte> mask = stackalloc byte[16];
            Span<byte> zero = stackalloc byte[16];
            zero.Clear();
            for (var i = 0; i < length; i++)
            {
                mask[i] = (byte)~(first[i] ^ last[i]);
            }

            Left.Write(ref w, context, 0);
            NftExpressions.Bitwise(ref w, mask[..length], zero[..length]);
            NftExpressions.Compare(ref w, Comparison, first[..length]);
            return;
        }

        if (Comparison != NftComparison.Equal || !Type.IsBigEndian)
        {
            throw new NotSupportedException($"{Text}: only equality to a range of a field in network byte order");
        }

        Left.Write(ref w, context, 0);
        NftExpressions.Compare(ref w, NftComparison.GreaterOrEqual, first[..length]);
        NftExpressions.Compare(ref w, NftComparison.LessOrEqual, last[..length]);
    }

    private void Learn(NftRuleContext context)
    {
        if (Left == Load.L4Proto || Left == Load.IpProtocol)
        {
            context.KnowTransport((byte)Value.Number!);
        }
        else if (Left == Load.NfProto)
        {
            context.KnowNetwork((byte)Value.Number!);
        }
    }
}

/// <summary>Compares what is left of a value under a mask.</summary>
internal sealed record MaskStatement(NftExpression Left, uint Mask, NftComparison Comparison, uint Value, string? Words) : NftStatement
{
    internal override string Text => Words is not null
        ? $"{Left} {Words}"
        : string.Create(CultureInfo.InvariantCulture, $"{Left} & 0x{Mask:x8} {(Comparison == NftComparison.Equal ? "==" : "!=")} 0x{Value:x8}");

    internal override void Write(ref NetlinkWriter w, NftRuleContext context)
    {
        Left.Require(ref w, context);
        var type = Left.Types[0];
        Span<byte> mask = stackalloc byte[16];
        Span<byte> value = stackalloc byte[16];
        Span<byte> zero = stackalloc byte[16];
        zero.Clear();
        ((NftValue)Mask).Write(type, mask);
        ((NftValue)Value).Write(type, value);
        Left.Write(ref w, context, 0);
        NftExpressions.Bitwise(ref w, mask[..type.Length], zero[..type.Length]);
        NftExpressions.Compare(ref w, Comparison, value[..type.Length]);
    }
}

/// <summary>Whether a value is in a set.</summary>
internal sealed record LookupStatement(NftExpression Key, NftSet Set, bool Inverted) : NftStatement
{
    internal override string Text => $"{Key} {(Inverted ? "!= " : "")}{Set.Reference}";

    internal override void Declare(NftEncoder encoder) => encoder.DeclareInline(Set);

    internal override void Write(ref NetlinkWriter w, NftRuleContext context)
    {
        Key.Require(ref w, context);
        Key.Write(ref w, context, 0);
        NftExpressions.Lookup(ref w, context.Encoder, Set, 0, null, Inverted);
    }
}

/// <summary>The verdict a key leads to; on with the rule where it leads to none.</summary>
internal sealed record VerdictMapStatement(NftExpression Key, NftSet Map) : NftStatement
{
    internal override string Text => $"{Key} vmap {Map.Reference}";

    internal override void Declare(NftEncoder encoder) => encoder.DeclareInline(Map);

    internal override void Write(ref NetlinkWriter w, NftRuleContext context)
    {
        Key.Require(ref w, context);
        Key.Write(ref w, context, 0);
        NftExpressions.Lookup(ref w, context.Encoder, Map, 0, null, inverted: false);
    }
}

/// <summary>A verdict.</summary>
internal sealed record VerdictStatement(NftVerdict Verdict) : NftStatement
{
    internal override string Text => Verdict.ToString();

    internal override void Write(ref NetlinkWriter w, NftRuleContext context) => NftExpressions.Verdict(ref w, Verdict);
}

/// <summary>Changes the source or the destination.</summary>
internal sealed record NatStatement(bool IsSource, NftExpression Target, uint Flags) : NftStatement
{
    private bool IsIPv6 => Target.Types[0] == NftType.Ipv6Address;

    internal override string Text
        => $"{(IsSource ? "snat" : "dnat")} {(IsIPv6 ? "ip6" : "ip")} to {Words}{(Flags == NatFlags.FullyRandom ? " fully-random" : "")}";

    private string Words => Target is ConstantExpression { Values: { Count: 2 } values }
        ? string.Create(
            CultureInfo.InvariantCulture,
            $"{(values[0].Address!.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{values[0].Address}]" : values[0].Address)}:{values[1].Number}")
        : Target.Text;

    internal override void Declare(NftEncoder encoder) => Target.Declare(encoder);

    internal override void Write(ref NetlinkWriter w, NftRuleContext context)
    {
        Target.Require(ref w, context);
        Target.Write(ref w, context, 0);
        NftExpressions.Nat(
            ref w, IsSource, IsIPv6 ? NftRuleContext.Ipv6 : NftRuleContext.Ipv4, 0, Target.Types.Count > 1 ? Target.Types[0].Slots : null, Flags);
    }
}

/// <summary>NF_NAT_RANGE_*.</summary>
internal static class NatFlags
{
    internal const uint FullyRandom = 0x10;
}

/// <summary>Changes the source to the address the packet leaves by.</summary>
internal sealed record MasqueradeStatement(bool FullyRandom) : NftStatement
{
    internal override string Text => FullyRandom ? "masquerade fully-random" : "masquerade";

    internal override void Write(ref NetlinkWriter w, NftRuleContext context) => NftExpressions.Masquerade(ref w, FullyRandom ? NatFlags.FullyRandom : 0);
}

/// <summary>Drops, and says so to the sender.</summary>
internal sealed record RejectStatement(bool WithReset) : NftStatement
{
    internal override string Text => WithReset ? "reject with tcp reset" : "reject";

    internal override void Write(ref NetlinkWriter w, NftRuleContext context)
    {
        if (WithReset)
        {
            context.RequireTransport(ref w, NftValue.Tcp);
            NftExpressions.Reject(ref w, 1, 0);
            return;
        }

        // "Port unreachable" of ICMP, ICMPv6, or of whichever fits the packet.
        var (type, code) = context.Encoder.Family switch
        {
            NftFamily.Ip => (0u, (byte)3),
            NftFamily.Ip6 => (0u, (byte)4),
            _ => (2u, (byte)1),
        };
        NftExpressions.Reject(ref w, type, code);
    }
}
