using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Fairlead.Kube.Objects;

namespace Fairlead.Kube.Client;

/// <summary>Reads one line of a watch: the type, and the object straight into its record.</summary>
internal static class WatchLine
{
    /// <exception cref="KubeException">The line is an ERROR, such as 410 Gone.</exception>
    /// <exception cref="JsonException">The line is not a watch event.</exception>
    internal static WatchEvent<T> Parse<T>(ReadOnlySpan<byte> line, JsonTypeInfo<T> typeInfo, string operation)
        where T : class, IKubeObject
    {
        var reader = new Utf8JsonReader(line);
        string? type = null;
        Utf8JsonReader objectReader = default;
        var hasObject = false;
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            throw new JsonException("a watch event must be an object");
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("type"u8))
            {
                reader.Read();
                type = reader.GetString();
            }
            else if (reader.ValueTextEquals("object"u8))
            {
                reader.Read();
                objectReader = reader;
                hasObject = true;
                if (type is not null)
                {
                    break;      // the usual order: no need to walk over the object twice
                }

                reader.Skip();
            }
            else
            {
                reader.Read();
                reader.Skip();
            }
        }

        if (!hasObject)
        {
            throw new JsonException("a watch event without an object");
        }

        if (type == "ERROR")
        {
            throw new KubeException(Read(ref objectReader, KubeJson.TypeInfo<Status>()), operation);
        }

        return new(
            type switch
            {
                "ADDED" => WatchEventType.Added,
                "MODIFIED" => WatchEventType.Modified,
                "DELETED" => WatchEventType.Deleted,
                "BOOKMARK" => WatchEventType.Bookmark,
                _ => throw new JsonException($"unknown watch event '{type}'"),
            },
            Read(ref objectReader, typeInfo));
    }

    // The converter reads on from where the reader stands; JsonSerializer would first look for the end of the value.
    private static T Read<T>(ref Utf8JsonReader reader, JsonTypeInfo<T> typeInfo)
        where T : class
        => ((System.Text.Json.Serialization.JsonConverter<T>)typeInfo.Converter).Read(ref reader, typeof(T), typeInfo.Options)
            ?? throw new JsonException("null for an object");
}
