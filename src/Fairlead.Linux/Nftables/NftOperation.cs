using System.Globalization;
using Fairlead.Linux.Netlink;

namespace Fairlead.Linux.Nftables;

/// <summary>One change to a table.</summary>
public abstract record NftOperation
{
    /// <summary>Writes the messages for the kernel.</summary>
    internal abstract void Encode(NftEncoder encoder);

    /// <summary>The same as a line of nft, without the end of line.</summary>
    /// <param name="table">Family and name of the table: <c>ip fairlead-proxy</c>.</param>
    internal abstract string Render(string table);

    private protected static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private protected static string CommentText(string? comment, string before = " ", string after = "")
        => comment is null ? "" : $"{before}comment \"{NftUserData.Clean(comment)}\"{after}";

    /// <summary>A removal: of what must be there, or (from Linux 6.3 on) of what may be.</summary>
    private protected static NetlinkWriter BeginRemoval(NftEncoder encoder, ushort type, ushort typeIfThere, bool ifThere)
        => encoder.Begin(ifThere ? typeIfThere : type);

    private protected static string RemovalWord(bool ifThere) => ifThere ? "destroy" : "delete";

    private protected static void WriteComment(ref NetlinkWriter w, ushort type, string? comment)
    {
        if (comment is not null)
        {
            NftUserData.WriteComment(ref w, type, comment);
        }
    }
}
