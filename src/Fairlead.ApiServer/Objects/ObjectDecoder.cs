using System.Text.Json;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Responses;
using Fairlead.ApiServer.Schema;

namespace Fairlead.ApiServer.Objects;

/// <summary>How a request's body is written.</summary>
internal enum BodyFormat
{
    Json, Yaml, Protobuf,
}

/// <summary>Turns a request's body into an object of the expected kind, or into an error as helpful as Kubernetes' own.</summary>
internal static class ObjectDecoder
{
    public static JsonNode ParseJson(ReadOnlyMemory<byte> body) => Guard(() => JsonBody.Parse(body.Span));

    public static JsonObject Decode(ApiResource resource, ReadOnlyMemory<byte> body, BodyFormat format, WriteOptions options)
        => Decode(resource.Type, resource.GroupVersion, resource.Kind, body, format, options);

    /// <summary>An empty <paramref name="groupVersion"/> accepts any.</summary>
    public static JsonObject Decode(SchemaType type, string groupVersion, string kind, ReadOnlyMemory<byte> body, BodyFormat format, WriteOptions options)
    {
        var duplicates = new List<string>();
        var parsed = Guard(() => format switch
        {
            BodyFormat.Yaml => YamlBody.Parse(body.Span),
            BodyFormat.Protobuf => ProtobufDecoder.Decode(type, body.Span),
            _ => JsonBody.Parse(body.Span, duplicates),
        });
        return parsed is JsonObject value
            ? Fit(type, groupVersion, kind, value, duplicates, options)
            : throw StatusException.BadRequest($"{kind} in version \"{VersionOf(groupVersion)}\" cannot be handled as a {kind}: the body is not an object");
    }

    private static JsonNode Guard(Func<JsonNode?> parse)
    {
        try
        {
            return parse() ?? throw StatusException.BadRequest("the request body is empty: an object is expected");
        }
        catch (Exception e) when (e is JsonException or DecodeException)
        {
            throw StatusException.BadRequest($"error decoding the request body: {e.Message}");
        }
    }

    /// <summary>Checks the kind and fits the value to its schema, in place.</summary>
    public static JsonObject Fit(SchemaType type, string groupVersion, string kind, JsonObject value, IReadOnlyList<string> duplicates, WriteOptions options)
    {
        var (givenVersion, givenKind) = (value.Text("apiVersion"), value.Text("kind"));
        if (givenVersion.Length > 0 && groupVersion.Length > 0 && givenVersion != groupVersion)
        {
            throw StatusException.BadRequest($"the API version in the data ({givenVersion}) does not match the expected API version ({groupVersion})");
        }

        if (givenKind.Length > 0 && givenKind != kind)
        {
            throw StatusException.BadRequest($"{givenKind} in version \"{VersionOf(groupVersion)}\" cannot be handled as a {kind}: the kind in the data ({givenKind}) does not match the expected kind ({kind})");
        }

        (value["apiVersion"], value["kind"]) = (groupVersion, kind);
        IReadOnlyList<string> unknown;
        try
        {
            unknown = StrictDecoder.Decode(type, value);
        }
        catch (DecodeException e)
        {
            throw StatusException.BadRequest($"{kind} in version \"{VersionOf(groupVersion)}\" cannot be handled as a {kind}: {e.Message}");
        }

        var faults = unknown.Select(u => $"unknown field \"{u}\"").Concat(duplicates.Select(d => $"duplicate field \"{d}\"")).ToList();
        if (faults.Count > 0 && options.FieldValidation == "Strict")
        {
            throw StatusException.BadRequest($"{kind} in version \"{VersionOf(groupVersion)}\" cannot be handled as a {kind}: strict decoding error: {string.Join(", ", faults)}");
        }

        if (options.FieldValidation == "Warn")
        {
            options.Warnings.AddRange(faults);
        }

        return value;
    }

    private static string VersionOf(string groupVersion) => groupVersion[(groupVersion.LastIndexOf('/') + 1)..];
}
