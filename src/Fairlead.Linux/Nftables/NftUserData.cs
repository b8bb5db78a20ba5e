using System.Buffers;
using System.Text;
using Fairlead.Linux.Netlink;

namespace Fairlead.Linux.Nftables;

/// <summary>What nft leaves with an object for itself, and the kernel keeps without reading: type, length, value, one byte each for the first two.</summary>
internal sealed class NftUserData
{
    /// <summary>Type of a comment on everything but sets.</summary>
    internal const byte Comment = 0;

    internal const byte SetKeyByteOrder = 0;
    internal const byte SetDataByteOrder = 1;
    internal const byte SetKeyTypeof = 3;
    internal const byte SetDataTypeof = 4;
    internal const byte SetComment = 7;

    /// <summary>The longest comment that nft reads, without its end mark.</summary>
    private const int MaxComment = 127;

    private static readonly SearchValues<char> s_unclean = SearchValues.Create([.. Enumerable.Range(0, 32).Select(c => (char)c), '"', '\u007f']);

    private readonly List<byte> _bytes = [];

    internal ReadOnlySpan<byte> Written => System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_bytes);

    /// <summary>A comment as nft keeps and shows it: no quotes, one line, cut where it is too long.</summary>
    internal static string Clean(string comment)
    {
        // Nearly all are clean and short: then nothing is copied.
        if (comment.Length <= MaxComment && Ascii.IsValid(comment) && !comment.AsSpan().ContainsAny(s_unclean))
        {
            return comment;
        }

        var text = string.Concat(comment.Select(c => char.IsControl(c) ? ' ' : c == '"' ? '\'' : c));
        while (Encoding.UTF8.GetByteCount(text) > MaxComment)
        {
            text = text[..^1];
        }

        return text;
    }

    /// <summary>Writes an attribute that holds a comment and nothing else.</summary>
    internal static void WriteComment(ref NetlinkWriter w, ushort attribute, string comment)
    {
        Span<byte> data = stackalloc byte[2 + MaxComment + 1];
        var length = Encoding.UTF8.GetBytes(Clean(comment), data[2..]) + 1;
        data[0] = Comment;
        data[1] = (byte)length;
        data[1 + length] = 0;
        w.Attribute(attribute, data[..(2 + length)]);
    }

    internal static string? ReadComment(ReadOnlySpan<byte> data, byte type = Comment)
    {
        while (data.Length >= 2 && data.Length >= 2 + data[1])
        {
            var value = data.Slice(2, data[1]);
            if (data[0] == type)
            {
                var end = value.IndexOf((byte)0);
                return Encoding.UTF8.GetString(end < 0 ? value : value[..end]);
            }

            data = data[(2 + data[1])..];
        }

        return null;
    }

    internal void Number(byte type, uint value) => Bytes(type, BitConverter.GetBytes(value));

    internal void Text(byte type, string value) => Bytes(type, [.. Encoding.UTF8.GetBytes(value), 0]);

    internal void Bytes(byte type, ReadOnlySpan<byte> value)
    {
        _bytes.Add(type);
        _bytes.Add(checked((byte)value.Length));
        _bytes.AddRange(value);
    }
}
