using System.Diagnostics.CodeAnalysis;
using System.Text;
using Fairlead.Kube.State;

namespace Fairlead.Kube.Selectors;

/// <summary>Fields that an object must, or must not, have: <c>spec.nodeName=n1,status.phase!=Failed</c>.</summary>
public sealed record FieldSelector(EquatableArray<FieldRequirement> Requirements)
{
    /// <summary>Selects everything.</summary>
    public static FieldSelector Everything { get; } = new(new EquatableArray<FieldRequirement>());

    /// <summary>Reads a query's selector; the empty text selects everything.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out FieldSelector? selector, [NotNullWhen(false)] out string? problem)
    {
        (selector, problem) = (null, null);
        var requirements = new List<FieldRequirement>();
        foreach (var term in Split(text))
        {
            var at = term.IndexOf('=', StringComparison.Ordinal);
            if (at <= 0)
            {
                problem = $"invalid selector: '{text}'; can't understand '{term}'";
                return false;
            }

            var not = term[at - 1] == '!';
            var value = term[(at + 1)..];
            requirements.Add(new(term[..(not ? at - 1 : at)], !not, Unescape(!not && value.StartsWith('=') ? value[1..] : value)));
        }

        selector = new FieldSelector(requirements.ToEquatableArray());
        return true;
    }

    /// <summary>Whether an object matches; <paramref name="field"/> gives a field's text, "" when it is not set.</summary>
    public bool Matches(Func<string, string> field)
        => Requirements.All(r => (field(r.Field) == r.Value) == r.Equal);

    public override string ToString() => string.Join(',', Requirements.Select(r => $"{r.Field}{(r.Equal ? "=" : "!=")}{r.Value}"));

    // A backslash keeps the next character from being read as a separator, as in Kubernetes.
    private static IEnumerable<string> Split(string text)
    {
        var start = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\\')
            {
                i++;
            }
            else if (text[i] == ',')
            {
                if (i > start)
                {
                    yield return text[start..i];
                }

                start = i + 1;
            }
        }

        if (start < text.Length)
        {
            yield return text[start..];
        }
    }

    private static string Unescape(string value)
    {
        if (!value.Contains('\\', StringComparison.Ordinal))
        {
            return value;
        }

        var text = new StringBuilder();
        for (var i = 0; i < value.Length; i++)
        {
            text.Append(value[i] == '\\' && i + 1 < value.Length ? value[++i] : value[i]);
        }

        return text.ToString();
    }
}

/// <summary>One field and the value that it must have, or must not.</summary>
public sealed record FieldRequirement(string Field, bool Equal, string Value);
