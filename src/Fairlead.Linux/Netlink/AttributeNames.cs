using System.Runtime.InteropServices;

namespace Fairlead.Linux.Netlink;

/// <summary>Finds the attribute of a request that the kernel minds, and its name in the kernel's headers.</summary>
/// <remarks>A table of names is one text, what all begin with first: it costs nothing until something is refused.</remarks>
internal static class AttributeNames
{
    /// <summary>The table of the attributes within a nest, and the length of what stands before them.</summary>
    /// <param name="table">The table that the nest itself is named in.</param>
    /// <param name="type">The nest's own number.</param>
    /// <param name="level">The nest and the attributes beside it, some of which may say what is in it.</param>
    internal delegate (string Table, int Header) Nest(string table, int type, ReadOnlySpan<byte> level);

    /// <summary>
    /// Names the attribute that begins at <paramref name="offset"/> of a request; or, where a type is given, that of the nest which
    /// begins there, or of the request itself where nothing does.
    /// </summary>
    internal static string Of(ReadOnlySpan<byte> request, int offset, int? missing, string table, int header, Nest inside)
    {
        var start = NetlinkConstants.HeaderLength + NetlinkConstants.Align(header);
        if (missing is { } top && offset < start)
        {
            return Word(table, top) ?? NetlinkRefusal.NumberOf(request, offset, missing);
        }

        // Down the nests, as long as the place lies behind the beginning of one.
        var level = start;
        var end = request.Length;
        while (start + NetlinkConstants.AttributeHeaderLength <= end)
        {
            var length = MemoryMarshal.Read<ushort>(request[start..]);
            var type = MemoryMarshal.Read<ushort>(request[(start + 2)..]) & NetlinkConstants.AttributeTypeMask;
            if (length < NetlinkConstants.AttributeHeaderLength || start + length > end)
            {
                break;
            }

            if (start == offset && missing is null)
            {
                return Word(table, type) ?? NetlinkRefusal.NumberOf(request, offset, missing);
            }

            if (offset >= start + NetlinkConstants.Align(length))
            {
                start += NetlinkConstants.Align(length);
                continue;
            }

            (table, header) = inside(table, type, request[level..end]);
            if (start == offset)
            {
                return Word(table, missing!.Value) ?? NetlinkRefusal.NumberOf(request, offset, missing);
            }

            end = start + length;
            start += NetlinkConstants.AttributeHeaderLength + header;
            level = start;
        }

        return NetlinkRefusal.NumberOf(request, offset, missing);
    }

    /// <summary>The text of the attribute of this number among those of a level; empty where there is none.</summary>
    internal static string TextOf(ReadOnlySpan<byte> level, int type)
    {
        var reader = new AttributeReader(level);
        while (reader.TryRead(out var attribute))
        {
            if (attribute.Type == type)
            {
                return attribute.Text;
            }
        }

        return "";
    }

    /// <summary>The name of this number in a table, or null.</summary>
    private static string? Word(string table, int number)
    {
        var words = table.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
        return number >= 0 && number + 1 < words.Length && words[number + 1] != "-" ? words[0] + words[number + 1] : null;
    }
}
