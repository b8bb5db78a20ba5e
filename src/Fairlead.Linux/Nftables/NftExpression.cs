using System.Globalization;
using Fairlead.Linux.Netlink;

namespace Fairlead.Linux.Nftables;

/// <summary>Something a rule computes from a packet, into registers. Made by <see cref="Load"/>.</summary>
public abstract record NftExpression
{
    internal abstract ValueArray<NftType> Types { get; }

    /// <summary>The words of nft.</summary>
    internal abstract string Text { get; }

    internal int Slots => Types.Items.Sum(t => t.Slots);

    internal virtual void Declare(NftEncoder encoder)
    {
    }

    /// <summary>Writes matches that make sure the packet has what is to be loaded.</summary>
    internal virtual void Require(ref NetlinkWriter w, NftRuleContext context)
    {
    }

    /// <summary>Writes expressions that load the value into registers from the given slot on.</summary>
    internal abstract void Write(ref NetlinkWriter w, NftRuleContext context, int slot);

    public sealed override string ToString() => Text;
}

/// <summary>What is known, at a place in a rule, of the packets that come there: nft leaves out what follows from it, and so do we.</summary>
internal sealed class NftRuleContext(NftEncoder encoder)
{
    internal const byte Ipv4 = 2;
    internal const byte Ipv6 = 10;

    private byte? _network = encoder.Family switch
    {
        NftFamily.Ip => Ipv4,
        NftFamily.Ip6 => Ipv6,
        _ => null,
    };

    private byte? _transport;

    internal NftEncoder Encoder { get; } = encoder;

    internal void KnowNetwork(byte family) => _network = family;

    internal void KnowTransport(byte protocol) => _transport = protocol;

    internal void RequireNetwork(ref NetlinkWriter w, byte family)
    {
        if (_network is null)
        {
            NftExpressions.Meta(ref w, NftExpressions.MetaNfProto, 0);
            NftExpressions.Compare(ref w, NftComparison.Equal, [family]);
            _network = family;
        }
        else if (_network != family)
        {
            throw new InvalidOperationException("a rule cannot match fields of IPv4 and IPv6");
        }
    }

    internal void RequireTransport(ref NetlinkWriter w, byte protocol)
    {
        if (_transport != protocol)
        {
            NftExpressions.Meta(ref w, NftExpressions.MetaL4Proto, 0);
            NftExpressions.Compare(ref w, NftComparison.Equal, [protocol]);
            _transport = protocol;
        }
    }
}

/// <summary>A field of a packet's headers.</summary>
internal sealed record PayloadExpression(string Name, NftType Type, PayloadBase Base, int Offset, byte? Network, byte? Transport) : NftExpression
{
    internal override ValueArray<NftType> Types => [Type];

    internal override string Text => Name;

    internal override void Require(ref NetlinkWriter w, NftRuleContext context)
    {
        if (Network is { } network)
        {
            context.RequireNetwork(ref w, network);
        }

        if (Transport is { } transport)
        {
            context.RequireTransport(ref w, transport);
        }
    }

    internal override void Write(ref NetlinkWriter w, NftRuleContext context, int slot)
        => NftExpressions.Payload(ref w, Base, Offset, Type.Length, slot);
}

/// <summary>Which header an offset counts from (NFT_PAYLOAD_*).</summary>
internal enum PayloadBase
{
    Link = 0,
    Network = 1,
    Transport = 2,
}

/// <summary>Something known of a packet beside its bytes.</summary>
internal sealed record MetaExpression(string Name, NftType Type, uint Key) : NftExpression
{
    internal override ValueArray<NftType> Types => [Type];

    internal override string Text => Name;

    internal override void Write(ref NetlinkWriter w, NftRuleContext context, int slot) => NftExpressions.Meta(ref w, Key, slot);
}

/// <summary>Something known of a packet's connection.</summary>
internal sealed record CtExpression(string Name, NftType Type, uint Key, byte? Direction = null) : NftExpression
{
    internal override ValueArray<NftType> Types => [Type];

    internal override string Text => Name;

    internal override void Write(ref NetlinkWriter w, NftRuleContext context, int slot) => NftExpressions.Ct(ref w, Key, Direction, slot);
}

/// <summary>What the routing table says of an address of the packet.</summary>
internal sealed record FibExpression(string Name, uint Flags) : NftExpression
{
    internal override ValueArray<NftType> Types => [NftType.FibAddressType];

    internal override string Text => Name;

    internal override void Write(ref NetlinkWriter w, NftRuleContext context, int slot) => NftExpressions.Fib(ref w, Flags, slot);
}

/// <summary>A number by chance.</summary>
internal sealed record RandomExpression(int Modulus) : NftExpression
{
    internal override ValueArray<NftType> Types => [NftType.Index];

    internal override string Text => string.Create(CultureInfo.InvariantCulture, $"numgen random mod {Modulus}");

    internal override void Write(ref NetlinkWriter w, NftRuleContext context, int slot) => NftExpressions.Random(ref w, (uint)Modulus, slot);
}

/// <summary>A number that follows from a value.</summary>
internal sealed record HashExpression(NftExpression Of, int Modulus) : NftExpression
{
    internal override ValueArray<NftType> Types => [NftType.Index];

    internal override string Text => string.Create(CultureInfo.InvariantCulture, $"jhash {Of} mod {Modulus} seed 0x{NftExpressions.HashSeed:x}");

    internal override void Require(ref NetlinkWriter w, NftRuleContext context) => Of.Require(ref w, context);

    internal override void Write(ref NetlinkWriter w, NftRuleContext context, int slot)
    {
        // The registers behind the result are free: whatever follows overwrites them.
        Of.Write(ref w, context, slot + 1);
        NftExpressions.Hash(ref w, slot + 1, Of.Types.Count == 1 ? Of.Types[0].Length : 4 * Of.Slots, (uint)Modulus, slot);
    }
}

/// <summary>Several values one after the other.</summary>
internal sealed record ConcatExpression(ValueArray<NftExpression> Parts) : NftExpression
{
    internal override ValueArray<NftType> Types => [.. Parts.Items.SelectMany(p => p.Types.Items)];

    internal override string Text => string.Join(" . ", Parts.Items.Select(p => p.Text));

    internal override void Require(ref NetlinkWriter w, NftRuleContext context)
    {
        foreach (var part in Parts)
        {
            part.Require(ref w, context);
        }
    }

    internal override void Write(ref NetlinkWriter w, NftRuleContext context, int slot)
    {
        foreach (var part in Parts)
        {
            part.Write(ref w, context, slot);
            slot += part.Slots;
        }
    }
}

/// <summary>What a key leads to in a map.</summary>
internal sealed record MapExpression(NftExpression Key, NftSet Map) : NftExpression
{
    internal override ValueArray<NftType> Types => Map.Data;

    internal override string Text => $"{Key} map {Map.Reference}";

    internal override void Declare(NftEncoder encoder)
    {
        Key.Declare(encoder);
        encoder.DeclareInline(Map);
    }

    internal override void Require(ref NetlinkWriter w, NftRuleContext context) => Key.Require(ref w, context);

    internal override void Write(ref NetlinkWriter w, NftRuleContext context, int slot)
    {
        Key.Write(ref w, context, slot);
        NftExpressions.Lookup(ref w, context.Encoder, Map, slot, slot, inverted: false);
    }
}

/// <summary>Values that are always the same.</summary>
internal sealed record ConstantExpression(ValueArray<NftType> ValueTypes, ValueArray<NftValue> Values) : NftExpression
{
    internal override ValueArray<NftType> Types => ValueTypes;

    internal override string Text => string.Join(" . ", Values.Items.Zip(ValueTypes.Items, (v, t) => v.Format(t)));

    internal override void Write(ref NetlinkWriter w, NftRuleContext context, int slot)
    {
        Span<byte> bytes = stackalloc byte[16];
        for (var i = 0; i < Values.Count; i++)
        {
            Values[i].Write(ValueTypes[i], bytes);
            NftExpressions.Immediate(ref w, bytes[..ValueTypes[i].Length], slot);
            slot += ValueTypes[i].Slots;
        }
    }
}
