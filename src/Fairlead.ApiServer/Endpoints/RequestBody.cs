using System.Buffers;
using Fairlead.ApiServer.Objects;
using Fairlead.ApiServer.Responses;
using Microsoft.AspNetCore.Http;

namespace Fairlead.ApiServer.Endpoints;

/// <summary>Reads request bodies, never more than the limit, and says what they are written in.</summary>
internal static class RequestBody
{
    public static async Task<ReadOnlyMemory<byte>> ReadAsync(HttpContext context)
    {
        if (context.Request.ContentLength > HttpFront.MaxBodyBytes)
        {
            throw StatusException.TooLarge(HttpFront.MaxBodyBytes);
        }

        var reader = context.Request.BodyReader;
        while (true)
        {
            var result = await reader.ReadAsync(context.RequestAborted);
            if (result.Buffer.Length > HttpFront.MaxBodyBytes)
            {
                throw StatusException.TooLarge(HttpFront.MaxBodyBytes);
            }

            if (result.IsCompleted)
            {
                var body = result.Buffer.ToArray();
                reader.AdvanceTo(result.Buffer.End);
                return body;
            }

            reader.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        }
    }

    /// <summary>Throws 415 for what is neither JSON nor YAML nor Kubernetes' protobuf.</summary>
    public static BodyFormat FormatOf(HttpContext context) => ContentType(context) switch
    {
        "" or "application/json" or "*/*" => BodyFormat.Json,
        "application/yaml" or "application/x-yaml" or "text/yaml" => BodyFormat.Yaml,
        "application/vnd.kubernetes.protobuf" => BodyFormat.Protobuf,
        var other => throw Unsupported(other, "application/json, application/yaml, application/vnd.kubernetes.protobuf"),
    };

    public static string ContentType(HttpContext context)
    {
        var type = context.Request.ContentType ?? "";
        var semicolon = type.IndexOf(';', StringComparison.Ordinal);
        return (semicolon < 0 ? type : type[..semicolon]).Trim().ToLowerInvariant();
    }

    public static StatusException Unsupported(string type, string accepted)
        => new(415, "UnsupportedMediaType", $"the body of the request was in an unknown format - accepted media types include: {accepted} (got {type})");
}
