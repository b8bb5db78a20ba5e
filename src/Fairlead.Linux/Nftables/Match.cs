namespace Fairlead.Linux.Nftables;

/// <summary>What a packet must be for a rule to go on.</summary>
public static class Match
{
    /// <summary>Equal to a value, or within a network or range.</summary>
    public static NftStatement Equal(NftExpression left, NftValue value) => new CompareStatement(left, NftComparison.Equal, value);

    /// <summary>Other than a value, or outside a network.</summary>
    public static NftStatement NotEqual(NftExpression left, NftValue value) => new CompareStatement(left, NftComparison.NotEqual, value);

    public static NftStatement Compare(NftExpression left, NftComparison comparison, NftValue value) => new CompareStatement(left, comparison, value);

    /// <summary>In a set: a named one, or one in place (<see cref="NftSet.Of"/>).</summary>
    public static NftStatement In(NftExpression key, NftSet set)
        => set is { IsInline: true, Inline: [{ Key: { Count: 1 } one }] } ? Equal(key, one[0]) : new LookupStatement(key, set, Inverted: false);

    public static NftStatement NotIn(NftExpression key, NftSet set) => new LookupStatement(key, set, Inverted: true);

    /// <summary>The bits of the mask are those of the value.</summary>
    public static NftStatement Bits(NftExpression left, uint mask, uint value) => new MaskStatement(left, mask, NftComparison.Equal, value, null);

    /// <summary>The bits of the mask are not all those of the value.</summary>
    public static NftStatement NotBits(NftExpression left, uint mask, uint value) => new MaskStatement(left, mask, NftComparison.NotEqual, value, null);

    /// <summary>In one of these states.</summary>
    public static NftStatement State(CtState states) => new MaskStatement(Load.CtState, (uint)states, NftComparison.NotEqual, 0, Words(states,
        [(CtState.Invalid, "invalid"), (CtState.Established, "established"), (CtState.Related, "related"), (CtState.New, "new"), (CtState.Untracked, "untracked")]));

    /// <summary>Any of these is known of the connection.</summary>
    public static NftStatement Status(CtStatus status) => new MaskStatement(Load.CtStatus, (uint)status, NftComparison.NotEqual, 0, Words(status,
        [
            (CtStatus.Expected, "expected"), (CtStatus.SeenReply, "seen-reply"), (CtStatus.Assured, "assured"), (CtStatus.Confirmed, "confirmed"),
            (CtStatus.SourceNat, "snat"), (CtStatus.DestinationNat, "dnat"), (CtStatus.Dying, "dying"),
        ]));

    /// <summary>The packet's destination is, by the routing table, of this type.</summary>
    public static NftStatement Destination(FibAddressType type) => Equal(Load.FibDaddrType, (int)type);

    private static string Words<T>(T flags, (T Flag, string Word)[] words)
        where T : struct, Enum
        => string.Join(",", words.Where(w => flags.HasFlag(w.Flag)).Select(w => w.Word));
}
