using System.Collections.Concurrent;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Endpoints;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Responses;
using Microsoft.AspNetCore.Http;

namespace Fairlead.ApiServer.OpenApi;

/// <summary>Serves OpenAPI: v3, one document a group, and v2 as JSON.</summary>
/// <remarks>A document is written when it is first asked for and kept compressed, a tenth of its size; the hash in the index lets clients keep theirs.</remarks>
internal static class OpenApiEndpoint
{
    private static readonly ConcurrentDictionary<string, byte[]> s_documents = new(StringComparer.Ordinal);
    private static readonly Lazy<string> s_hash = new(() =>
        Convert.ToHexString(SHA256.HashData(typeof(OpenApiEndpoint).Module.ModuleVersionId.ToByteArray())));

    public static Task AnswerAsync(HttpContext context, string path)
    {
        if (path == "/openapi/v3")
        {
            return Answers.JsonAsync(context, 200, Index());
        }

        if (path == "/openapi/v2")
        {
            // Clients of this path that cannot read JSON ask for protobuf only, and get along without.
            Acceptance.FormOf(context);
            return DocumentAsync(context, path, OpenApiDocument.WriteV2);
        }

        foreach (var group in ResourceCatalog.Groups)
        {
            if (path == $"/openapi/v3/{PathOf(group.Key)}")
            {
                return DocumentAsync(context, path, () => OpenApiDocument.WriteV3(group.Key));
            }
        }

        throw StatusException.PathNotFound();
    }

    private static string PathOf(string group) => group.Length == 0 ? "api/v1" : $"apis/{group}/v1";

    private static JsonObject Index() => new()
    {
        ["paths"] = new JsonObject(ResourceCatalog.Groups.Select(g => KeyValuePair.Create(PathOf(g.Key),
            (JsonNode?)new JsonObject { ["serverRelativeURL"] = $"/openapi/v3/{PathOf(g.Key)}?hash={s_hash.Value}" }))),
    };

    private static async Task DocumentAsync(HttpContext context, string path, Func<byte[]> write)
    {
        var tag = $"\"{s_hash.Value}\"";
        context.Response.Headers.ETag = tag;
        context.Response.Headers.Vary = "Accept-Encoding";
        if (context.Request.Headers.IfNoneMatch == tag)
        {
            context.Response.StatusCode = 304;
            return;
        }

        var compressed = s_documents.GetOrAdd(path, _ => Compress(write()));
        context.Response.ContentType = "application/json";
        if (((string?)context.Request.Headers.AcceptEncoding ?? "").Contains("gzip", StringComparison.OrdinalIgnoreCase))
        {
            context.Response.Headers.ContentEncoding = "gzip";
            context.Response.ContentLength = compressed.Length;
            await context.Response.Body.WriteAsync(compressed, context.RequestAborted);
            return;
        }

        await using var source = new GZipStream(new MemoryStream(compressed), CompressionMode.Decompress);
        await source.CopyToAsync(context.Response.Body, context.RequestAborted);
    }

    private static byte[] Compress(byte[] document)
    {
        using var target = new MemoryStream();
        using (var gzip = new GZipStream(target, CompressionLevel.Fastest))
        {
            gzip.Write(document);
        }

        return target.ToArray();
    }
}
