using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;

namespace Fairlead.Kube.Selectors;

/// <summary>Reads the text form of a label selector: requirements between commas, each of them must hold.</summary>
internal sealed partial class LabelSelectorParser(string text)
{
    private int _position;

    public bool TryParse([NotNullWhen(true)] out LabelSelector? selector, [NotNullWhen(false)] out string? problem)
    {
        (selector, problem) = (null, null);
        var labels = new Dictionary<string, string>(StringComparer.Ordinal);
        var expressions = new List<LabelSelectorRequirement>();
        SkipSpace();
        while (_position < text.Length)
        {
            problem = Requirement(labels, expressions);
            if (problem is not null)
            {
                problem = $"unable to parse requirement: {problem}";
                return false;
            }

            SkipSpace();
            if (_position < text.Length && !Take(','))
            {
                problem = $"unable to parse requirement: found '{text[_position..]}', expected: ',' or the end";
                return false;
            }

            SkipSpace();
        }

        selector = new LabelSelector { MatchLabels = EquatableMap.Create(labels), MatchExpressions = expressions.ToEquatableArray() };
        return true;
    }

    private string? Requirement(Dictionary<string, string> labels, List<LabelSelectorRequirement> expressions)
    {
        SkipSpace();
        var absent = Take('!');
        var key = Word();
        if (!KeyPattern().IsMatch(key))
        {
            return $"found '{key}', expected: a label's key";
        }

        if (absent)
        {
            expressions.Add(new() { Key = key, Operator = "DoesNotExist" });
            return null;
        }

        SkipSpace();
        if (_position == text.Length || text[_position] == ',')
        {
            expressions.Add(new() { Key = key, Operator = "Exists" });
            return null;
        }

        if (Take('>'))
        {
            return Compare(key, "Gt", expressions);
        }

        if (Take('<'))
        {
            return Compare(key, "Lt", expressions);
        }

        if (Take('!'))
        {
            if (!Take('='))
            {
                return $"found '!{text[_position..]}', expected: !=";
            }

            expressions.Add(new() { Key = key, Operator = "NotIn", Values = [Value()] });
            return null;
        }

        if (Take('='))
        {
            Take('=');
            var value = Value();
            if (labels.TryAdd(key, value) || labels[key] == value)
            {
                return null;
            }

            // Two different values of one key can never both hold; a map has room for one, an expression for the other.
            expressions.Add(new() { Key = key, Operator = "In", Values = [value] });
            return null;
        }

        return Set(key, expressions);
    }

    private string? Set(string key, List<LabelSelectorRequirement> expressions)
    {
        var word = Word();
        if (word is not ("in" or "notin"))
        {
            return $"found '{word}', expected: in, notin, =, ==, !=, gt, lt";
        }

        SkipSpace();
        if (!Take('('))
        {
            return $"found '{text[_position..]}', expected: '('";
        }

        var end = text.IndexOf(')', _position);
        if (end < 0)
        {
            return $"found '{text[_position..]}', expected: ')'";
        }

        var values = text[_position..end].Split(',', StringSplitOptions.TrimEntries);
        _position = end + 1;
        expressions.Add(new() { Key = key, Operator = word == "in" ? "In" : "NotIn", Values = values.ToEquatableArray() });
        return null;
    }

    private string? Compare(string key, string comparison, List<LabelSelectorRequirement> expressions)
    {
        var value = Value();
        if (!long.TryParse(value, System.Globalization.CultureInfo.InvariantCulture, out _))
        {
            return $"for 'Gt', 'Lt' operators, the value must be an integer: '{value}'";
        }

        expressions.Add(new() { Key = key, Operator = comparison, Values = [value] });
        return null;
    }

    private string Value()
    {
        SkipSpace();
        return Word();
    }

    private string Word()
    {
        var start = _position;
        while (_position < text.Length && text[_position] is not (',' or '=' or '!' or '>' or '<' or '(' or ')' or ' '))
        {
            _position++;
        }

        return text[start.._position];
    }

    private bool Take(char c)
    {
        if (_position < text.Length && text[_position] == c)
        {
            _position++;
            return true;
        }

        return false;
    }

    private void SkipSpace()
    {
        while (_position < text.Length && text[_position] == ' ')
        {
            _position++;
        }
    }

    [GeneratedRegex(@"^([a-zA-Z0-9]([-a-zA-Z0-9.]*[a-zA-Z0-9])?/)?[a-zA-Z0-9]([-\w.]*[a-zA-Z0-9])?$", RegexOptions.ECMAScript, 1000)]
    private static partial Regex KeyPattern();
}
