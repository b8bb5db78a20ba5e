using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Fairlead.Kube.Yaml;

/// <summary>Reads manifests: YAML, of one or many documents, as the JSON that kubectl would send.</summary>
/// <remarks>
/// Quoted texts stay texts. Plain ones are read as Kubernetes' own reader does: YAML 1.2's numbers, truth values and null,
/// and of YAML 1.1 <c>yes/no/on/off</c> too. A list of aliases cannot blow up: what they make is counted.
/// </remarks>
public static partial class KubeYaml
{
    private const int MaxText = 8 * 1024 * 1024;
    private const int MaxNodes = 500_000;
    private const int MaxDepth = 64;

    /// <summary>Each document that is not empty; a <c>List</c> is given as its items.</summary>
    /// <exception cref="FormatException">The text is not YAML, or too large, or no map; names the line.</exception>
    public static IReadOnlyList<JsonObject> Parse(string yaml)
    {
        if (yaml.Length > MaxText)
        {
            throw new FormatException($"a manifest of {yaml.Length} characters: at most {MaxText} are read");
        }

        var stream = new YamlStream();
        try
        {
            stream.Load(new StringReader(yaml));
        }
        catch (YamlException e)
        {
            throw new FormatException($"line {e.Start.Line}: {e.Message}", e);
        }

        var documents = new List<JsonObject>();
        foreach (var document in stream.Documents)
        {
            var budget = MaxNodes;
            switch (Convert(document.RootNode, 0, ref budget))
            {
                case null:
                    break;
                case JsonObject { } list when (string?)list["kind"] is "List" && list["items"] is JsonArray items:
                    documents.AddRange(items.OfType<JsonObject>().Select(i => (JsonObject)i.DeepClone()));
                    break;
                case JsonObject map:
                    documents.Add(map);
                    break;
                default:
                    throw new FormatException($"line {document.RootNode.Start.Line}: a manifest must be a map");
            }
        }

        return documents;
    }

    private static JsonNode? Convert(YamlNode node, int depth, ref int budget)
    {
        if (--budget < 0)
        {
            throw new FormatException($"line {node.Start.Line}: more than {MaxNodes} values; aliases that multiply?");
        }

        if (depth > MaxDepth)
        {
            throw new FormatException($"line {node.Start.Line}: nested deeper than {MaxDepth}");
        }

        switch (node)
        {
            case YamlMappingNode map:
                var result = new JsonObject();
                foreach (var (key, value) in map.Children)
                {
                    if (key is not YamlScalarNode { Value: { } name })
                    {
                        throw new FormatException($"line {key.Start.Line}: a key must be a text");
                    }

                    result[name] = Convert(value, depth + 1, ref budget);
                }

                return result;
            case YamlSequenceNode sequence:
                var array = new JsonArray();
                foreach (var item in sequence.Children)
                {
                    array.Add(Convert(item, depth + 1, ref budget));
                }

                return array;
            case YamlScalarNode scalar:
                return Scalar(scalar);
            default:
                throw new FormatException($"line {node.Start.Line}: unexpected {node.NodeType}");
        }
    }

    private static JsonValue? Scalar(YamlScalarNode scalar)
    {
        var text = scalar.Value ?? "";
        if (scalar.Style is not (ScalarStyle.Plain or ScalarStyle.Any)
            || (!scalar.Tag.IsEmpty && scalar.Tag.Value == "tag:yaml.org,2002:str"))
        {
            return JsonValue.Create(text);
        }

        switch (text)
        {
            case "" or "~" or "null" or "Null" or "NULL":
                return null;
            case "true" or "True" or "TRUE" or "yes" or "Yes" or "YES" or "on" or "On" or "ON":
                return JsonValue.Create(true);
            case "false" or "False" or "FALSE" or "no" or "No" or "NO" or "off" or "Off" or "OFF":
                return JsonValue.Create(false);
        }

        if (Integer().IsMatch(text) && long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var integer))
        {
            return JsonValue.Create(integer);
        }

        if (Octal().Match(text) is { Success: true } octal)
        {
            // 0644, as file modes are written: octal in YAML 1.1, and what kubectl sends.
            return JsonValue.Create(System.Convert.ToInt64(octal.Groups["digits"].Value, 8));
        }

        if (text.StartsWith("0x", StringComparison.Ordinal)
            && long.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var hex))
        {
            return JsonValue.Create(hex);
        }

        return Float().IsMatch(text) && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
            && double.IsFinite(number)
            ? JsonValue.Create(number)
            : JsonValue.Create(text);
    }

    [GeneratedRegex(@"^[-+]?(0|[1-9][0-9]{0,18})$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Integer();

    [GeneratedRegex(@"^0o?(?<digits>[0-7]{1,20})$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Octal();

    [GeneratedRegex(@"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Float();
}
