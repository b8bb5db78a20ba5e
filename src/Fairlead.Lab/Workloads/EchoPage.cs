using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Fairlead.Lab.Workloads;

/// <summary>A request as the server saw it, as JSON, or as lines for whoever accepts only text.</summary>
internal static class EchoPage
{
    private const int MostBody = 64 * 1024;

    public static async Task WriteAsync(HttpContext context, HttpWorkloadOptions options)
    {
        var body = await ReadBodyAsync(context);
        var facts = Facts(context, options);
        var asText = context.Request.Headers.Accept.ToString().StartsWith("text/plain", StringComparison.OrdinalIgnoreCase);
        var bytes = asText ? Encoding.UTF8.GetBytes(Text(context, facts, body)) : Json(context, facts, body);
        context.Response.ContentType = asText ? "text/plain; charset=utf-8" : "application/json";
        context.Response.ContentLength = bytes.Length;
        if (!HttpMethods.IsHead(context.Request.Method))
        {
            await context.Response.Body.WriteAsync(bytes, context.RequestAborted);
        }
    }

    private static (string Name, string Value)[] Facts(HttpContext context, HttpWorkloadOptions options) =>
    [
        ("pod", options.Pod),
        ("namespace", options.Namespace),
        ("node", options.Node),
        ("client", context.Connection.RemoteIpAddress?.MapToIPv4Or6() ?? ""),
        ("method", context.Request.Method),
        ("path", context.Request.Path.Value ?? ""),
        ("query", context.Request.QueryString.Value ?? ""),
        ("host", context.Request.Host.Value ?? ""),
        ("protocol", context.Request.Protocol),
    ];

    private static string MapToIPv4Or6(this System.Net.IPAddress address)
        => (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).ToString();

    private static string Text(HttpContext context, (string Name, string Value)[] facts, string body)
    {
        var text = new StringBuilder();
        foreach (var (name, value) in facts)
        {
            text.Append(name).Append(": ").Append(value).Append('\n');
        }

        foreach (var (name, value) in context.Request.Headers.OrderBy(h => h.Key, StringComparer.OrdinalIgnoreCase))
        {
            text.Append("header ").Append(name).Append(": ").Append(value.ToString()).Append('\n');
        }

        return body.Length == 0 ? text.ToString() : text.Append('\n').Append(body).Append('\n').ToString();
    }

    private static byte[] Json(HttpContext context, (string Name, string Value)[] facts, string body)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            foreach (var (name, value) in facts)
            {
                json.WriteString(name, value);
            }

            json.WriteStartObject("headers");
            foreach (var (name, value) in context.Request.Headers.OrderBy(h => h.Key, StringComparer.OrdinalIgnoreCase))
            {
                json.WriteString(name, value.ToString());
            }

            json.WriteEndObject();
            json.WriteString("body", body);
            json.WriteEndObject();
        }

        buffer.WriteByte((byte)'\n');
        return buffer.ToArray();
    }

    private static async Task<string> ReadBodyAsync(HttpContext context)
    {
        var bytes = new byte[MostBody];
        var length = 0;
        while (length < bytes.Length)
        {
            var read = await context.Request.Body.ReadAsync(bytes.AsMemory(length), context.RequestAborted);
            if (read == 0)
            {
                break;
            }

            length += read;
        }

        return Encoding.UTF8.GetString(bytes, 0, length);
    }
}
