using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Responses;
using Fairlead.ApiServer.Storage;
using Microsoft.AspNetCore.Http;

namespace Fairlead.ApiServer.Endpoints;

/// <summary>Writes responses.</summary>
internal static class Answers
{
    private const string JsonType = "application/json";

    public static Task JsonAsync(HttpContext context, int code, JsonNode body) => BytesAsync(context, code, JsonType, body.ToUtf8());

    public static async Task BytesAsync(HttpContext context, int code, string type, ReadOnlyMemory<byte> body)
    {
        context.Response.StatusCode = code;
        context.Response.ContentType = type;
        context.Response.ContentLength = body.Length;
        context.Response.Headers.CacheControl = "no-cache, private";
        await context.Response.Body.WriteAsync(body, context.RequestAborted);
    }

    public static Task TextAsync(HttpContext context, int code, string text)
        => BytesAsync(context, code, "text/plain; charset=utf-8", System.Text.Encoding.UTF8.GetBytes(text));

    public static Task StatusAsync(HttpContext context, StatusException refusal) => JsonAsync(context, refusal.Code, refusal.ToJson());

    /// <summary>One object, in the form the client asked for.</summary>
    public static Task ObjectAsync(HttpContext context, ApiResource resource, StoredObject stored, int code, DateTimeOffset now) => Acceptance.FormOf(context) switch
    {
        ResponseForm.Table => JsonAsync(context, code, ObjectForms.Table(resource, [stored], context.Request.Query["includeObject"].ToString(), now, headers: true,
            new JsonObject { ["resourceVersion"] = stored.Version.ToString(System.Globalization.CultureInfo.InvariantCulture) })),
        ResponseForm.Metadata => JsonAsync(context, code, ObjectForms.Metadata(stored.Parse())),
        _ => BytesAsync(context, code, JsonType, ObjectForms.Bytes(resource, stored)),
    };

    public static JsonObject Success(ApiResource resource, string name, string uid)
    {
        var details = new JsonObject { ["name"] = name, ["kind"] = resource.Plural };
        if (resource.Group.Length > 0)
        {
            details["group"] = resource.Group;
        }

        if (uid.Length > 0)
        {
            details["uid"] = uid;
        }

        return new JsonObject
        {
            ["kind"] = "Status",
            ["apiVersion"] = "v1",
            ["metadata"] = new JsonObject(),
            ["status"] = "Success",
            ["details"] = details,
        };
    }

    /// <summary>Warnings go into headers that kubectl prints (RFC 7234 §5.5).</summary>
    public static void Warn(HttpContext context, IReadOnlyList<string> warnings)
    {
        foreach (var warning in warnings.Distinct(StringComparer.Ordinal).Take(16))
        {
            var text = new string([.. warning.Select(c => c is >= ' ' and < (char)127 ? c : '?')]).Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal);
            context.Response.Headers.Append("Warning", $"299 - \"{text}\"");
        }
    }
}
