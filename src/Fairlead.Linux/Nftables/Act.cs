namespace Fairlead.Linux.Nftables;

/// <summary>What a rule does with a packet that it matches.</summary>
public static class Act
{
    public static NftStatement Accept { get; } = new VerdictStatement(NftVerdict.Accept);

    public static NftStatement Drop { get; } = new VerdictStatement(NftVerdict.Drop);

    public static NftStatement Return { get; } = new VerdictStatement(NftVerdict.Return);

    public static NftStatement Continue { get; } = new VerdictStatement(NftVerdict.Continue);

    public static NftStatement Counter { get; } = new CounterStatement();

    /// <summary>Keeps the packet out of connection tracking; in a chain of priority raw.</summary>
    public static NftStatement NoTrack { get; } = new NoTrackStatement();

    /// <summary>Drops with "port unreachable".</summary>
    public static NftStatement Reject { get; } = new RejectStatement(WithReset: false);

    /// <summary>Ends a TCP connection.</summary>
    public static NftStatement RejectWithReset { get; } = new RejectStatement(WithReset: true);

    public static NftStatement Jump(string chain) => new VerdictStatement(NftVerdict.Jump(chain));

    public static NftStatement Goto(string chain) => new VerdictStatement(NftVerdict.Goto(chain));

    /// <summary>Takes the verdict a key leads to in a map, and goes on where it leads to none.</summary>
    public static NftStatement Verdict(NftExpression key, NftSet map)
        => map.IsVerdictMap ? new VerdictMapStatement(key, map) : throw new ArgumentException($"{map.Name} leads to no verdicts", nameof(map));

    public static NftStatement SetMark(uint mark) => new SetMarkStatement(false, 0, mark, null);

    /// <summary>Sets the bits of a mask in the packet's mark to those of a value; the others stay.</summary>
    public static NftStatement SetMarkBits(uint mask, uint value) => new SetMarkStatement(false, ~mask, value & mask, Load.Mark);

    /// <summary>Flips bits of the packet's mark.</summary>
    public static NftStatement FlipMarkBits(uint bits) => new SetMarkStatement(false, uint.MaxValue, bits, Load.Mark);

    public static NftStatement SetCtMark(uint mark) => new SetMarkStatement(true, 0, mark, null);

    /// <summary>Sets the connection's mark to the packet's.</summary>
    public static NftStatement SaveMark { get; } = new SetMarkStatement(true, uint.MaxValue, 0, Load.Mark);

    /// <summary>Sets the packet's mark to the connection's.</summary>
    public static NftStatement RestoreMark { get; } = new SetMarkStatement(false, uint.MaxValue, 0, Load.CtMark);

    /// <summary>Puts a key into a dynamic set or map; where it is there, its time begins anew.</summary>
    public static NftStatement Update(NftSet set, NftExpression key, NftExpression? data = null, TimeSpan? timeout = null)
        => new DynamicSetStatement(true, set, key, data, timeout);

    /// <summary>Puts a key into a dynamic set or map; where it is there, its time runs on.</summary>
    public static NftStatement AddTo(NftSet set, NftExpression key, NftExpression? data = null, TimeSpan? timeout = null)
        => new DynamicSetStatement(false, set, key, data, timeout);

    public static NftStatement Limit(int perSecond, int burst = 5) => new LimitStatement(new((ulong)perSecond, 1, (uint)burst));

    public static NftStatement Limit(NftRate rate) => new LimitStatement(rate);

    /// <summary>Counts, draws from, or is held to a counter, quota or limit that has a name (<see cref="AddObject"/>).</summary>
    public static NftStatement Use(NftObject named) => new ObjectStatement(named);

    /// <summary>Lets the rest of the connection bypass the rules (<see cref="AddFlowtable"/>).</summary>
    public static NftStatement Offload(NftFlowtable flowtable) => new OffloadStatement(flowtable.Name);

    public static NftStatement Log(string prefix) => new LogStatement(prefix);

    /// <summary>Hands so many bytes of the packet's beginning to whoever listens to the group (<see cref="PacketLog"/>); to nobody where nobody does.</summary>
    public static NftStatement LogTo(ushort group, string prefix, uint length) => new LogStatement(prefix, group, length);
}
