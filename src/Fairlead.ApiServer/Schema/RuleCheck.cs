using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Responses;

namespace Fairlead.ApiServer.Schema;

/// <summary>Checks an object against the rules that the schema states: required values, allowed values, forms, ranges.</summary>
internal static class RuleCheck
{
    private const string PortText = "must be between 1 and 65535, inclusive";

    /// <summary><c>metadata</c> and <c>status</c> of a kind are left out: the first has its own rules, the second is written by programs.</summary>
    public static void Check(SchemaType type, JsonObject value, FieldErrors errors) => Check(type, value, "", errors);

    private static void Check(SchemaType type, JsonObject value, string path, FieldErrors errors)
    {
        foreach (var field in type.Fields)
        {
            if (path.Length == 0 && field.Name is "metadata" or "status" or "kind" or "apiVersion")
            {
                continue;
            }

            var at = path.Length == 0 ? field.Name : $"{path}.{field.Name}";
            var child = value[field.Name];
            if (child is null || IsEmpty(child))
            {
                Missing(field, at, errors);
            }

            if (child is not null)
            {
                CheckValue(field, field.Type, child, at, errors);
            }
        }
    }

    private static void Missing(SchemaField field, string at, FieldErrors errors)
    {
        foreach (var rule in field.Rules)
        {
            if (rule.Kind == RuleKind.Need)
            {
                errors.Required(at, rule.Text);
            }
        }
    }

    private static bool IsEmpty(JsonNode value) => value switch
    {
        JsonArray items => items.Count == 0,
        JsonValue v when v.GetValueKind() == JsonValueKind.String => v.GetValue<string>().Length == 0,
        _ => false,
    };

    private static void CheckValue(SchemaField field, FieldType type, JsonNode value, string at, FieldErrors errors)
    {
        switch (type, value)
        {
            case (ObjectType described, JsonObject o):
                Check(described.Type, o, at, errors);
                break;
            case (ListType list, JsonArray items):
                for (var i = 0; i < items.Count; i++)
                {
                    if (items[i] is { } item)
                    {
                        CheckValue(field, list.Item, item, $"{at}[{i}]", errors);
                    }
                }

                break;
            case (MapType { Value: ObjectType } map, JsonObject entries):
                foreach (var (key, entry) in entries)
                {
                    CheckValue(field, map.Value, entry!, $"{at}[{key}]", errors);
                }

                break;
            case (ScalarType scalar, _):
                CheckScalar(field, scalar, value, at, errors);
                break;
        }
    }

    private static void CheckScalar(SchemaField field, ScalarType type, JsonNode value, string at, FieldErrors errors)
    {
        var text = value.Text();
        if (!type.Values.IsDefaultOrEmpty && text.Length > 0 && !type.Values.AsSpan().Contains(text))
        {
            errors.NotSupported(at, text, type.Values);
        }

        foreach (var rule in field.Rules)
        {
            CheckRule(rule, value, text, at, errors);
        }
    }

    private static void CheckRule(FieldRule rule, JsonNode value, string text, string at, FieldErrors errors)
    {
        var number = value.Number() ?? 0;
        switch (rule.Kind)
        {
            case RuleKind.Port when number is < 1 or > 65535:
                errors.Invalid(at, value, PortText);
                break;
            case RuleKind.PortOrZero when number is < 0 or > 65535:
                errors.Invalid(at, value, "must be between 0 and 65535, inclusive");
                break;
            case RuleKind.PortOrName when value.GetValueKind() == JsonValueKind.Number:
                if (number is < 1 or > 65535)
                {
                    errors.Invalid(at, value, PortText);
                }

                break;
            case RuleKind.Min when number < rule.Low:
                errors.Invalid(at, value, $"must be greater than or equal to {rule.Low}");
                break;
            case RuleKind.Range when number < rule.Low || number > rule.High:
                errors.Invalid(at, value, $"must be between {rule.Low} and {rule.High}, inclusive");
                break;
            case RuleKind.Ip when text.Length > 0 && !IPAddress.TryParse(text, out _):
                errors.Invalid(at, value, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
                break;
            case RuleKind.Cidr when text.Length > 0 && !IPNetwork.TryParse(text, out _):
                errors.Invalid(at, value, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
                break;
            case RuleKind.PortName or RuleKind.PortOrName or RuleKind.Label or RuleKind.Subdomain or RuleKind.ServiceName or RuleKind.LabelKey
                when text.Length > 0:
                foreach (var wrong in FormOf(rule.Kind, text))
                {
                    errors.Invalid(at, value, wrong);
                }

                break;
        }
    }

    private static IEnumerable<string> FormOf(RuleKind kind, string text) => kind switch
    {
        RuleKind.Label => NameRules.Label(text),
        RuleKind.Subdomain => NameRules.Subdomain(text),
        RuleKind.ServiceName => NameRules.ServiceName(text),
        RuleKind.LabelKey => NameRules.LabelKey(text),
        _ => NameRules.PortName(text),
    };
}
