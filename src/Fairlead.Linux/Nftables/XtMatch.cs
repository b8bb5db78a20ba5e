using System.Buffers.Binary;
using System.Text;
using Fairlead.Linux.Netlink;

namespace Fairlead.Linux.Nftables;

/// <summary>States of a connection as iptables has them (XT_CONNTRACK_STATE_*).</summary>
[Flags]
public enum XtStates
{
    None = 0,
    Invalid = 1,
    Established = 2,
    Related = 4,
    New = 8,
    SourceNat = 64,
    DestinationNat = 128,
    Untracked = 256,
}

/// <summary>Matches of iptables, which rules in the tables of iptables-nft need: its programs know no other form of what these say.</summary>
/// <remarks>
/// To the kernel such a match is a name and the module's own structure (the nft expression <c>match</c>). nft lists what it can in its
/// own words and loads none of it, so that a transaction with one cannot be replayed with <c>nft -f</c>.
/// </remarks>
public static class XtMatch
{
    /// <summary><c>-m comment --comment TEXT</c>: matches every packet.</summary>
    public static NftStatement Comment(string text)
    {
        var info = new byte[XtInfo.CommentLength];
        var bytes = Encoding.UTF8.GetBytes(text);
        bytes.AsSpan(0, Math.Min(bytes.Length, info.Length - 1)).CopyTo(info);
        return new XtMatchStatement(XtInfo.Comment, 0, [.. info]);
    }

    /// <summary><c>-m conntrack --ctstate STATES</c>.</summary>
    public static NftStatement State(XtStates states)
    {
        var info = new byte[XtInfo.ConntrackLength];
        BinaryPrimitives.WriteUInt16LittleEndian(info.AsSpan(XtInfo.ConntrackFlags), XtInfo.ConntrackState);
        BinaryPrimitives.WriteUInt16LittleEndian(info.AsSpan(XtInfo.ConntrackStates), (ushort)states);
        return new XtMatchStatement(XtInfo.Conntrack, XtInfo.ConntrackRevision, [.. info]);
    }
}

/// <summary>The structures of the modules, and what they say in words.</summary>
internal static class XtInfo
{
    internal const string Comment = "comment";

    /// <summary>struct xt_comment_info.</summary>
    internal const int CommentLength = 256;

    internal const string Conntrack = "conntrack";
    internal const uint ConntrackRevision = 3;

    /// <summary>struct xt_conntrack_mtinfo3, to the next eight bytes.</summary>
    internal const int ConntrackLength = 168;

    // Eight addresses, two times, protocol and four ports come before.
    internal const int ConntrackFlags = 146;
    internal const int ConntrackStates = 150;
    internal const ushort ConntrackState = 1;

    private static readonly (XtStates State, string Word)[] s_states =
    [
        (XtStates.Invalid, "invalid"), (XtStates.New, "new"), (XtStates.Related, "related"), (XtStates.Established, "established"),
        (XtStates.Untracked, "untracked"), (XtStates.SourceNat, "snat"), (XtStates.DestinationNat, "dnat"),
    ];

    internal static string Words(string name, uint revision, ReadOnlySpan<byte> info)
    {
        if (name == Comment && info.Length == CommentLength)
        {
            var end = info.IndexOf((byte)0);
            return $"xt match comment \"{NftUserData.Clean(Encoding.UTF8.GetString(info[..(end < 0 ? info.Length : end)]))}\"";
        }

        if (name == Conntrack && revision == ConntrackRevision && info.Length == ConntrackLength)
        {
            var states = (XtStates)BinaryPrimitives.ReadUInt16LittleEndian(info[ConntrackStates..]);
            Span<byte> rest = stackalloc byte[ConntrackLength];
            info.CopyTo(rest);
            rest.Slice(ConntrackStates, 2).Clear();
            if (BinaryPrimitives.ReadUInt16LittleEndian(rest[ConntrackFlags..]) == ConntrackState && rest.IndexOfAnyExcept((byte)0) == ConntrackFlags
                && rest[(ConntrackFlags + 2)..].IndexOfAnyExcept((byte)0) < 0)
            {
                return $"xt match conntrack {string.Join(',', s_states.Where(s => states.HasFlag(s.State)).Select(s => s.Word))}";
            }
        }

        return NftText.Invariant($"xt match {name} revision {revision} 0x{Convert.ToHexStringLower(info)}");
    }
}

/// <summary>A match of iptables.</summary>
internal sealed record XtMatchStatement(string Name, uint Revision, ValueArray<byte> Info) : NftStatement
{
    internal override string Text => XtInfo.Words(Name, Revision, Info.Items.AsSpan());

    internal override void Write(ref NetlinkWriter w, NftRuleContext context) => NftExpressions.XtMatch(ref w, Name, Revision, Info.Items.AsSpan());
}
