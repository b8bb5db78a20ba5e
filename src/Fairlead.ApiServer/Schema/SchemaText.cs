using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Fairlead.ApiServer.Schema;

/// <summary>Reads the schema files. Their language is described in <c>Schema/Kinds/README.md</c>.</summary>
internal sealed class SchemaText
{
    private readonly Dictionary<string, FieldType> _types = new(StringComparer.Ordinal);
    private readonly List<Pending> _pending = [];

    private sealed record Pending(SchemaType Type, (string Prefix, string Name)? Parent, List<string> Lines);

    /// <summary>All types of all files, by "package.Name".</summary>
    public static ImmutableSortedDictionary<string, SchemaType> Parse(IEnumerable<string> files)
    {
        var text = new SchemaText();
        foreach (var file in files)
        {
            text.Declare(file);
        }

        foreach (var pending in text._pending)
        {
            pending.Type.Complete(text.FieldsOf(pending));
        }

        return text._pending.ToImmutableSortedDictionary(p => $"{p.Type.Package}.{p.Type.Name}", p => p.Type, StringComparer.Ordinal);
    }

    private void Declare(string file)
    {
        var (package, groupVersion, description) = ("", "", "");
        Pending? current = null;
        foreach (var line in file.Split('\n'))
        {
            if (line.Length == 0)
            {
                continue;
            }

            if (line[0] == ' ')
            {
                current!.Lines.Add(line);
                continue;
            }

            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            switch (words[0])
            {
                case "#":
                    description = line[1..].Trim();
                    continue;
                case "package":
                    (package, groupVersion) = (words[1], words[2]);
                    break;
                case "enum":
                    _types[$"{package}.{words[1]}"] = new ScalarType(Scalar.String, $"v1.{words[1]}", [.. words[2..]]);
                    break;
                case "string":
                    _types[$"{package}.{words[1]}"] = new ScalarType(Scalar.String, $"v1.{words[1]}");
                    break;
                case "type":
                    var type = new SchemaType(package, words[1], groupVersion, words.Contains("atomic")) { Description = description };
                    _types[$"{package}.{words[1]}"] = new ObjectType(type);
                    current = new Pending(type, words is [_, _, ":", var prefix, var parent] ? (prefix, parent) : null, []);
                    _pending.Add(current);
                    break;
                default:
                    throw new FormatException($"schema: {line}");
            }

            description = "";
        }
    }

    private ImmutableArray<SchemaField> FieldsOf(Pending pending)
    {
        var lines = pending.Lines.AsEnumerable();
        if (pending.Parent is var (prefix, parent))
        {
            var inherited = _pending.Single(p => p.Type.Package == pending.Type.Package && p.Type.Name == parent).Lines;
            lines = inherited.Select(line => $"{prefix}.{line.TrimStart()}").Concat(lines);
        }

        return [.. lines.Select(line => FieldOf(line, pending.Type.Package))];
    }

    private SchemaField FieldOf(string line, string package)
    {
        var description = "";
        if (line.IndexOf(" -- ", StringComparison.Ordinal) is > 0 and var dashes)
        {
            (description, line) = (line[(dashes + 4)..].Trim(), line[..dashes]);
        }

        var words = Words(line);
        var number = words[0];
        words.RemoveAt(0);
        var nullable = words[1].EndsWith('?');
        var type = TypeOf(words[1].TrimEnd('?'), package);
        var field = new SchemaField(words[0].TrimEnd('!'), type)
        {
            Number = NumberOf(number),
            Required = words[0].EndsWith('!'),
            Nullable = nullable,
            Description = description,
        };
        for (var i = 2; i < words.Count; i++)
        {
            var (word, argument) = Split(words[i]);
            field = word switch
            {
                "=" => field with { Default = DefaultOf(words[++i], type) },
                "map" => field with { ListMapKeys = [.. argument.Split(',')] },
                "set" => field with { Set = true },
                "atomic" => field with { Atomic = true },
                "patch" => WithPatch(field, argument),
                _ => field with { Rules = field.Rules.Add(RuleOf(word, argument)) },
            };
        }

        return field;
    }

    private static (int Outer, int Inner) NumberOf(string text)
    {
        if (text == "-")
        {
            return default;
        }

        var parts = text.Split('.').Select(p => int.Parse(p, CultureInfo.InvariantCulture)).ToArray();
        return parts.Length == 1 ? (0, parts[0]) : (parts[0], parts[1]);
    }

    private static SchemaField WithPatch(SchemaField field, string argument)
    {
        var colon = argument.IndexOf(':', StringComparison.Ordinal);
        var strategies = (colon < 0 ? argument : argument[..colon]).Split(',');
        return field with
        {
            PatchMerge = strategies.Contains("merge"),
            PatchRetainKeys = strategies.Contains("retainKeys"),
            PatchMergeKey = colon < 0 ? null : argument[(colon + 1)..],
        };
    }

    private static FieldRule RuleOf(string word, string argument) => word switch
    {
        "need" => new(RuleKind.Need, Text: argument),
        "port" => new(RuleKind.Port),
        "port0" => new(RuleKind.PortOrZero),
        "portName" => new(RuleKind.PortName),
        "portOrName" => new(RuleKind.PortOrName),
        "min" => new(RuleKind.Min, long.Parse(argument, CultureInfo.InvariantCulture)),
        "range" => new(RuleKind.Range, Number(argument, 0), Number(argument, 1)),
        "label" => new(RuleKind.Label),
        "subdomain" => new(RuleKind.Subdomain),
        "serviceName" => new(RuleKind.ServiceName),
        "labelKey" => new(RuleKind.LabelKey),
        "ip" => new(RuleKind.Ip),
        "cidr" => new(RuleKind.Cidr),
        _ => throw new FormatException($"schema: unknown word {word}"),
    };

    private static long Number(string argument, int index) => long.Parse(argument.Split(',')[index], CultureInfo.InvariantCulture);

    /// <summary>Words are parted by spaces, but a parenthesis may hold some.</summary>
    private static List<string> Words(string line)
    {
        var words = new List<string>();
        var (start, depth) = (-1, 0);
        for (var i = 0; i <= line.Length; i++)
        {
            var space = i == line.Length || (line[i] == ' ' && depth == 0);
            if (!space)
            {
                depth += line[i] switch { '(' => 1, ')' => -1, _ => 0 };
                start = start < 0 ? i : start;
            }
            else if (start >= 0)
            {
                words.Add(line[start..i]);
                start = -1;
            }
        }

        return words;
    }

    private static (string Word, string Argument) Split(string word)
        => word.IndexOf('(', StringComparison.Ordinal) is >= 0 and var open ? (word[..open], word[(open + 1)..^1]) : (word, "");

    private static JsonNode DefaultOf(string text, FieldType type) => (text, type) switch
    {
        ("{}", _) => new JsonObject(),
        ("\"\"", _) => JsonValue.Create(""),
        (_, ScalarType { Scalar: Scalar.Int32 or Scalar.Int64 }) => JsonValue.Create(long.Parse(text, CultureInfo.InvariantCulture)),
        (_, ScalarType { Scalar: Scalar.Bool }) => JsonValue.Create(text == "true"),
        _ => JsonValue.Create(text.Trim('"')),
    };

    private FieldType TypeOf(string text, string package) => (text[0], text) switch
    {
        ('[', _) => new ListType(TypeOf(text[1..^1], package)),
        ('{', _) => new MapType(TypeOf(text[1..^1], package)),
        (_, "string") => new ScalarType(Scalar.String, "string"),
        (_, "int32") => new ScalarType(Scalar.Int32, "int32"),
        (_, "int64") => new ScalarType(Scalar.Int64, "int64"),
        (_, "number") => new ScalarType(Scalar.Number, "float64"),
        (_, "bool") => new ScalarType(Scalar.Bool, "bool"),
        (_, "bytes") => new ScalarType(Scalar.Bytes, "[]uint8"),
        (_, "time") => new ScalarType(Scalar.Time, "v1.Time"),
        (_, "microTime") => new ScalarType(Scalar.MicroTime, "v1.MicroTime"),
        (_, "duration") => new ScalarType(Scalar.Duration, "v1.Duration"),
        (_, "quantity") => new ScalarType(Scalar.Quantity, "resource.Quantity"),
        (_, "intOrString") => new ScalarType(Scalar.IntOrString, "intstr.IntOrString"),
        (_, "object") => new ScalarType(Scalar.Any, "runtime.RawExtension"),
        _ => _types.GetValueOrDefault(text.Contains('.', StringComparison.Ordinal) ? text : $"{package}.{text}")
             ?? throw new FormatException($"schema: unknown type {text} in {package}"),
    };
}
