using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Fairlead.Kube.Objects;

/// <summary>A number or a name or a percentage: a port, a <c>maxSurge</c>.</summary>
[JsonConverter(typeof(IntOrStringConverter))]
public readonly record struct IntOrString(int Number, string? Text)
{
    public IntOrString(int number)
        : this(number, null)
    {
    }

    public IntOrString(string text)
        : this(0, text)
    {
    }

    public bool IsNumber => Text is null;

    /// <summary>The count that the value stands for; a percentage is of <paramref name="total"/>.</summary>
    public int Scale(int total, bool roundUp)
    {
        if (Text is null)
        {
            return Number;
        }

        if (!Text.EndsWith('%')
            || !int.TryParse(Text.AsSpan(0, Text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var percent))
        {
            return 0;
        }

        var scaled = (long)percent * total;
        return (int)((roundUp ? scaled + 99 : scaled) / 100);
    }

    public static implicit operator IntOrString(int number) => new(number);

    public static implicit operator IntOrString(string text) => new(text);

    public static IntOrString FromInt32(int number) => new(number);

    public static IntOrString FromString(string text) => new(text);

    public override string ToString() => Text ?? Number.ToString(CultureInfo.InvariantCulture);
}

internal sealed class IntOrStringConverter : JsonConverter<IntOrString>
{
    public override IntOrString Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        => reader.TokenType switch
        {
            JsonTokenType.Number => new(reader.GetInt32()),
            JsonTokenType.String => new(reader.GetString()!),
            _ => throw new JsonException("expected a number or a string"),
        };

    public override void Write(Utf8JsonWriter writer, IntOrString value, JsonSerializerOptions options)
    {
        if (value.Text is null)
        {
            writer.WriteNumberValue(value.Number);
        }
        else
        {
            writer.WriteStringValue(value.Text);
        }
    }
}
