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
            if (((string?)context.Request.Headers.Accept ?? "").Contains("proto-openapi.spec.v2", StringComparison.Ordinal))
            {
                return EmptyProtobufAsync(context);
            }

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

    /// <summary>
    /// kubectl takes version 2 as protobuf only, and asks for it where version 3 does not know a kind. A document without
    /// definitions lets it go on to its own "no matches for kind", where a refusal would end in a message about OpenAPI.
    /// </summary>
    private static async Task EmptyProtobufAsync(HttpContext context)
    {
        // gnostic openapi.v2.Document: 1 swagger "2.0", 2 info { 1 title "Fairlead", 2 version "v1" }
        byte[] document = [0x0a, 3, .. "2.0"u8, 0x12, 14, 0x0a, 8, .. "Fairlead"u8, 0x12, 2, .. "v1"u8];
        context.Response.ContentType = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
        context.Response.ContentLength = document.Length;
        await context.Response.Body.WriteAsync(document, context.RequestAborted);
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
