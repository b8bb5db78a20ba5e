using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Fairlead.Core.Routing;

/// <summary>What a client asks for: the target as it was sent, and the path that routes are matched against.</summary>
/// <remarks>
/// <see cref="Path"/> is nginx's <c>$uri</c>: percent decoded once, <c>.</c> and <c>..</c> resolved, runs of slashes merged.
/// It is a string of <i>bytes</i> (each char is below 256), as paths of rules are once they went through <see cref="ToBytes"/>:
/// so that a path that is no UTF-8 can be matched and passed on unchanged.
/// </remarks>
/// <param name="Path">The normalised path; begins with a slash.</param>
/// <param name="Raw">The target in origin form, exactly as sent.</param>
/// <param name="Query">The query as sent, with its question mark; empty when there is none.</param>
public readonly record struct RequestTarget(string Path, string Raw, string Query)
{
    // What makes a path need more than a look: everything else is taken as it is.
    private static readonly SearchValues<char> s_notPlain = SearchValues.Create("%#?");

    // RFC 3986 unreserved and the delimiters that mean nothing to nginx in a path; the rest of a rewritten path is escaped.
    private static readonly SearchValues<char> s_unescaped =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@/[]");

    /// <summary>Reads a request target in origin or absolute form. False for one that cannot be normalised: the answer is 400.</summary>
    public static bool TryParse(string sent, [NotNullWhen(true)] out RequestTarget? target)
    {
        target = null;

        // HTTP/2 carries a target as a mere value: whatever could end a request line has no place in it.
        if (sent.AsSpan().ContainsAnyExceptInRange('!', '~') || OriginForm(sent) is not { } raw)
        {
            return false;
        }

        var special = raw.AsSpan().IndexOfAny(s_notPlain);
        if (special < 0 && IsNormal(raw))
        {
            target = new RequestTarget(raw, raw, "");
            return true;
        }

        var end = raw.AsSpan().IndexOfAny('?', '#');
        var path = end < 0 ? raw.AsSpan() : raw.AsSpan(0, end);
        if (Normalise(path) is not { } normal)
        {
            return false;
        }

        var query = end >= 0 && raw[end] == '?' ? raw[end..] : "";
        if (query.IndexOf('#', StringComparison.Ordinal) is var fragment and >= 0)
        {
            query = query[..fragment];
        }

        target = new RequestTarget(normal, raw, query);
        return true;
    }

    /// <summary>A string as the bytes of its UTF-8, one char each: the form that paths are compared in.</summary>
    public static string ToBytes(string text)
        => Ascii.IsValid(text) ? text : Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(text));

    /// <summary>Escapes a path made of bytes so that it can be sent.</summary>
    public static string Escape(string path)
    {
        if (!path.AsSpan().ContainsAnyExcept(s_unescaped))
        {
            return path;
        }

        var text = new StringBuilder(path.Length + 16);
        foreach (var c in path)
        {
            _ = s_unescaped.Contains(c) ? text.Append(c) : text.Append('%').Append(HexDigit(c >> 4)).Append(HexDigit(c & 15));
        }

        return text.ToString();

        static char HexDigit(int value) => "0123456789ABCDEF"[value & 15];
    }

    /// <summary>
    /// The part of an absolute form after its authority; null for a form that names no path (<c>*</c>, <c>host:port</c>).
    /// </summary>
    private static string? OriginForm(string sent)
    {
        if (sent.StartsWith('/'))
        {
            return sent;
        }

        if (!sent.StartsWith("http://", StringComparison.OrdinalIgnoreCase)
            && !sent.StartsWith("https://", StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        var authority = sent.IndexOf("//", StringComparison.Ordinal) + 2;
        var path = sent.AsSpan(authority).IndexOfAny('/', '?', '#');
        return path < 0 ? "/" : sent[authority + path] == '/' ? sent[(authority + path)..] : "/" + sent[(authority + path)..];
    }

    private static bool IsNormal(string path)
    {
        for (var slash = 0; slash >= 0 && slash + 1 < path.Length;)
        {
            var next = path[slash + 1];
            if (next is '/' || (next is '.' && IsDots(path.AsSpan(slash + 1))))
            {
                return false;
            }

            slash = path.IndexOf('/', slash + 1);
        }

        return true;
    }

    /// <summary>The span begins with the segment <c>.</c> or <c>..</c>.</summary>
    private static bool IsDots(ReadOnlySpan<char> rest)
    {
        var end = rest.IndexOf('/');
        return (end < 0 ? rest : rest[..end]) is "." or "..";
    }

    private static string? Normalise(ReadOnlySpan<char> path)
    {
        var rented = ArrayPool<char>.Shared.Rent(path.Length + 1);
        try
        {
            var decoded = rented.AsSpan(0, path.Length);
            if (!TryDecode(path, decoded, out var length) || !TryResolve(decoded[..length], out length))
            {
                return null;
            }

            return new string(rented.AsSpan(0, length));
        }
        finally
        {
            ArrayPool<char>.Shared.Return(rented);
        }
    }

    private static bool TryDecode(ReadOnlySpan<char> path, Span<char> decoded, out int length)
    {
        length = 0;
        for (var i = 0; i < path.Length; i++)
        {
            var c = path[i];
            if (c == '%')
            {
                if (i + 2 >= path.Length || !char.IsAsciiHexDigit(path[i + 1]) || !char.IsAsciiHexDigit(path[i + 2]))
                {
                    return false;
                }

                c = (char)((Nibble(path[i + 1]) << 4) | Nibble(path[i + 2]));
                i += 2;
            }

            if (c == '\0')
            {
                return false;
            }

            decoded[length++] = c;
        }

        return true;

        static int Nibble(char digit) => digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;
    }

    /// <summary>
    /// Resolves dot segments and merges slashes in place (RFC 3986 §5.2.4; nginx <c>merge_slashes on</c>). False when it leads above the
    /// root.
    /// </summary>
    private static bool TryResolve(Span<char> path, out int length)
    {
        length = 0;
        var read = 0;
        while (read < path.Length)
        {
            // At a slash: find the segment after it.
            var segment = path[(read + 1)..];
            var end = segment.IndexOf('/');
            var last = end < 0;
            segment = last ? segment : segment[..end];
            read += 1 + segment.Length;

            switch (segment)
            {
                case "" or "." when !last:
                    break;
                case "" or ".":
                    path[length++] = '/';
                    break;
                case "..":
                    if (length == 0)
                    {
                        return false;
                    }

                    length = path[..length].LastIndexOf('/');
                    if (last)
                    {
                        path[length++] = '/';
                    }

                    break;
                default:
                    path[length] = '/';
                    segment.CopyTo(path[(length + 1)..]);
                    length += 1 + segment.Length;
                    break;
            }
        }

        return true;
    }
}
