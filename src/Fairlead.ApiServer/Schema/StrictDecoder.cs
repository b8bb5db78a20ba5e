using System.Buffers;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;

namespace Fairlead.ApiServer.Schema;

/// <summary>Fits a JSON object to its described type, as Kubernetes' decoder does.</summary>
/// <remarks>
/// Unknown fields are removed and reported; nulls, and zero values of fields that cannot tell zero from absent, are removed.
/// The first value of a wrong type ends the decoding with <see cref="DecodeException"/>. The object is changed in place.
/// </remarks>
internal sealed class StrictDecoder
{
    private readonly List<string> _unknown = [];

    private StrictDecoder()
    {
    }

    /// <summary>Returns the unknown fields' paths.</summary>
    public static IReadOnlyList<string> Decode(SchemaType type, JsonObject value)
    {
        var decoder = new StrictDecoder();
        decoder.DecodeObject(type, value, path: "", dotted: "");
        return decoder._unknown;
    }

    private void DecodeObject(SchemaType type, JsonObject value, string path, string dotted)
    {
        List<string>? remove = null;
        foreach (var (name, child) in value)
        {
            var field = type.Find(name);
            var at = path.Length == 0 ? name : $"{path}.{name}";
            if (field is null)
            {
                _unknown.Add(at);
            }
            else if (child is not null)
            {
                DecodeValue(field.Type, child, type, at, dotted.Length == 0 ? name : $"{dotted}.{name}");
            }

            if (field is null || child is null || (!field.Required && !field.Nullable && IsZero(child, field.Type)))
            {
                (remove ??= []).Add(name);
            }
        }

        foreach (var name in remove ?? [])
        {
            value.Remove(name);
        }
    }

    private void DecodeValue(FieldType type, JsonNode value, SchemaType owner, string path, string dotted)
    {
        switch (type, value)
        {
            case (ObjectType described, JsonObject o):
                DecodeObject(described.Type, o, path, dotted);
                break;
            case (ListType list, JsonArray items):
                for (var i = 0; i < items.Count; i++)
                {
                    if (items[i] is { } item)
                    {
                        DecodeValue(list.Item, item, owner, $"{path}[{i}]", dotted);
                    }
                    else
                    {
                        items[i] = ZeroOf(list.Item);
                    }
                }

                break;
            case (MapType map, JsonObject entries):
                foreach (var (key, entry) in entries.ToArray())
                {
                    if (entry is null)
                    {
                        entries[key] = ZeroOf(map.Value);
                    }
                    else
                    {
                        DecodeValue(map.Value, entry, owner, $"{path}.{key}", dotted);
                    }
                }

                break;
            case (ScalarType scalar, _):
                CheckScalar(scalar, value, owner, dotted);
                break;
            default:
                throw WrongType(value, owner, dotted, type.GoName);
        }
    }

    private static void CheckScalar(ScalarType type, JsonNode value, SchemaType owner, string dotted)
    {
        var kind = value.GetValueKind();
        switch (type.Scalar)
        {
            case Scalar.Any:
                break;
            case Scalar.String when kind == JsonValueKind.String:
                break;
            case Scalar.Bool when kind is JsonValueKind.True or JsonValueKind.False:
                break;
            case Scalar.Number when kind == JsonValueKind.Number:
                break;
            case Scalar.Int32 or Scalar.Int64 when kind == JsonValueKind.Number:
                if (value.Number() is not { } number || (type.Scalar == Scalar.Int32 && number != (int)number))
                {
                    throw WrongType($"number {value.ToJsonString()}", owner, dotted, type.GoName);
                }

                break;
            case Scalar.IntOrString when kind == JsonValueKind.String || (kind == JsonValueKind.Number && value.Number() is not null):
                break;
            case Scalar.Quantity when kind is JsonValueKind.String or JsonValueKind.Number:
                if (!IsQuantity(value.Display()))
                {
                    throw new DecodeException($"quantities must match the regular expression '{QuantityPattern}'");
                }

                break;
            case Scalar.Bytes when kind == JsonValueKind.String:
                CheckBase64(value.Text());
                break;
            case Scalar.Time or Scalar.MicroTime when kind == JsonValueKind.String:
                CheckTime(value.Text());
                break;
            case Scalar.Duration when kind == JsonValueKind.String:
                break;
            default:
                throw WrongType(value, owner, dotted, type.GoName);
        }
    }

    private static void CheckBase64(string text)
    {
        var compact = text.Replace("\n", "", StringComparison.Ordinal).Replace("\r", "", StringComparison.Ordinal);
        var bad = compact.AsSpan().TrimEnd('=').IndexOfAnyExcept(s_base64);
        if (bad >= 0 || compact.Length % 4 != 0 || !Convert.TryFromBase64String(compact, new byte[compact.Length], out _))
        {
            throw new DecodeException(string.Create(CultureInfo.InvariantCulture, $"illegal base64 data at input byte {(bad >= 0 ? bad : compact.Length / 4 * 4)}"));
        }
    }

    private static readonly SearchValues<char> s_base64
        = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");

    private static readonly SearchValues<char> s_decimal = SearchValues.Create("0123456789.");

    private static void CheckTime(string text)
    {
        if (text.Length > 40 || text.IndexOf('T', StringComparison.Ordinal) != 10 || !DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.None, out _))
        {
            throw new DecodeException($"parsing time \"{text}\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"{text}\" as \"2006\"");
        }
    }

    private static bool IsZero(JsonNode value, FieldType type) => (type, value) switch
    {
        (ListType, JsonArray items) => items.Count == 0,
        (MapType, JsonObject entries) => entries.Count == 0,
        (ScalarType { Scalar: Scalar.Any or Scalar.IntOrString or Scalar.Quantity }, _) => false,
        (ScalarType, JsonValue v) => v.GetValueKind() switch
        {
            JsonValueKind.String => v.GetValue<string>().Length == 0,
            JsonValueKind.False => true,
            JsonValueKind.Number => v.Number() == 0,
            _ => false,
        },
        _ => false,
    };

    private static JsonNode ZeroOf(FieldType type) => type switch
    {
        ListType => new JsonArray(),
        ScalarType { Scalar: Scalar.Int32 or Scalar.Int64 or Scalar.Number } => JsonValue.Create(0L),
        ScalarType { Scalar: Scalar.Bool } => JsonValue.Create(false),
        ScalarType => JsonValue.Create(""),
        _ => new JsonObject(),
    };

    private static DecodeException WrongType(JsonNode value, SchemaType owner, string dotted, string wanted) => WrongType(
        value.GetValueKind() switch
        {
            JsonValueKind.Object => "object",
            JsonValueKind.Array => "array",
            JsonValueKind.String => "string",
            JsonValueKind.Number => "number",
            _ => "bool",
        }, owner, dotted, wanted);

    private static DecodeException WrongType(string what, SchemaType owner, string dotted, string wanted)
        => new($"json: cannot unmarshal {what} into Go struct field {owner.Name}.{dotted} of type {wanted}");

    private const string QuantityPattern = "^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$";

    /// <summary>A number, then a suffix: by hand, since regular expressions that backtrack are a lever for strangers.</summary>
    private static bool IsQuantity(string text)
    {
        var rest = text.AsSpan();
        rest = rest.Length > 0 && rest[0] is '+' or '-' ? rest[1..] : rest;
        var digits = rest.IndexOfAnyExcept(s_decimal);
        digits = digits < 0 ? rest.Length : digits;
        var suffix = rest[digits..];
        return rest[..digits].ContainsAnyInRange('0', '9') && (suffix is "" or "m" or "u" or "n" or "k" or "M" or "G" or "T" or "P" or "E"
            or "Ki" or "Mi" or "Gi" or "Ti" or "Pi" or "Ei" || (suffix[0] is 'e' or 'E' && int.TryParse(suffix[1..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _)));
    }
}

/// <summary>A value of a wrong type or form, in the words of Kubernetes' decoder.</summary>
internal sealed class DecodeException(string message) : Exception(message);
