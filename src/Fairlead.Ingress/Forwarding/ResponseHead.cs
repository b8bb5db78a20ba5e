using System.Buffers;
using System.Buffers.Text;
using System.Text;

namespace Fairlead.Ingress.Forwarding;

/// <summary>The status line and headers of an endpoint's answer, as places in the bytes that were received.</summary>
/// <remarks>
/// Strict (RFC 9112): lines end in CRLF, no folded lines, no white space before a colon, one framing only. What is not so is refused whole,
/// since the endpoint, this proxy and the client could read it in different ways.
/// </remarks>
internal sealed class ResponseHead
{
    /// <summary>The greatest head in bytes; an answer with more is refused.</summary>
    public const int MostBytes = 64 * 1024;

    private static readonly SearchValues<byte> s_token =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    // Controls other than a tab have no place in a value; bytes from 0x80 are passed on as they are.
    private static readonly SearchValues<byte> s_control = SearchValues.Create(
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 127]);

    private readonly List<Header> _headers = [];

    public int Status { get; private set; }

    public IReadOnlyList<Header> Headers => _headers;

    /// <summary>The length that the answer gives for its body.</summary>
    public long? ContentLength { get; private set; }

    public bool IsChunked { get; private set; }

    /// <summary>The endpoint keeps the connection open afterwards.</summary>
    public bool KeepsAlive { get; private set; }

    /// <summary>Reads a whole head, from its first byte through the empty line.</summary>
    public bool TryParse(ReadOnlySpan<byte> head)
    {
        _headers.Clear();
        ContentLength = null;
        IsChunked = false;

        var line = Line(head, 0);
        if (!TryParseStatusLine(line, out var minor))
        {
            return false;
        }

        var (close, keepAlive) = (false, false);
        for (var position = line.Length + 2; position < head.Length;)
        {
            line = Line(head, position);
            if (line.IsEmpty)
            {
                break;
            }

            if (!TryParseHeader(line, position, out var header) || !TryApply(head, header, ref close, ref keepAlive))
            {
                return false;
            }

            _headers.Add(header);
            position += line.Length + 2;
        }

        KeepsAlive = !close && (minor >= 1 || keepAlive);
        return !(IsChunked && (ContentLength is not null || minor == 0));
    }

    /// <summary>The answer has no body whatever its headers say (RFC 9112 §6.3).</summary>
    public bool IsWithoutBody(bool toHead) => toHead || Status is 204 or 304 or (>= 100 and < 200);

    private static ReadOnlySpan<byte> Line(ReadOnlySpan<byte> head, int from)
    {
        var rest = head[from..];
        var end = rest.IndexOf("\r\n"u8);
        return end < 0 ? rest : rest[..end];
    }

    private bool TryParseStatusLine(ReadOnlySpan<byte> line, out int minor)
    {
        // HTTP/1.x NNN[ reason]
        minor = 0;
        if (line.Length < 12 || !line.StartsWith("HTTP/1."u8) || line[7] is not ((byte)'0' or (byte)'1') || line[8] != ' '
            || (line.Length > 12 && line[12] != ' ')
            || !Utf8Parser.TryParse(line.Slice(9, 3), out int status, out var used) || used != 3 || status is < 100 or > 999)
        {
            return false;
        }

        minor = line[7] - '0';
        Status = status;
        return true;
    }

    private static bool TryParseHeader(ReadOnlySpan<byte> line, int position, out Header header)
    {
        header = default;
        var colon = line.IndexOf((byte)':');
        if (colon <= 0 || line[..colon].ContainsAnyExcept(s_token))
        {
            return false;
        }

        var value = line[(colon + 1)..];
        if (value.ContainsAny(s_control))
        {
            return false;
        }

        var start = value.IndexOfAnyExcept(" \t"u8);
        if (start < 0)
        {
            header = new Header(position, colon, position + colon + 1, 0);
            return true;
        }

        var end = value.LastIndexOfAnyExcept(" \t"u8) + 1;
        header = new Header(position, colon, position + colon + 1 + start, end - start);
        return true;
    }

    /// <summary>Takes what concerns framing and the connection. False for what contradicts itself.</summary>
    private bool TryApply(ReadOnlySpan<byte> head, in Header header, ref bool close, ref bool keepAlive)
    {
        var name = header.Name(head);
        var value = header.Value(head);
        if (Ascii.EqualsIgnoreCase(name, "Content-Length"u8))
        {
            if (value.IsEmpty || value.ContainsAnyExceptInRange((byte)'0', (byte)'9')
                || !Utf8Parser.TryParse(value, out long length, out var used)
                || used != value.Length || (ContentLength is { } before && before != length))
            {
                return false;
            }

            ContentLength = length;
        }
        else if (Ascii.EqualsIgnoreCase(name, "Transfer-Encoding"u8))
        {
            if (IsChunked || !Ascii.EqualsIgnoreCase(value, "chunked"u8))
            {
                return false;
            }

            IsChunked = true;
        }
        else if (Ascii.EqualsIgnoreCase(name, "Connection"u8))
        {
            foreach (var range in value.Split((byte)','))
            {
                var word = value[range].Trim(" \t"u8);
                close |= Ascii.EqualsIgnoreCase(word, "close"u8);
                keepAlive |= Ascii.EqualsIgnoreCase(word, "keep-alive"u8);
            }
        }

        return true;
    }

    /// <summary>Where a header's name and value are in the head.</summary>
    internal readonly record struct Header(int NameStart, int NameLength, int ValueStart, int ValueLength)
    {
        public ReadOnlySpan<byte> Name(ReadOnlySpan<byte> head) => head.Slice(NameStart, NameLength);

        public ReadOnlySpan<byte> Value(ReadOnlySpan<byte> head) => head.Slice(ValueStart, ValueLength);
    }
}
