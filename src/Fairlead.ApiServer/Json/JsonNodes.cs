using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Fairlead.ApiServer.Json;

/// <summary>Words for reaching into API objects; each tolerates that anything on the way is absent or of another type.</summary>
internal static class JsonNodes
{
    extension(JsonNode? node)
    {
        public JsonNode? At(string field) => node is JsonObject o ? o[field] : null;

        public JsonNode? At(string first, string second) => node.At(first).At(second);

        public JsonNode? At(string first, string second, string third) => node.At(first).At(second).At(third);

        /// <summary>The string at a path, or an empty one.</summary>
        public string Text(params ReadOnlySpan<string> path)
        {
            foreach (var field in path)
            {
                node = node.At(field);
            }

            return node is JsonValue v && v.TryGetValue<string>(out var text) ? text : "";
        }

        public long? Number(params ReadOnlySpan<string> path)
        {
            foreach (var field in path)
            {
                node = node.At(field);
            }

            return node is JsonValue v && v.GetValueKind() == JsonValueKind.Number
                ? v.TryGetValue<long>(out var l) ? l : v.TryGetValue<int>(out var i) ? i : null
                : null;
        }

        public bool Flag(params ReadOnlySpan<string> path)
        {
            foreach (var field in path)
            {
                node = node.At(field);
            }

            return node is JsonValue v && v.TryGetValue<bool>(out var flag) && flag;
        }

        /// <summary>The list at a path, or an empty one.</summary>
        public IEnumerable<JsonNode?> Items(params ReadOnlySpan<string> path)
        {
            foreach (var field in path)
            {
                node = node.At(field);
            }

            return node is JsonArray items ? items : Enumerable.Empty<JsonNode?>();
        }

        /// <summary>The fields of the object at a path, or none.</summary>
        public IEnumerable<KeyValuePair<string, JsonNode?>> Entries(params ReadOnlySpan<string> path)
        {
            foreach (var field in path)
            {
                node = node.At(field);
            }

            return node is JsonObject entries ? entries : Enumerable.Empty<KeyValuePair<string, JsonNode?>>();
        }

        /// <summary>A scalar as people write it: no quotes around strings.</summary>
        public string Display() => node switch
        {
            null => "",
            JsonValue v when v.TryGetValue<string>(out var text) => text,
            JsonValue v when v.TryGetValue<long>(out var number) => number.ToString(CultureInfo.InvariantCulture),
            _ => node.ToJsonString(),
        };
    }

    extension(JsonObject parent)
    {
        /// <summary>The object in this field, made if it is not there.</summary>
        public JsonObject Child(string field)
        {
            if (parent[field] is JsonObject child)
            {
                return child;
            }

            child = [];
            parent[field] = child;
            return child;
        }

        public void SetDefault(string field, JsonNode value)
        {
            if (parent[field] is null)
            {
                parent[field] = value;
            }
        }
    }

    /// <summary>An object's bytes as they are kept and sent.</summary>
    public static byte[] ToUtf8(this JsonNode node)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>(1024);
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions
        {
            Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            SkipValidation = true,
        }))
        {
            node.WriteTo(writer);
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>How many objects and lists are nested in each other.</summary>
    public static int DepthOf(JsonNode? node) => node switch
    {
        JsonObject o => 1 + o.Select(e => DepthOf(e.Value)).DefaultIfEmpty(0).Max(),
        JsonArray a => 1 + a.Select(DepthOf).DefaultIfEmpty(0).Max(),
        _ => 0,
    };

    public static JsonObject ParseObject(ReadOnlySpan<byte> utf8) => (JsonObject)JsonBody.Parse(utf8)!;
}
