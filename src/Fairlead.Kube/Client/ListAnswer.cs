using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Fairlead.Kube.Objects;

namespace Fairlead.Kube.Client;

/// <summary>Reads one page of a list, each item straight into its record.</summary>
internal static class ListAnswer
{
    internal static ListMeta Parse<T>(ReadOnlySpan<byte> json, JsonTypeInfo<T> typeInfo, List<T> items)
        where T : class, IKubeObject
    {
        var reader = new Utf8JsonReader(json);
        var meta = ListMeta.Empty;
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            throw new JsonException("a list must be an object");
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("metadata"u8))
            {
                reader.Read();
                meta = Converter(KubeJson.TypeInfo<ListMeta>()).Read(ref reader, typeof(ListMeta), typeInfo.Options) ?? ListMeta.Empty;
            }
            else if (reader.ValueTextEquals("items"u8))
            {
                reader.Read();
                Items(ref reader, typeInfo, items);
            }
            else
            {
                reader.Read();
                reader.Skip();
            }
        }

        return meta;
    }

    private static void Items<T>(ref Utf8JsonReader reader, JsonTypeInfo<T> typeInfo, List<T> items)
        where T : class, IKubeObject
    {
        if (reader.TokenType == JsonTokenType.Null)
        {
            return;
        }

        var converter = Converter(typeInfo);
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            items.Add(converter.Read(ref reader, typeof(T), typeInfo.Options) ?? throw new JsonException("null in a list"));
        }
    }

    private static JsonConverter<T> Converter<T>(JsonTypeInfo<T> typeInfo) => (JsonConverter<T>)typeInfo.Converter;
}
