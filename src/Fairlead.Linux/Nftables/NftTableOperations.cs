using Fairlead.Linux.Netlink;

namespace Fairlead.Linux.Nftables;

/// <summary>What a table is beside its contents (NFT_TABLE_F_*).</summary>
[Flags]
public enum NftTableFlags
{
    None = 0,

    /// <summary>Its chains see no packets.</summary>
    Dormant = 1,

    /// <summary>It belongs to the socket that made it: nobody else may change it, and it goes with that socket.</summary>
    Owner = 2,

    /// <summary>With <see cref="Owner"/>: it stays when its socket is closed, and waits for the next owner (Linux 6.9).</summary>
    Persist = 4,
}

/// <summary>Makes sure that the table exists, with these flags.</summary>
public sealed record AddTable(string? Comment = null) : NftOperation
{
    public NftTableFlags Flags { get; init; }

    internal override void Encode(NftEncoder encoder)
    {
        var w = encoder.Begin(NftConstants.NewTable, NetlinkFlags.Create);
        w.BigEndian(NftConstants.TableFlags, (uint)Flags);
        WriteComment(ref w, NftConstants.TableUserData, Comment);
        encoder.Batch.End(w);
    }

    internal override string Render(string table)
    {
        var body = (Flags == NftTableFlags.None ? "" : $" flags {NftText.Flags(Flags)};") + CommentText(Comment, after: ";");
        return $"add table {table}{(body.Length == 0 ? "" : $" {{{body} }}")}";
    }
}

/// <summary>Removes the table with all that is in it; it must be there. To be sure of that, put <see cref="AddTable"/> before, or say <see cref="IfThere"/>.</summary>
public sealed record DeleteTable : NftOperation
{
    /// <summary>Whether it is as well where there is none (Linux 6.3).</summary>
    public bool IfThere { get; init; }

    internal override void Encode(NftEncoder encoder)
        => encoder.Batch.End(BeginRemoval(encoder, NftConstants.DelTable, NftConstants.DestroyTable, IfThere));

    internal override string Render(string table) => $"{RemovalWord(IfThere)} table {table}";
}

/// <summary>Removes the rules of all chains of the table; chains and sets stay.</summary>
public sealed record FlushTable : NftOperation
{
    internal override void Encode(NftEncoder encoder) => encoder.Batch.End(encoder.Begin(NftConstants.DelRule));

    internal override string Render(string table) => $"flush table {table}";
}
