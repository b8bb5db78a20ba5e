using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;

namespace Fairlead.Kube.Selectors;

/// <summary>Whether labels match a selector, and selectors as text.</summary>
public static class LabelSelectors
{
    /// <summary>Null selects nothing, the empty selector everything.</summary>
    public static bool Matches(LabelSelector? selector, EquatableMap labels)
    {
        if (selector is null)
        {
            return false;
        }

        if (!Matches(selector.MatchLabels, labels))
        {
            return false;
        }

        foreach (var requirement in selector.MatchExpressions)
        {
            if (!Matches(requirement, labels))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Whether the labels hold every one of the map's entries.</summary>
    public static bool Matches(EquatableMap required, EquatableMap labels)
    {
        foreach (var (key, value) in required)
        {
            if (labels.Find(key) != value)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Whether the labels meet one expression; an unknown operator is met by none.</summary>
    public static bool Matches(LabelSelectorRequirement requirement, EquatableMap labels)
    {
        var value = labels.Find(requirement.Key);
        return requirement.Operator switch
        {
            "In" => value is not null && requirement.Values.Contains(value, StringComparer.Ordinal),
            "NotIn" => value is null || !requirement.Values.Contains(value, StringComparer.Ordinal),
            "Exists" => value is not null,
            "DoesNotExist" => value is null,
            "Gt" => Number(value) is { } left && Number(First(requirement)) is { } right && left > right,
            "Lt" => Number(value) is { } left && Number(First(requirement)) is { } right && left < right,
            _ => false,
        };
    }

    /// <summary>The selector as a query has it: <c>app=web,tier in (a,b),!legacy</c>.</summary>
    public static string Format(LabelSelector selector)
    {
        var text = new StringBuilder(selector.MatchLabels.ToString());
        foreach (var requirement in selector.MatchExpressions)
        {
            if (text.Length > 0)
            {
                text.Append(',');
            }

            text.Append(requirement.Operator switch
            {
                "In" => $"{requirement.Key} in ({string.Join(',', requirement.Values.AsEnumerable())})",
                "NotIn" => $"{requirement.Key} notin ({string.Join(',', requirement.Values.AsEnumerable())})",
                "DoesNotExist" => $"!{requirement.Key}",
                "Gt" => $"{requirement.Key}>{First(requirement)}",
                "Lt" => $"{requirement.Key}<{First(requirement)}",
                _ => requirement.Key,
            });
        }

        return text.ToString();
    }

    /// <summary>Reads a query's selector; the empty text selects everything.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out LabelSelector? selector, [NotNullWhen(false)] out string? problem)
        => new LabelSelectorParser(text).TryParse(out selector, out problem);

    private static string? First(LabelSelectorRequirement requirement) => requirement.Values.IsEmpty ? null : requirement.Values[0];

    private static long? Number(string? text)
        => long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : null;
}
