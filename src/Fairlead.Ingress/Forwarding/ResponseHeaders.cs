using System.Collections.Frozen;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace Fairlead.Ingress.Forwarding;

/// <summary>Copies the headers of an endpoint's answer to the client's.</summary>
internal static class ResponseHeaders
{
    // As nginx: these are about the endpoint, or instructions for nginx itself. Content-Length is set by the framing.
    private static readonly FrozenSet<string> s_dropped = FrozenSet.ToFrozenSet(
        ["Content-Length", "Date", "Server", "X-Pad", "X-Accel-Redirect", "X-Accel-Limit-Rate", "X-Accel-Buffering", "X-Accel-Charset",
            "X-Accel-Expires"],
        StringComparer.OrdinalIgnoreCase);

    // The names that nearly every answer has, so that no string is made for them.
    private static readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> s_common = FrozenSet.ToFrozenSet(
        [
            HeaderNames.AcceptRanges, HeaderNames.AccessControlAllowCredentials, HeaderNames.AccessControlAllowHeaders,
            HeaderNames.AccessControlAllowMethods, HeaderNames.AccessControlAllowOrigin, HeaderNames.Age, HeaderNames.Allow,
            HeaderNames.CacheControl, HeaderNames.Connection, HeaderNames.ContentDisposition, HeaderNames.ContentEncoding,
            HeaderNames.ContentLanguage, HeaderNames.ContentLength, HeaderNames.ContentRange, HeaderNames.ContentSecurityPolicy,
            HeaderNames.ContentType, HeaderNames.Date, HeaderNames.ETag, HeaderNames.Expires, HeaderNames.KeepAlive,
            HeaderNames.LastModified,
            HeaderNames.Link, HeaderNames.Location, HeaderNames.Pragma, HeaderNames.Server, HeaderNames.SetCookie,
            HeaderNames.StrictTransportSecurity,
            HeaderNames.TransferEncoding, HeaderNames.Upgrade, HeaderNames.Vary, HeaderNames.Via, HeaderNames.WWWAuthenticate,
            HeaderNames.XContentTypeOptions, HeaderNames.XFrameOptions, HeaderNames.XPoweredBy, HeaderNames.XXSSProtection,
            HeaderNames.SecWebSocketAccept, HeaderNames.SecWebSocketProtocol, HeaderNames.SecWebSocketExtensions,
        ],
        StringComparer.OrdinalIgnoreCase).GetAlternateLookup<ReadOnlySpan<char>>();

    public static void Copy(ResponseHead head, ReadOnlySpan<byte> bytes, IHeaderDictionary to, bool keepLength)
    {
        var listed = Listed(head, bytes);
        foreach (var header in head.Headers)
        {
            var name = Name(header.Name(bytes));
            if (HopByHop.Contains(name) || s_dropped.Contains(name)
                || (listed is not null && listed.Contains(name, StringComparer.OrdinalIgnoreCase)))
            {
                continue;
            }

            var value = Encoding.Latin1.GetString(header.Value(bytes));
            to[name] = to.TryGetValue(name, out var before) ? StringValues.Concat(before, value) : value;
        }

        if (keepLength)
        {
            to.ContentLength = head.ContentLength;
        }
    }

    private static List<string>? Listed(ResponseHead head, ReadOnlySpan<byte> bytes)
    {
        List<string>? listed = null;
        foreach (var header in head.Headers)
        {
            if (Ascii.EqualsIgnoreCase(header.Name(bytes), "Connection"u8)
                && HopByHop.ListedBy(Encoding.Latin1.GetString(header.Value(bytes))) is { } more)
            {
                (listed ??= []).AddRange(more);
            }
        }

        return listed;
    }

    private static string Name(ReadOnlySpan<byte> bytes)
    {
        Span<char> chars = stackalloc char[64];
        if (bytes.Length <= chars.Length)
        {
            var length = Encoding.Latin1.GetChars(bytes, chars);
            if (s_common.TryGetValue(chars[..length], out var common))
            {
                return common;
            }
        }

        return Encoding.Latin1.GetString(bytes);
    }
}
