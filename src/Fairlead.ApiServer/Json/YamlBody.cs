using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Fairlead.ApiServer.Json;

/// <summary>Reads a YAML body, as server-side apply may send it, into the same nodes as JSON. No aliases: they can blow up a small text.</summary>
internal static class YamlBody
{
    public static JsonNode? Parse(ReadOnlySpan<byte> utf8)
    {
        try
        {
            var parser = new Parser(new StringReader(new UTF8Encoding(false, true).GetString(utf8)));
            parser.Consume<StreamStart>();
            if (parser.Accept<StreamEnd>(out _))
            {
                return null;
            }

            parser.Consume<DocumentStart>();
            return ReadValue(parser, 0);
        }
        catch (YamlException e)
        {
            throw new JsonException($"yaml: {e.Message}", e);
        }
        catch (DecoderFallbackException e)
        {
            throw new JsonException("yaml: not UTF-8", e);
        }
    }

    private static JsonNode? ReadValue(IParser parser, int depth)
    {
        if (depth > JsonBody.MaxDepth)
        {
            throw new JsonException("yaml: nested too deeply");
        }

        if (parser.TryConsume<Scalar>(out var scalar))
        {
            return ScalarOf(scalar);
        }

        if (parser.TryConsume<SequenceStart>(out _))
        {
            var items = new JsonArray();
            while (!parser.TryConsume<SequenceEnd>(out _))
            {
                items.Add(ReadValue(parser, depth + 1));
            }

            return items;
        }

        if (parser.TryConsume<MappingStart>(out _))
        {
            var entries = new JsonObject();
            while (!parser.TryConsume<MappingEnd>(out _))
            {
                var key = parser.Consume<Scalar>().Value;
                entries[key] = ReadValue(parser, depth + 1);
            }

            return entries;
        }

        throw new JsonException("yaml: aliases are not accepted");
    }

    /// <summary>Plain scalars by the rules that Kubernetes' YAML library has (YAML 1.2 core, plus yes/no-free booleans).</summary>
    private static JsonValue? ScalarOf(Scalar scalar)
    {
        var text = scalar.Value;
        if (scalar.Style != ScalarStyle.Plain || (!scalar.Tag.IsEmpty && scalar.Tag.Value == "tag:yaml.org,2002:str"))
        {
            return JsonValue.Create(text);
        }

        if (text is "" or "~" or "null" or "Null" or "NULL")
        {
            return null;
        }

        if (text is "true" or "True" or "TRUE" or "false" or "False" or "FALSE")
        {
            return JsonValue.Create(text[0] is 't' or 'T');
        }

        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole))
        {
            return JsonValue.Create(whole);
        }

        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) && text.AsSpan().ContainsAnyInRange('0', '9')
            ? JsonValue.Create(number)
            : JsonValue.Create(text);
    }
}
