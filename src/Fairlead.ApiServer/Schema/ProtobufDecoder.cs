using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;

namespace Fairlead.ApiServer.Schema;

/// <summary>Reads an object in Kubernetes' protobuf encoding into the same nodes as JSON.</summary>
/// <remarks>
/// kubectl sends what it creates itself (<c>create deployment</c>, <c>auth can-i</c>) in this form and reads the answer as JSON.
/// An envelope (magic bytes, then apiVersion, kind and the object's bytes) precedes the object. Unknown fields are skipped.
/// </remarks>
internal static class ProtobufDecoder
{
    private const int MaxDepth = 64;

    private static ReadOnlySpan<byte> Magic => "k8s\0"u8;

    /// <summary>Throws <see cref="DecodeException"/> when the bytes are not such an object.</summary>
    public static JsonObject Decode(SchemaType type, ReadOnlySpan<byte> body)
    {
        if (!body.StartsWith(Magic))
        {
            throw new DecodeException("proto: the body does not start with the Kubernetes envelope");
        }

        var (version, kind) = ("", "");
        var raw = ReadOnlySpan<byte>.Empty;
        var envelope = new WireReader(body[Magic.Length..]);
        while (envelope.Next())
        {
            switch (envelope.Number)
            {
                case 1:
                    var meta = new WireReader(envelope.Bytes);
                    while (meta.Next())
                    {
                        (version, kind) = meta.Number == 1 ? (meta.Text, kind) : (version, meta.Text);
                    }

                    break;
                case 2:
                    raw = envelope.Bytes;
                    break;
            }
        }

        var value = new JsonObject { ["apiVersion"] = version, ["kind"] = kind };
        ReadObject(type, raw, outer: 0, value, MaxDepth);
        return value;
    }

    private static void ReadObject(SchemaType type, ReadOnlySpan<byte> bytes, int outer, JsonObject into, int depth)
    {
        if (depth == 0)
        {
            throw new DecodeException("proto: nested too deeply");
        }

        var reader = new WireReader(bytes);
        while (reader.Next())
        {
            if (type.Find(outer, reader.Number) is { } field)
            {
                ReadField(field, ref reader, into, depth);
            }
            else if (outer == 0 && reader.IsBytes)
            {
                ReadObject(type, reader.Bytes, reader.Number, into, depth - 1);   // an inlined message, or nothing that is known
            }
        }
    }

    private static void ReadField(SchemaField field, ref WireReader reader, JsonObject into, int depth)
    {
        switch (field.Type)
        {
            case ListType { Item: ScalarType { Scalar: Scalar.Int32 or Scalar.Int64 } } when reader.IsBytes:
                var packed = Items(into, field.Name);
                var numbers = new WireReader(reader.Bytes);
                while (numbers.NextPacked(out var number))
                {
                    packed.Add((JsonNode)number);
                }

                break;
            case ListType list:
                Items(into, field.Name).Add(ReadValue(list.Item, ref reader, depth));
                break;
            case MapType map:
                var (key, value) = ReadEntry(map, reader.Bytes, depth);
                into.Child(field.Name)[key] = value;
                break;
            default:
                if (ReadValue(field.Type, ref reader, depth) is { } read)
                {
                    into[field.Name] = read;
                }

                break;
        }
    }

    private static JsonArray Items(JsonObject into, string name)
    {
        if (into[name] is not JsonArray items)
        {
            into[name] = items = [];
        }

        return items;
    }

    private static (string Key, JsonNode? Value) ReadEntry(MapType map, ReadOnlySpan<byte> bytes, int depth)
    {
        var (key, value) = ("", (JsonNode?)null);
        var entry = new WireReader(bytes);
        while (entry.Next())
        {
            if (entry.Number == 1)
            {
                key = entry.Text;
            }
            else if (map.Value is ListType list)
            {
                var items = new JsonArray();
                var inner = new WireReader(entry.Bytes);
                while (inner.Next())
                {
                    items.Add(ReadValue(list.Item, ref inner, depth));
                }

                value = items;
            }
            else
            {
                value = ReadValue(map.Value, ref entry, depth);
            }
        }

        return (key, value ?? (map.Value is ScalarType ? "" : null));
    }

    private static JsonNode? ReadValue(FieldType type, ref WireReader reader, int depth)
    {
        if (type is ObjectType described)
        {
            var value = new JsonObject();
            ReadObject(described.Type, reader.Bytes, outer: 0, value, depth - 1);
            return value;
        }

        return type is not ScalarType scalar ? null : scalar.Scalar switch
        {
            Scalar.String => reader.Text,
            Scalar.Int32 or Scalar.Int64 => reader.Integer,
            Scalar.Bool => reader.Integer != 0,
            Scalar.Number => BitConverter.Int64BitsToDouble(reader.Integer),
            Scalar.Bytes => Convert.ToBase64String(reader.Bytes),
            Scalar.Time => ReadTime(reader.Bytes, "yyyy-MM-dd'T'HH:mm:ss'Z'"),
            Scalar.MicroTime => ReadTime(reader.Bytes, "yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'"),
            Scalar.Quantity => ReadFirstText(reader.Bytes),
            Scalar.IntOrString => ReadIntOrString(reader.Bytes),
            Scalar.Any => ReadRaw(reader.Bytes),
            _ => null,
        };
    }

    private static JsonValue? ReadTime(ReadOnlySpan<byte> bytes, string format)
    {
        var (seconds, nanos) = (0L, 0L);
        var reader = new WireReader(bytes);
        while (reader.Next())
        {
            (seconds, nanos) = reader.Number == 1 ? (reader.Integer, nanos) : (seconds, reader.Integer);
        }

        // Year 1 and before, which Go's zero time is, says "no time"; beyond year 9999 nothing can be written.
        return seconds is <= 0 or > 253402300799
            ? null
            : JsonValue.Create(DateTimeOffset.FromUnixTimeSeconds(seconds).AddTicks(nanos / 100).ToString(format, System.Globalization.CultureInfo.InvariantCulture));
    }

    private static JsonValue? ReadFirstText(ReadOnlySpan<byte> bytes)
    {
        var reader = new WireReader(bytes);
        return reader.Next() ? JsonValue.Create(reader.Text) : null;
    }

    private static JsonValue ReadIntOrString(ReadOnlySpan<byte> bytes)
    {
        var (isText, number, text) = (false, 0L, "");
        var reader = new WireReader(bytes);
        while (reader.Next())
        {
            switch (reader.Number)
            {
                case 1:
                    isText = reader.Integer == 1;
                    break;
                case 2:
                    number = reader.Integer;
                    break;
                case 3:
                    text = reader.Text;
                    break;
            }
        }

        return isText ? JsonValue.Create(text) : JsonValue.Create(number);
    }

    private static JsonNode? ReadRaw(ReadOnlySpan<byte> bytes)
    {
        var reader = new WireReader(bytes);
        return reader.Next() && reader.Bytes.Length > 0 ? JsonBody.Parse(reader.Bytes) : null;
    }

    /// <summary>Steps through the fields of one message. Never reads past its end.</summary>
    private ref struct WireReader(ReadOnlySpan<byte> bytes)
    {
        private ReadOnlySpan<byte> _rest = bytes;
        private ReadOnlySpan<byte> _value;
        private long _integer;

        public int Number { get; private set; }

        public bool IsBytes { get; private set; }

        public readonly ReadOnlySpan<byte> Bytes => IsBytes ? _value : throw new DecodeException("proto: wrong wire type");

        public readonly string Text => Encoding.UTF8.GetString(Bytes);

        public readonly long Integer => IsBytes ? throw new DecodeException("proto: wrong wire type") : _integer;

        public bool Next()
        {
            if (_rest.IsEmpty)
            {
                return false;
            }

            var tag = Varint();
            (Number, IsBytes) = ((int)(tag >> 3), false);
            switch (tag & 7)
            {
                case 0:
                    _integer = (long)Varint();
                    break;
                case 1:
                    _integer = BinaryPrimitives.ReadInt64LittleEndian(Take(8));
                    break;
                case 2:
                    var length = Varint();
                    _value = Take(length > (ulong)_rest.Length ? -1 : (int)length);
                    IsBytes = true;
                    break;
                case 5:
                    _integer = BinaryPrimitives.ReadInt32LittleEndian(Take(4));
                    break;
                default:
                    throw new DecodeException("proto: illegal wire type");
            }

            return true;
        }

        public bool NextPacked(out long number)
        {
            number = 0;
            if (_rest.IsEmpty)
            {
                return false;
            }

            number = (long)Varint();
            return true;
        }

        private ulong Varint()
        {
            var result = 0UL;
            for (var shift = 0; shift < 64; shift += 7)
            {
                var b = Take(1)[0];
                result |= (ulong)(b & 0x7f) << shift;
                if (b < 0x80)
                {
                    return result;
                }
            }

            throw new DecodeException("proto: integer overflow");
        }

        private ReadOnlySpan<byte> Take(int count)
        {
            if (count < 0 || count > _rest.Length)
            {
                throw new DecodeException("proto: unexpected EOF");
            }

            var taken = _rest[..count];
            _rest = _rest[count..];
            return taken;
        }
    }
}
