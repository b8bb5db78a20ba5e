using System.Text.Json;
using System.Text.Json.Nodes;

namespace Fairlead.ApiServer.Json;

/// <summary>Reads JSON from strangers into nodes: bounded in depth, and telling of fields that are given twice.</summary>
internal static class JsonBody
{
    /// <summary>No object is deeper, so that a list or an event around it stays within the 64 levels that many readers accept, ours too.</summary>
    public const int MaxDepth = 60;

    /// <summary>Throws <see cref="JsonException"/> on malformed text. A field given twice keeps its last value; its path goes to <paramref name="duplicates"/>.</summary>
    public static JsonNode? Parse(ReadOnlySpan<byte> utf8, List<string>? duplicates = null)
    {
        var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = MaxDepth });
        if (!reader.Read())
        {
            throw new JsonException("unexpected end of JSON input");
        }

        var node = ReadValue(ref reader, "", duplicates);
        return reader.Read() ? throw new JsonException("invalid character after top-level value") : node;
    }

    private static JsonNode? ReadValue(ref Utf8JsonReader reader, string path, List<string>? duplicates) => reader.TokenType switch
    {
        JsonTokenType.StartObject => ReadObject(ref reader, path, duplicates),
        JsonTokenType.StartArray => ReadArray(ref reader, path, duplicates),
        JsonTokenType.String => JsonValue.Create(Text(ref reader)),
        JsonTokenType.Number => ReadNumber(ref reader),
        JsonTokenType.True => JsonValue.Create(true),
        JsonTokenType.False => JsonValue.Create(false),
        JsonTokenType.Null => null,
        _ => throw new JsonException("unexpected token"),
    };

    private static JsonObject ReadObject(ref Utf8JsonReader reader, string path, List<string>? duplicates)
    {
        var result = new JsonObject();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            var name = Text(ref reader);
            var child = duplicates is null ? "" : path.Length == 0 ? name : $"{path}.{name}";
            if (duplicates is not null && result.ContainsKey(name))
            {
                duplicates.Add(child);
            }

            reader.Read();
            result[name] = ReadValue(ref reader, child, duplicates);
        }

        return result;
    }

    private static JsonArray ReadArray(ref Utf8JsonReader reader, string path, List<string>? duplicates)
    {
        var result = new JsonArray();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            result.Add(ReadValue(ref reader, duplicates is null ? "" : $"{path}[{result.Count}]", duplicates));
        }

        return result;
    }

    private static JsonValue ReadNumber(ref Utf8JsonReader reader)
    {
        if (reader.TryGetInt64(out var whole))
        {
            return JsonValue.Create(whole);
        }

        return reader.TryGetDouble(out var number) && double.IsFinite(number)
            ? JsonValue.Create(number)
            : throw new JsonException("number out of range");
    }

    /// <summary>The reader reports ill-formed UTF-8 and lone surrogates with another exception than everything else.</summary>
    private static string Text(ref Utf8JsonReader reader)
    {
        try
        {
            return reader.GetString()!;
        }
        catch (InvalidOperationException e)
        {
            throw new JsonException("invalid text in JSON string", e);
        }
    }
}
