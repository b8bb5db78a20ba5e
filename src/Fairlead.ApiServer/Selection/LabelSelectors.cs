using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Responses;
using Fairlead.ApiServer.Schema;

namespace Fairlead.ApiServer.Selection;

/// <summary>How one label is compared.</summary>
internal enum SelectorOperator
{
    In, NotIn, Exists, DoesNotExist, GreaterThan, LessThan,
}

/// <summary>One demand of a label selector.</summary>
internal sealed record LabelRequirement(string Key, SelectorOperator Operator, ImmutableArray<string> Values)
{
    public bool Matches(IReadOnlyDictionary<string, string> labels)
    {
        var has = labels.TryGetValue(Key, out var value);
        return Operator switch
        {
            SelectorOperator.In => has && Values.Contains(value!, StringComparer.Ordinal),
            SelectorOperator.NotIn => !has || !Values.Contains(value!, StringComparer.Ordinal),
            SelectorOperator.Exists => has,
            SelectorOperator.DoesNotExist => !has,
            _ => has && long.TryParse(value, CultureInfo.InvariantCulture, out var number) && long.TryParse(Values[0], CultureInfo.InvariantCulture, out var limit)
                 && (Operator == SelectorOperator.GreaterThan ? number > limit : number < limit),
        };
    }
}

/// <summary>Label selectors in a query string (<c>a=b,c in (d,e),!f</c>) and in an object.</summary>
internal static class LabelSelectors
{
    /// <summary>Throws a BadRequest that quotes the selector.</summary>
    public static ImmutableArray<LabelRequirement> Parse(string text)
    {
        var result = ImmutableArray.CreateBuilder<LabelRequirement>();
        foreach (var part in Parts(text))
        {
            result.Add(Requirement(part) ?? throw StatusException.BadRequest($"unable to parse requirement: found '{part}', expected: a label requirement"));
        }

        return result.ToImmutable();
    }

    public static bool Matches(ImmutableArray<LabelRequirement> selector, IReadOnlyDictionary<string, string> labels)
    {
        foreach (var requirement in selector)
        {
            if (!requirement.Matches(labels))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>A selector in an object, as <c>kubectl get -o wide</c> shows it.</summary>
    public static string Show(JsonNode? selector)
    {
        if (selector is null)
        {
            return "<none>";
        }

        var parts = selector.Entries("matchLabels").Select(e => $"{e.Key}={e.Value.Text()}").ToList();
        foreach (var expression in selector.Items("matchExpressions"))
        {
            var (key, values) = (expression.Text("key"), string.Join(',', expression.Items("values").Select(v => v.Text()).Order(StringComparer.Ordinal)));
            parts.Add(expression.Text("operator") switch
            {
                "In" => $"{key} in ({values})",
                "NotIn" => $"{key} notin ({values})",
                "Exists" => key,
                _ => $"!{key}",
            });
        }

        return parts.Count == 0 ? "<none>" : string.Join(',', parts.Order(StringComparer.Ordinal));
    }

    public static string ShowLabels(JsonNode? labels)
        => labels is JsonObject { Count: > 0 } map ? string.Join(',', map.Select(e => $"{e.Key}={e.Value.Text()}").Order(StringComparer.Ordinal)) : "<none>";

    /// <summary>Commas inside parentheses do not part requirements.</summary>
    private static IEnumerable<string> Parts(string text)
    {
        var (start, depth) = (0, 0);
        for (var i = 0; i <= text.Length; i++)
        {
            if (i == text.Length || (text[i] == ',' && depth == 0))
            {
                if (text[start..i].Trim() is { Length: > 0 } part)
                {
                    yield return part;
                }

                start = i + 1;
            }
            else
            {
                depth += text[i] switch { '(' => 1, ')' => -1, _ => 0 };
            }
        }
    }

    private static LabelRequirement? Requirement(string part)
    {
        if (part[0] == '!')
        {
            return Checked(part[1..].Trim(), SelectorOperator.DoesNotExist, []);
        }

        if (part.EndsWith(')') && part.IndexOf('(', StringComparison.Ordinal) is > 0 and var open)
        {
            var words = part[..open].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            var values = part[(open + 1)..^1].Split(',').Select(v => v.Trim()).ToImmutableArray();
            return words switch
            {
                [var key, "in"] => Checked(key, SelectorOperator.In, values),
                [var key, "notin"] => Checked(key, SelectorOperator.NotIn, values),
                _ => null,
            };
        }

        ReadOnlySpan<(string Text, SelectorOperator Operator)> operators =
        [
            ("!=", SelectorOperator.NotIn), ("==", SelectorOperator.In), ("=", SelectorOperator.In), (">", SelectorOperator.GreaterThan), ("<", SelectorOperator.LessThan),
        ];
        foreach (var (text, comparison) in operators)
        {
            if (part.IndexOf(text, StringComparison.Ordinal) is > 0 and var at)
            {
                return Checked(part[..at].Trim(), comparison, [part[(at + text.Length)..].Trim()]);
            }
        }

        return Checked(part, SelectorOperator.Exists, []);
    }

    private static LabelRequirement? Checked(string key, SelectorOperator comparison, ImmutableArray<string> values)
        => NameRules.LabelKey(key).Any() || values.Any(v => NameRules.LabelValue(v).Any()) ? null : new LabelRequirement(key, comparison, values);
}
