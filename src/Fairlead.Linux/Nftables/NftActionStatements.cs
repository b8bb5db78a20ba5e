using System.Globalization;
using Fairlead.Linux.Netlink;

namespace Fairlead.Linux.Nftables;

/// <summary>Counts packets and bytes.</summary>
internal sealed record CounterStatement : NftStatement
{
    internal override string Text => "counter";

    internal override void Write(ref NetlinkWriter w, NftRuleContext context) => NftExpressions.Counter(ref w);
}

/// <summary>Keeps the packet out of connection tracking.</summary>
internal sealed record NoTrackStatement : NftStatement
{
    internal override string Text => "notrack";

    internal override void Write(ref NetlinkWriter w, NftRuleContext context) => NftExpressions.NoTrack(ref w);
}

/// <summary>Matches only so often.</summary>
internal sealed record LimitStatement(NftRate Rate) : NftStatement
{
    internal override string Text => $"limit {Rate.Words}";

    internal override void Write(ref NetlinkWriter w, NftRuleContext context) => NftExpressions.Limit(ref w, Rate);
}

/// <summary>Uses a counter, quota or limit that has a name.</summary>
internal sealed record ObjectStatement(NftObject Object) : NftStatement
{
    internal override string Text => $"{Object.Kind} name \"{Object.Name}\"";

    internal override void Write(ref NetlinkWriter w, NftRuleContext context) => NftExpressions.Object(ref w, Object.Type, Object.Name);
}

/// <summary>Puts the connection into a flowtable.</summary>
internal sealed record OffloadStatement(string Flowtable) : NftStatement
{
    internal override string Text => $"flow add @{Flowtable}";

    internal override void Write(ref NetlinkWriter w, NftRuleContext context) => NftExpressions.Offload(ref w, Flowtable);
}

/// <summary>Writes a line to the kernel's log.</summary>
internal sealed record LogStatement(string Prefix, ushort? Group = null, uint Length = 0) : NftStatement
{
    internal override string Text => NftText.Invariant(
        $"log prefix \"{NftUserData.Clean(Prefix)}\"{(Group is { } group ? NftText.Invariant($" group {group}") : "")}{(Length > 0 ? NftText.Invariant($" snaplen {Length}") : "")}");

    internal override void Write(ref NetlinkWriter w, NftRuleContext context) => NftExpressions.Log(ref w, NftUserData.Clean(Prefix), Group, Length);
}

/// <summary>Sets the mark of the packet or of its connection, or some bits of it.</summary>
internal sealed record SetMarkStatement(bool OfConnection, uint Keep, uint Flip, NftExpression? From) : NftStatement
{
    private string Name => OfConnection ? "ct mark" : "meta mark";

    internal override string Text => string.Create(CultureInfo.InvariantCulture, $"{Name} set {Words}");

    private string Words => (From, Keep, Flip) switch
    {
        (null, _, _) => string.Create(CultureInfo.InvariantCulture, $"0x{Flip:x8}"),
        (_, uint.MaxValue, 0) => From.Text,
        (_, uint.MaxValue, _) => string.Create(CultureInfo.InvariantCulture, $"{From} ^ 0x{Flip:x8}"),
        (_, _, 0) => string.Create(CultureInfo.InvariantCulture, $"{From} & 0x{Keep:x8}"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{From} & 0x{Keep:x8} ^ 0x{Flip:x8}"),
    };

    internal override void Write(ref NetlinkWriter w, NftRuleContext context)
    {
        if (From is null)
        {
            NftExpressions.Immediate(ref w, BitConverter.GetBytes(Flip), 0);
        }
        else
        {
            From.Write(ref w, context, 0);
            if (Keep != uint.MaxValue || Flip != 0)
            {
                NftExpressions.Bitwise(ref w, BitConverter.GetBytes(Keep), BitConverter.GetBytes(Flip));
            }
        }

        if (OfConnection)
        {
            NftExpressions.SetCt(ref w, NftExpressions.CtMarkKey, 0);
        }
        else
        {
            NftExpressions.SetMeta(ref w, NftExpressions.MetaMark, 0);
        }
    }
}

/// <summary>Puts what is computed into a dynamic set.</summary>
internal sealed record DynamicSetStatement(bool Update, NftSet Set, NftExpression Key, NftExpression? Data, TimeSpan? Timeout) : NftStatement
{
    internal override string Text
        => $"{(Update ? "update" : "add")} @{Set.Name} {{ {Key}{(Timeout is { } time ? $" timeout {NftText.Duration(time)}" : "")}{(Data is null ? "" : $" : {Data}")} }}";

    internal override void Write(ref NetlinkWriter w, NftRuleContext context)
    {
        Key.Require(ref w, context);
        Data?.Require(ref w, context);
        Key.Write(ref w, context, 0);
        Data?.Write(ref w, context, Key.Slots);
        NftExpressions.DynamicSet(ref w, Set, Update, 0, Data is null ? null : Key.Slots, Timeout);
    }
}
