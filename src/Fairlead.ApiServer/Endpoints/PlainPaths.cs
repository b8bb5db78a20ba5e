using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.OpenApi;
using Fairlead.ApiServer.Responses;
using Microsoft.AspNetCore.Http;

namespace Fairlead.ApiServer.Endpoints;

/// <summary>Paths that are no resource's: health, version, discovery, OpenAPI.</summary>
internal static class PlainPaths
{
    public const string GitVersion = "v1.34.0+fairlead";

    private static readonly string[] s_paths =
    [
        "/api", "/api/v1", "/apis", "/healthz", "/healthz/ping", "/livez", "/livez/ping", "/openapi/v2", "/openapi/v3", "/readyz", "/readyz/ping", "/version",
    ];

    public static Task AnswerAsync(HttpContext context, string path)
    {
        if (context.Request.Method is not ("GET" or "HEAD"))
        {
            throw StatusException.MethodNotAllowed();
        }

        var trimmed = path.Length > 1 ? path.TrimEnd('/') : path;
        return trimmed switch
        {
            "/" => Answers.JsonAsync(context, 200, new JsonObject { ["paths"] = new JsonArray([.. s_paths.Select(p => (JsonNode)p)]) }),
            "/version" => Answers.JsonAsync(context, 200, Version()),
            "/healthz" or "/livez" or "/readyz" => Answers.TextAsync(context, 200,
                context.Request.Query.ContainsKey("verbose") ? $"[+]ping ok\n{trimmed[1..]} check passed\n" : "ok"),
            "/healthz/ping" or "/livez/ping" or "/readyz/ping" => Answers.TextAsync(context, 200, "ok"),
            _ when trimmed.StartsWith("/openapi/", StringComparison.Ordinal) => OpenApiEndpoint.AnswerAsync(context, trimmed),
            _ => Discovery.AnswerAsync(context, trimmed),
        };
    }

    private static JsonObject Version() => new()
    {
        ["major"] = "1",
        ["minor"] = "34",
        ["gitVersion"] = GitVersion,
        ["gitCommit"] = "",
        ["gitTreeState"] = "clean",
        ["buildDate"] = "1970-01-01T00:00:00Z",
        ["goVersion"] = "",
        ["compiler"] = "dotnet",
        ["platform"] = $"linux/{RuntimeInformation.ProcessArchitecture switch { Architecture.X64 => "amd64", Architecture.Arm64 => "arm64", var other => other.ToString().ToLowerInvariant() }}",
    };
}
